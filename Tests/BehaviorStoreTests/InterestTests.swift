import Foundation
import Recommendation
import Testing

@testable import BehaviorStore

/// Feedback, deleted interests and the exploration budget in the store.
@Suite struct InterestTests {
  let directory: TemporaryDirectory
  let store: BehaviorStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  private static let codes = ["A", "B", "C", "D"]

  private func index(_ code: String) -> Int? { Self.codes.firstIndex(of: code) }

  private func slate(_ items: [String], atSeconds: Int64 = 100) throws -> Int64 {
    try store.recordSlate(
      timeSeconds: atSeconds, explorationPolicy: "plackett-luce:0.3",
      items: items.enumerated().map {
        ShownItem(
          position: $0 + 1, item: $1, propensity: 0.5, components: "{}",
          monteCarloDraws: $0 == 0 ? 500 : nil)
      }, seed: .max)
  }

  private func items(_ history: CustomerHistory) -> [String] {
    history.rows.map { Self.codes[$0.item] }
  }

  @Test("a slate keeps its seed and the draw counts of its propensities")
  func slateDetails() throws {
    _ = try slate(["A", "B"])
    let read = try #require(try store.slates(limit: 1).first)
    #expect(read.seed == .max)
    #expect(read.items.map(\.monteCarloDraws) == [500, nil])
    #expect(try store.slateCount() == 1)
  }

