import CTileLoop
import Cryptography

/// Masks of 1,048,576 coordinates with 100 neighbours: ours against a loop in C over the same cipher.
enum MaskBenchmark {
  private static let wordCount = 1 << 20
  private static let keyCount = 100

  static func run() throws {
    var keys = try SecretTable(rowCount: keyCount)
    keys.randomize(rows: 0..<keyCount)
    let masks = (0..<keyCount).map { MaskGenerator.Mask(row: $0, isSubtracted: false) }
    var flat: [UInt8] = []
    for row in 0..<keyCount {
      keys.withRow(row) { key in for index in key.indices { flat.append(key[index]) } }
    }
    var ours = [UInt32](repeating: 0, count: wordCount)
    var theirs = ours
    // In turns, so that both see the same machine.
    var (ourSeconds, theirSeconds) = (Double.infinity, Double.infinity)
    for _ in 0..<7 {
      ourSeconds = min(
        ourSeconds,
        try Measurement.best(of: 1) {
          var span = ours.mutableSpan
          try MaskGenerator.add(masks, keys: keys, to: &span)
        })
      theirSeconds = min(
        theirSeconds,
        Measurement.best(of: 1) {
          _ = tile_loop_add(flat, keyCount, &theirs, wordCount)
        })
    }
    precondition(ours == theirs, "both loops make the same masks")
    Measurement.report(
      "masks: 1M coordinates, 100 neighbours",
      ["seconds": ourSeconds, "c_seconds": theirSeconds, "ratio": ourSeconds / theirSeconds])
  }
}
