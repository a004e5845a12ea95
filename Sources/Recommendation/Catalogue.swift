/// The shop's public price list: which items there are and what they are called.
///
/// Public by ruling 4: it does not depend on customers. Every device and the coordinator hold the same
/// bytes, whose hash stands in every offer of a round. An item is named elsewhere by its place here,
/// in 0 ..< ``count``.
package struct Catalogue: Sendable, Equatable {
  /// Bounds on what a catalogue may hold, so that a reader knows the largest one.
  package enum Limits {
    /// Items; below 2^24, so that a place is exact as a `Float`.
    package static let items = 1 << 20
    /// Bytes of UTF-8 in a code or a description.
    package static let textBytes = 255
    /// Bytes of an encoding.
    package static let encodedBytes = 1 << 26
  }

  static let format = "tacit catalogue/1"

  /// Item codes, strictly ascending by their UTF-8 bytes, 1 to 255 bytes each.
  package let codes: [String]
  /// The public text of each item, 0 to 255 bytes of UTF-8 each; as many as codes.
  package let descriptions: [String]

  /// Number of items, 1 ... 2^20.
  package var count: Int { codes.count }

  /// - Parameters:
  ///   - codes: strictly ascending by UTF-8 bytes, each 1 to 255 bytes.
  ///   - descriptions: one a code, each 0 to 255 bytes.
  /// - Throws: `.itemCountOutOfRange`, `.descriptionCountMismatch`, `.itemTextLength`,
  ///   `.codesNotAscending`.
  package init(codes: [String], descriptions: [String]) throws(RecommendationError) {
    guard (1...Limits.items).contains(codes.count) else {
      throw .itemCountOutOfRange(actual: codes.count, limit: Limits.items)
    }
    guard codes.count == descriptions.count else {
      throw .descriptionCountMismatch(codes: codes.count, descriptions: descriptions.count)
    }
    for item in codes.indices {
      let codeBytes = codes[item].utf8.count
      let descriptionBytes = descriptions[item].utf8.count
      guard (1...Limits.textBytes).contains(codeBytes) else {
        throw .itemTextLength(item: item, actual: codeBytes, limit: Limits.textBytes)
      }
      guard descriptionBytes <= Limits.textBytes else {
        throw .itemTextLength(item: item, actual: descriptionBytes, limit: Limits.textBytes)
      }
      guard item == 0 || Self.precedes(codes[item - 1], codes[item]) else {
        throw .codesNotAscending(item: item)
      }
    }
    self.codes = codes
    self.descriptions = descriptions
  }

  private static func precedes(_ first: String, _ second: String) -> Bool {
    first.utf8.lexicographicallyPrecedes(second.utf8)
  }

  /// The place of `code`; nil if the catalogue has no such item.
  ///
  /// - Complexity: O(log count).
  package func index(of code: String) -> Int? {
    var low = 0
    var high = codes.count
    while low < high {
      let middle = low + (high - low) / 2
      if Self.precedes(codes[middle], code) { low = middle + 1 } else { high = middle }
    }
    guard low < codes.count, codes[low].utf8.elementsEqual(code.utf8) else { return nil }
    return low
  }

  /// The canonical bytes: `tacit catalogue/1`, a newline, the number of items as four bytes, then for
  /// each item code and description behind their lengths of two bytes. Integers are big-endian.
  package func encoded() -> [UInt8] {
    let textBytes = zip(codes, descriptions).reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count }
    var writer = BinaryWriter(format: Self.format, capacity: 4 + 4 * count + textBytes)
    writer.write(UInt32(count))
    for (code, description) in zip(codes, descriptions) {
      writer.write(text: code)
      writer.write(text: description)
    }
    return writer.bytes
  }

  /// - Parameter bytes: what ``encoded()`` wrote; untrusted.
  /// - Throws: `.tooLarge`, `.wrongFormat`, `.truncated`, `.trailingBytes`, `.notCanonical`, and what
  ///   ``init(codes:descriptions:)`` throws.
  package init(decoding bytes: [UInt8]) throws(RecommendationError) {
    var reader = try BinaryReader(bytes, format: Self.format, limit: Limits.encodedBytes)
    let count = Int(try reader.read(UInt32.self))
    guard (1...Limits.items).contains(count) else {
      throw .itemCountOutOfRange(actual: count, limit: Limits.items)
    }
    // Two lengths and one byte of code is the least an item takes.
    guard count <= reader.remaining / 5 else {
      throw .truncated(
        byteOffset: reader.offset, needed: 5 * count, available: reader.remaining)
    }
    var codes = [String]()
    var descriptions = [String]()
    codes.reserveCapacity(count)
    descriptions.reserveCapacity(count)
    for _ in 0..<count {
      codes.append(try reader.readText())
      descriptions.append(try reader.readText())
    }
    try reader.end()
    try self.init(codes: codes, descriptions: descriptions)
  }
}
