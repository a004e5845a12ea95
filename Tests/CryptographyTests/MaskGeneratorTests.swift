import Testing

@testable import Cryptography

@Suite("Mask generator")
struct MaskGeneratorTests {
  static func table(_ rows: [[UInt8]]) throws -> SecretTable {
    var table = try SecretTable(rowCount: rows.count)
    for (row, bytes) in rows.enumerated() {
      table.withMutableRow(row) { span in
        for index in bytes.indices { span[index] = bytes[index] }
      }
    }
    return table
  }

  static func masked(
    _ words: [UInt32], _ masks: [MaskGenerator.Mask], _ keys: borrowing SecretTable, at offset: Int
  ) throws -> [UInt32] {
    var words = words
    var span = words.mutableSpan
    try MaskGenerator.add(masks, keys: keys, to: &span, at: offset)
    return words
  }

  @Test("the keystream of the zero key is AES-256 of the counter, read as little-endian words")
  func knownBlocks() throws {
    let keys = try Self.table([[UInt8](repeating: 0, count: 32)])
    // McGrew and Viega, "The Galois/Counter mode of operation", test case 13: E(K, 0) is its H and
    // E(K, 1) its E(K, Y0).
    let blocks =
      try HexCoding.decode("dc95c078a2408989ad48a21492842087")
      + HexCoding.decode("530f8afbc74536b9a963b4f1c4cb738b")
    let expected = stride(from: 0, to: 32, by: 4).map { start in
      (0..<4).reduce(UInt32(0)) { $0 | UInt32(blocks[start + $1]) << UInt32(8 * $1) }
    }
    let zeros = [UInt32](repeating: 0, count: 8)
    let mask = MaskGenerator.Mask(row: 0, isSubtracted: false)
    #expect(try Self.masked(zeros, [mask], keys, at: 0) == expected)
    #expect(
      try Self.masked([UInt32](repeating: 0, count: 4), [mask], keys, at: 4)
        == Array(expected[4...]))
    let subtracted = MaskGenerator.Mask(row: 0, isSubtracted: true)
    #expect(try Self.masked(expected, [subtracted], keys, at: 0) == zeros)
  }

  @Test("any stretch of a vector gets the words that the whole vector gets")
  func stretches() throws {
    // More keys than one pass takes, more words than one tile, and a last tile that is not full.
    let keyCount = MaskGenerator.keysPerPass + 3
    var keys = try SecretTable(rowCount: keyCount)
    keys.randomize(rows: 0..<keyCount)
    let masks = (0..<keyCount).map { MaskGenerator.Mask(row: $0, isSubtracted: $0 % 3 == 0) }
    let count = 2 * MaskGenerator.tileWordCount + 37
    let start = (0..<count).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) }
    let whole = try Self.masked(start, masks, keys, at: 0)
    for (offset, end) in [(0, 5), (4, 4101), (4092, 8200), (8192, count), (8228, count)] {
      #expect(
        try Self.masked(Array(start[offset..<end]), masks, keys, at: offset)
          == Array(whole[offset..<end]))
    }
    // One key at a time gives the same.
    var single = start
    for mask in masks { single = try Self.masked(single, [mask], keys, at: 0) }
    #expect(single == whole)
    let undone = masks.map { MaskGenerator.Mask(row: $0.row, isSubtracted: !$0.isSubtracted) }
    #expect(try Self.masked(whole, undone.reversed(), keys, at: 0) == start)
  }

  @Test("no masks and no words change nothing")
  func empty() throws {
    let keys = try SecretTable(rowCount: 1)
    #expect(try Self.masked([1, 2, 3], [], keys, at: 0) == [1, 2, 3])
    #expect(
      try Self.masked([], [MaskGenerator.Mask(row: 0, isSubtracted: false)], keys, at: 8) == [])
  }

  @Test("the counter block is big-endian")
  func counterBlock() {
    #expect(
      MaskGenerator.counterBlock(0x0102_0304_0506_0708)
        == [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
  }
}
