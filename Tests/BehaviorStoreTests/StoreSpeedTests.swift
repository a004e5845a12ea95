import Foundation
import Recommendation
import Testing

@testable import BehaviorStore

/// The store at a million events. It runs where a release build is tested, since a debug build
/// measures something else: `TACIT_SPEED=1 swift test -c release --filter StoreSpeedTests`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["TACIT_SPEED"] != nil))
struct StoreSpeedTests {
  @Test("a million events are imported and read as a history, in the seconds that it prints")
  func million() throws {
    let directory = try TemporaryDirectory()
    let count = 1_000_000
    var csv = csvHeader
    csv.reserveCapacity(60 * count)
    for row in 0..<count {
      let time = NaiveTime.text(of: 1_291_191_960 + Int64(row))
      csv += "purchase,ITEM-\(row % 4_000),\(time),\(row % 9 + 1),5363\(row / 20)\n"
    }
    let path = try directory.file("million.csv", holding: csv)
    let clock = ContinuousClock()
    var store: BehaviorStore?
    let importing = try clock.measure {
      store = try BehaviorStore.create(
        directory: directory.path + "/device", key: testKey(), importingCSV: path)
    }
    var rows = 0
    let reading = try clock.measure {
      rows = try store?.history { Int($0.dropFirst(5)) }.rows.count ?? 0
    }
    #expect(rows == 4_000)
    #expect(try store?.eventCounts() == [.purchase: count])
    var repeated: ImportSummary?
    let again = try clock.measure {
      repeated = try store?.importEvents(path: path, format: .csv)
    }
    #expect(repeated == ImportSummary(inserted: 0, alreadyPresent: count))
    var removed: RemovedRows?
    let removing = try clock.measure {
      removed = try store?.removeExpired(
        days: 1, at: RetentionClock(utcSeconds: 0, localSeconds: 1_291_191_960 + 500_000 + 86_400))
    }
    #expect(removed?.events == 500_000)
    print(
      "1,000,000 events, 4,000 items, 50,000 occasions: import \(importing), history \(reading), "
        + "import again \(again), removal of half \(removing)")
  }
}
