extension ModelParameters {
  /// The canonical bytes: `tacit parameters/1`, a newline, the number of tensors as one byte, then the
  /// tensors by ascending name: name behind its length of two bytes, number of dimensions as one byte,
  /// each dimension as four, then the values. Integers are big-endian, values little-endian binary32.
  package func encoded() -> [UInt8] {
    let payload = tensors.values.reduce(0) { $0 + 64 + 4 * $1.values.count }
    var writer = BinaryWriter(format: Self.format, capacity: payload)
    writer.write(UInt8(tensors.count))
    // Names are ASCII, so that the order of strings is that of bytes.
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      writer.write(text: name)
      writer.write(UInt8(tensor.shape.count))
      for dimension in tensor.shape { writer.write(UInt32(dimension)) }
      writer.write(values: tensor.values)
    }
    return writer.bytes
  }

  /// - Parameters:
  ///   - bytes: what ``encoded()`` wrote; untrusted.
  ///   - limit: bytes accepted at most.
  /// - Throws: `.tooLarge`, `.wrongFormat`, `.truncated`, `.trailingBytes`, `.notCanonical` (names out
  ///   of order, repeated or not [a-z0-9_]; negative zero counts as a value of its own), `.notFinite`.
  package init(
    decoding bytes: [UInt8], limit: Int = Limits.encodedBytes
  ) throws(RecommendationError) {
    var reader = try BinaryReader(bytes, format: Self.format, limit: limit)
    let count = Int(try reader.read(UInt8.self))
    guard count <= Limits.tensors else {
      throw .tooLarge(what: "tensors", actual: count, limit: Limits.tensors)
    }
    var tensors: [String: Tensor] = [:]
    var last = ""
    for _ in 0..<count {
      let start = reader.offset
      let name = try reader.readText()
      guard Self.isName(name), last < name else { throw .notCanonical(byteOffset: start) }
      last = name
      tensors[name] = try Self.tensor(&reader, name: name)
    }
    try reader.end()
    try self.init(tensors: tensors)
  }

  private static func tensor(
    _ reader: inout BinaryReader, name: String
  ) throws(RecommendationError) -> Tensor {
    let rank = Int(try reader.read(UInt8.self))
    guard (1...Limits.rank).contains(rank) else {
      throw .tooLarge(what: "dimensions of \(name)", actual: rank, limit: Limits.rank)
    }
    var shape: [Int] = []
    var count = 1
    for _ in 0..<rank {
      let dimension = Int(try reader.read(UInt32.self))
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow else {
        throw .tooLarge(
          what: "values of \(name)", actual: Int.max, limit: Limits.encodedBytes / 4)
      }
      count = product
      shape.append(dimension)
    }
    return Tensor(shape: shape, values: try reader.readValues(count, name: name))
  }
}
