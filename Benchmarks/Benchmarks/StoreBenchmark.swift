import BehaviorStore
import Cryptography
import Foundation
import Recommendation

/// The device's encrypted store at a million events, on a disk of this machine.
enum StoreBenchmark {
  private static let eventCount = 1_000_000

  static func run() throws {
    let directory = FileManager.default.temporaryDirectory.path + "/tacit-store-\(getpid())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    // Left behind, it is harmless.
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = directory + "/million.csv"
    try Data(csv().utf8).write(to: URL(fileURLWithPath: path))
    let key = try StoreKey(identity: SigningKey())
    let (store, importing) = try timed {
      try BehaviorStore.create(directory: directory + "/device", key: key, importingCSV: path)
    }
    let (rows, reading) = try timed { try store.history { Int($0.dropFirst(5)) }.rows.count }
    precondition(rows == 4_000, "every item is in the history")
    let (repeated, again) = try timed { try store.importEvents(path: path, format: .csv) }
    precondition(repeated.inserted == 0, "importing twice changes nothing")
    let (removed, removing) = try timed {
      try store.removeExpired(
        days: 1, at: RetentionClock(utcSeconds: 0, localSeconds: 1_291_191_960 + 500_000 + 86_400))
    }
    precondition(removed.events == 500_000, "half of the events are too old")
    let (_, erasing) = try timed { try store.erase(.everything) }
    try store.close()
    Measurement.report(
      "store: 1,000,000 events, 4,000 items, 50,000 occasions",
      [
        "import_seconds": importing, "history_seconds": reading, "import_again_seconds": again,
        "remove_half_seconds": removing, "erase_rest_seconds": erasing,
      ])
  }

  /// Wall time: the disk is part of it.
  private static func timed<Value>(_ body: () throws -> Value) rethrows -> (Value, Double) {
    let start = ContinuousClock.now
    let value = try body()
    let duration = start.duration(to: .now).components
    return (value, Double(duration.seconds) + Double(duration.attoseconds) * 1e-18)
  }

  private static func csv() -> String {
    var csv = "kind,item,time,value,occasion\n"
    csv.reserveCapacity(60 * eventCount)
    for row in 0..<eventCount {
      let time = CalendarTime.text(1_291_191_960 + Int64(row))
      csv += "purchase,ITEM-\(row % 4_000),\(time),\(row % 9 + 1),5363\(row / 20)\n"
    }
    return csv
  }
}
