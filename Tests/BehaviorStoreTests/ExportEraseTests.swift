import Foundation
import GRDB
import Testing

@testable import BehaviorStore

/// The customer's rights: all of it handed over, and all of it gone.
@Suite struct ExportEraseTests {
  let directory: TemporaryDirectory
  let store: BehaviorStore
  private let canary = "CANARY-85123A"

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  private var home: String { directory.path + "/device" }

  private func fill() throws {
    try store.append([try purchase(canary), try purchase("22423", occasion: canary)])
    try store.append((0..<200).map { try purchase(canary + "-\($0)") })
    try store.giveConsent(policyHash: "aa", atSeconds: 1)
    try store.journalSpent(entry(round: 1))
    try store.keep(
      KeptCheckpoint(ledgerID: "0123", size: 4, note: "note\n", atSeconds: 1),
      receipts: [KeptReceipt(entry: 2, round: 1, kind: "charge", text: "proof\n")])
    try store.list(
      Refusal(round: 2, reason: "no", evidence: nil, atSeconds: 1), ledgerID: "0123")
    try store.set("theme", to: "dark")
    try store.setModelState("user", to: Array(canary.utf8))
    let slate = try store.recordSlate(
      timeSeconds: 1, explorationPolicy: "greedy",
      items: [ShownItem(position: 1, item: canary, propensity: 1, components: "{}")])
    try store.recordOutcome(.clicked, item: canary, slate: slate, atSeconds: 2)
    try store.forgetInterest(
      tag: canary, items: [canary], at: RetentionClock(utcSeconds: 3, localSeconds: 3))
  }

  private func exported() throws -> [[String: Any]] {
    var objects: [[String: Any]] = []
    try store.exportJSONLines { line in
      #expect(!line.contains("\n"))
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      objects.append(try #require(object as? [String: Any]))
    }
    return objects
  }

  /// Whether any file of the store holds the bytes.
  private func filesHold(_ needle: Data) throws -> Bool {
    let names = try FileManager.default.contentsOfDirectory(atPath: home)
    return try names.contains { name in
      try Data(contentsOf: URL(fileURLWithPath: home + "/" + name)).range(of: needle) != nil
    }
  }

  private func filesHoldCanary() throws -> Bool { try filesHold(Data(canary.utf8)) }

  @Test("an export has every row of every table")
  func exportIsComplete() throws {
    try fill()
    let objects = try exported()
    let counts = Dictionary(grouping: objects) { $0["table"] as? String ?? "" }
      .mapValues(\.count)
    #expect(
      counts == [
        "event": 202, "consent": 1, "journal": 1, "checkpoint": 1, "setting": 1, "modelState": 1,
        "slate": 1, "slateItem": 1, "slateOutcome": 1, "forgottenInterest": 1, "forgottenItem": 1,
        "receipt": 1, "refusal": 1,
      ])
    let tables = try store.read { try BehaviorStore.tables(in: $0) }
    #expect(Set(counts.keys).union(["item", "occasion", "sealing"]) == Set(tables))
    let event = try #require(objects.first { $0["item"] as? String == "22423" })
    #expect(event["occasion"] as? String == canary)
    #expect(event["timeSeconds"] as? Int == 1_291_192_560)
    #expect(event["time"] as? String == "2010-12-01 08:36:00")
    let shown = try #require(objects.first { $0["table"] as? String == "slateItem" })
    #expect(shown["item"] as? String == canary)
    #expect(shown["components"] as? String == "{}")
    #expect(event["value"] as? Double == 6)
    let model = try #require(objects.first { $0["table"] as? String == "modelState" })
    #expect(model["bytes"] as? String == Data(canary.utf8).base64EncodedString())
    let journal = try #require(objects.first { $0["table"] as? String == "journal" })
    #expect(journal["outcomeAtSeconds"] is NSNull)
  }

  @Test("an export that cannot be written to stops with the writer's error")
  func exportStops() throws {
    struct PipeClosed: Error {}
    try fill()
    #expect(throws: PipeClosed.self) { try store.exportJSONLines { _ in throw PipeClosed() } }
    #expect(try store.eventCounts() == [.purchase: 202])
  }

  @Test("erasing leaves no trace of the behaviour in any file, and keeps what was spent")
  func eraseBehavior() throws {
    try fill()
    let sealed = try store.read { try Data.fetchAll($0, sql: "SELECT sealed FROM item") }
    #expect(sealed.count == 202)
    #expect(try sealed.allSatisfy(filesHold), "the search must be able to find it")
    try store.erase(.behavior)
    #expect(try !sealed.contains(where: filesHold))
    #expect(try !filesHoldCanary())
    #expect(try store.eventCounts().isEmpty)
    #expect(try store.modelState("user") == nil)
    #expect(try store.slates(limit: 1).isEmpty)
    #expect(try store.lastRound(ledgerID: "0123") == 1)
    #expect(try store.consent(policyHash: "aa").allows)
    #expect(try store.newestCheckpoint(ledgerID: "0123") != nil)
    try store.close()
    #expect(try !filesHoldCanary())
    #expect(
      try BehaviorStore.open(directory: home, key: testKey()).lastRound(ledgerID: "0123") == 1)
  }

  @Test("erasing everything leaves an empty store that still opens")
  func eraseEverything() throws {
    try fill()
    try store.erase(.everything)
    #expect(try exported().isEmpty)
    try store.close()
    let reopened = try BehaviorStore.open(directory: home, key: testKey())
    try reopened.append([try purchase("22423")])
    #expect(try reopened.eventCounts() == [.purchase: 1])
  }

  @Test("an erase that another reader keeps from overwriting the log says so, and can be repeated")
  func eraseWhileRead() throws {
    try fill()
    let reader = try BehaviorStore.open(directory: home, key: testKey())
    try store.withoutTransaction { try $0.execute(sql: "PRAGMA busy_timeout = 0") }
    try reader.exportJSONLines { _ in
      #expect(
        throws: BehaviorStoreError.locked(
          path: store.path, waitedSeconds: BehaviorStore.lockWaitSeconds)
      ) { try store.erase(.behavior) }
    }
    try store.erase(.behavior)
    #expect(try !filesHoldCanary())
  }
}
