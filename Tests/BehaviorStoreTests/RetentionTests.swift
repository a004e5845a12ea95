import Foundation
import GRDB
import Testing

@testable import BehaviorStore

/// Rows that are older than the retention go, and what held them is overwritten.
@Suite struct RetentionTests {
  let directory: TemporaryDirectory
  let store: BehaviorStore
  private static let day: Int64 = 86_400
  private var home: String { directory.path + "/device" }

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  /// A clock whose two times differ, so that a mix-up shows.
  private func clock(day: Int64) -> RetentionClock {
    RetentionClock(utcSeconds: day * Self.day, localSeconds: day * Self.day + 3_600)
  }

  @Test("events go by the local clock, slates by UTC; what is exactly so old stays")
  func boundaries() throws {
    let cutoff = 70 * Self.day
    for (item, seconds) in [("OLD", cutoff + 3_599), ("EDGE", cutoff + 3_600), ("NEW", cutoff * 2)]
    {
      try store.append([try purchase(item, occasion: item, atSeconds: seconds)])
    }
    for seconds in [cutoff - 1, cutoff] {
      let slate = try store.recordSlate(
        timeSeconds: seconds, explorationPolicy: "greedy",
        items: [ShownItem(position: 1, item: "S\(seconds)", propensity: 1, components: "{}")])
      try store.recordOutcome(.clicked, item: "S\(seconds)", slate: slate, atSeconds: seconds)
    }
    let removed = try store.removeExpired(days: 30, at: clock(day: 100))
    #expect(removed == RemovedRows(events: 1, slates: 1))
    #expect(try store.latestEvents(limit: 9).map(\.item) == ["NEW", "EDGE"])
    #expect(try store.slates(limit: 9).map(\.timeSeconds) == [cutoff])
    #expect(try store.slates(limit: 9).first?.outcomes == ["S\(cutoff)": [.clicked]])
    let again = try store.removeExpired(days: 30, at: clock(day: 100))
    #expect(again.isNone)
    // One more day, and the rows at the edge are a day too old.
    #expect(
      try store.removeExpired(days: 30, at: clock(day: 101)) == RemovedRows(events: 1, slates: 1))
  }

  @Test("codes that no row needs go with the rows, and those still needed stay")
  func codesGo() throws {
    try store.append([
      try purchase("SHARED", occasion: "old", atSeconds: 0),
      try purchase("GONE", occasion: "old", atSeconds: 0),
      try purchase("SHARED", occasion: "new", atSeconds: 100 * Self.day),
    ])
    _ = try store.recordSlate(
      timeSeconds: 100 * Self.day, explorationPolicy: "greedy",
      items: [ShownItem(position: 1, item: "SHOWN", propensity: 1, components: "{}")])
    #expect(try store.removeExpired(days: 1, at: clock(day: 100)).events == 2)
    func count(_ table: String) throws -> Int? {
      try store.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM \(table)") }
    }
    #expect(try count("item") == 2)
    #expect(try count("occasion") == 1)
    #expect(try store.latestEvents(limit: 9).map(\.item) == ["SHARED"])
    // A code that went is stored anew when it comes again.
    try store.append([try purchase("GONE", occasion: "old", atSeconds: 100 * Self.day)])
    #expect(Set(try store.latestEvents(limit: 9).map(\.item)) == ["SHARED", "GONE"])
  }

  @Test("consent, journal and checkpoints stay; what a model derived from removed events goes")
  func whatStays() throws {
    try store.append([try purchase("A", atSeconds: 0)])
    try store.giveConsent(policyHash: "aa", atSeconds: 0)
    try store.journalSpent(entry(round: 1))
    try store.keep(KeptCheckpoint(ledgerID: "0123", size: 4, note: "n", atSeconds: 0))
    try store.setModelState("user", to: [1])
    #expect(try store.removeExpired(days: 1, at: clock(day: 9_000)).events == 1)
    #expect(try store.consent(policyHash: "aa").allows)
    #expect(try store.lastRound(ledgerID: "0123") == 1)
    #expect(try store.newestCheckpoint(ledgerID: "0123") != nil)
    #expect(try store.modelState("user") == nil)
  }

  @Test("no file keeps what held a removed row")
  func pagesAreOverwritten() throws {
    // The kind's name beside a row is in clear text, and only the removed rows have this one.
    let old = try (0..<200).map {
      try BehaviorEvent(
        kind: .couponRedemption, item: "I\($0)", timeSeconds: 0, value: 1, occasion: "o")
    }
    try store.append(old)
    try store.append([try purchase("NEW", atSeconds: 100 * Self.day)])
    func filesHold(_ text: String) throws -> Bool {
      try FileManager.default.contentsOfDirectory(atPath: home).contains { name in
        try Data(contentsOf: URL(fileURLWithPath: home + "/" + name)).range(of: Data(text.utf8))
          != nil
      }
    }
    #expect(try filesHold("coupon-redemption"), "the search must be able to find it")
    #expect(try store.removeExpired(days: 50, at: clock(day: 100)).events == 200)
    #expect(try !filesHold("coupon-redemption"))
    #expect(try filesHold("purchase"))
  }
}