  @Test("reports make exposures by the cascade, oldest slate first; unreported slates make none")
  func exposures() throws {
    let first = try slate(["A", "B", "C"])
    _ = try slate(["D"])
    let third = try slate(["C", "X", "D"])
    #expect(try store.exposures(limit: 10, catalogueIndex: index).isEmpty)
    try store.recordOutcome(.dismissed, item: "D", slate: third, atSeconds: 200)
    try store.recordOutcome(.bought, item: "B", slate: first, atSeconds: 201)
    #expect(
      try store.exposures(limit: 10, catalogueIndex: index) == [
        Exposure(item: 0, isAccepted: false), Exposure(item: 1, isAccepted: true),
        Exposure(item: 3, isAccepted: false),
      ])
    #expect(
      try store.exposures(limit: 1, catalogueIndex: index)
        == [Exposure(item: 3, isAccepted: false)])
    #expect(try store.exposures(limit: 0, catalogueIndex: index).isEmpty)
  }

  @Test("a deleted interest is forgotten up to that moment and comes back with new behaviour only")
  func forgets() throws {
    try store.append([
      purchase("A", occasion: "1", atSeconds: 1_000),
      purchase("B", occasion: "1", atSeconds: 1_000),
      purchase("C", occasion: "1", atSeconds: 1_000),
    ])
    let shown = try slate(["A", "C"], atSeconds: 900)
    try store.recordOutcome(.clicked, item: "C", slate: shown, atSeconds: 950)
    let now = RetentionClock(utcSeconds: 2_000, localSeconds: 2_000)
    try store.forgetInterest(tag: "letters", items: ["A", "B", "D"], at: now)
    #expect(try items(store.history(catalogueIndex: index)) == ["C"])
    #expect(
      try store.exposures(limit: 5, catalogueIndex: index)
        == [Exposure(item: 2, isAccepted: true)])
    #expect(
      try store.forgottenInterests() == [
        ForgottenInterest(tag: "letters", items: ["A", "B", "D"], isRevived: false)
      ])
    // The log itself is untouched, and survives a new opening.
    #expect(try store.eventCounts() == [.purchase: 3])
    try store.close()
    let again = try BehaviorStore.open(directory: directory.path + "/device", key: testKey())
    #expect(try items(again.history(catalogueIndex: index)) == ["C"])

    // A view is no sign of interest; a click is, and so is taking a shown item.
    try again.append([
      BehaviorEvent(kind: .view, item: "A", timeSeconds: 3_000, value: 1, occasion: "2")
    ])
    #expect(try again.forgottenInterests().first?.isRevived == false)
    try again.append([purchase("B", occasion: "3", atSeconds: 3_001)])
    #expect(try again.forgottenInterests().first?.isRevived == true)
    let history = try again.history(catalogueIndex: index)
    #expect(items(history) == ["B", "C"] && history.rows[0].occasions == 1)

    #expect(try again.restoreInterest(tag: "letters"))
    #expect(try !again.restoreInterest(tag: "letters"))
    #expect(try items(again.history(catalogueIndex: index)) == ["A", "B", "C"])
  }

  @Test("taking an item of a shown slate revives a deleted interest; forgetting again ends that")
  func revivedByFeedback() throws {
    try store.forgetInterest(
      tag: "t", items: ["A"], at: RetentionClock(utcSeconds: 50, localSeconds: 7_250))
    let shown = try slate(["A"], atSeconds: 100)
    try store.recordOutcome(.dismissed, item: "A", slate: shown, atSeconds: 101)
    #expect(try store.forgottenInterests().map(\.isRevived) == [false])
    try store.recordOutcome(.clicked, item: "A", slate: shown, atSeconds: 102)
    #expect(try store.forgottenInterests().map(\.isRevived) == [true])
    try store.forgetInterest(
      tag: "t", items: ["A"], at: RetentionClock(utcSeconds: 200, localSeconds: 7_400))
    #expect(try store.forgottenInterests().map(\.isRevived) == [false])
  }

  @Test("tags of deleted interests are sealed, exported in words, kept by retention and erased")
  func sealedExportedErased() throws {
    let tag = "CANARY-lunch-bag"
    try store.forgetInterest(
      tag: tag, items: ["A", "B"], at: RetentionClock(utcSeconds: 5, localSeconds: 5))
    try store.append([purchase("A", atSeconds: 1)])
    _ = try store.removeExpired(
      days: 1, at: RetentionClock(utcSeconds: 1_000_000, localSeconds: 1_000_000))
    #expect(try store.forgottenInterests().map(\.items) == [["A", "B"]])
    var lines: [String] = []
    try store.exportJSONLines { lines.append($0) }
    #expect(lines.contains { $0.contains("forgottenInterest") && $0.contains(tag) })
    #expect(lines.count { $0.contains("forgottenItem") } == 2)
    try store.close()
    let files = TemporaryFiles(directory.path + "/device")
    #expect(try files.bytes().range(of: Data("CANARY".utf8)) == nil)
    let again = try BehaviorStore.open(directory: directory.path + "/device", key: testKey())
    try again.erase(.behavior)
    #expect(try again.forgottenInterests().isEmpty)
  }

  @Test("settings that belong together change together")
  func settingsTogether() throws {
    try store.set(["model": "a", "catalogue": "b", "features": nil])
    #expect(try store.setting("model") == "a" && store.setting("catalogue") == "b")
    try store.set(["model": "c", "catalogue": nil])
    #expect(try store.setting("model") == "c" && store.setting("catalogue") == nil)
  }

  @Test("the budget: a default, the customer's zero, a new day, and slots taken by two processes")
  func budget() throws {
    #expect(try store.takeExplorationSlots(7, day: 3, default: 10) == 7)
    let other = try BehaviorStore.open(directory: directory.path + "/device", key: testKey())
    #expect(try other.takeExplorationSlots(7, day: 3, default: 10) == 3)
    #expect(try store.takeExplorationSlots(7, day: 3, default: 10) == 0)
    #expect(try store.takeExplorationSlots(7, day: 2, default: 10) == 0)
    #expect(try store.takeExplorationSlots(7, day: 4, default: 10) == 7)
    try store.setExplorationBudget(slotsPerDay: 0)
    #expect(try store.takeExplorationSlots(1, day: 9, default: 10) == 0)
    #expect(try store.explorationBudget(default: 10).slotsPerDay == 0)
    try store.setExplorationBudget(slotsPerDay: nil)
    #expect(try store.explorationBudget(default: 10).slotsPerDay == 10)
  }
}

/// All bytes of the files in a directory.
private struct TemporaryFiles {
  let path: String
  init(_ path: String) { self.path = path }
  func bytes() throws -> Data {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted().reduce(Data()) {
      $0 + (try Data(contentsOf: URL(fileURLWithPath: path + "/" + $1)))
    }
  }
}
