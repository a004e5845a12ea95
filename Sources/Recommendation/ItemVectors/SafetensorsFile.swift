internal import CanonicalJSON

/// A file in safetensors form with one tensor of two dimensions: F32, F16 or BF16.
///
/// - Source: the format's description in huggingface/safetensors: eight bytes little-endian with
///   the length of a JSON header, the header, then a buffer that the tensors fill without holes or
///   overlap.
enum SafetensorsFile {
  private static let accepted = "F32, F16 and BF16"
  private static let metadata = "__metadata__"
  /// A file of item vectors has one; a model's weights would have hundreds.
  private static let mostTensors = 1024

  static func read(_ bytes: [UInt8]) throws(ItemVectorError) -> VectorArray {
    guard bytes.count >= 8 else {
      throw .truncated(part: "header length", needed: 8, available: bytes.count)
    }
    let announced = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
    guard announced <= UInt64(ItemVectorFile.Limits.headerBytes) else {
      throw .tooLarge(
        what: "header bytes", actual: Int(clamping: announced),
        limit: ItemVectorFile.Limits.headerBytes)
    }
    let length = Int(announced)
    guard length <= bytes.count - 8 else {
      throw .truncated(part: "header", needed: length, available: bytes.count - 8)
    }
    let start = 8 + length
    let tensors = try tensors(Array(bytes[8..<start]))
    try requireFilled(tensors, buffer: bytes.count - start)
    let matrices = tensors.filter { $0.shape.count == 2 }
    guard let tensor = matrices.first, matrices.count == 1 else {
      throw matrices.isEmpty
        ? .badShape(tensors.first?.shape ?? [])
        : .badHeader(
          reason: "\(matrices.count) tensors have two dimensions; save the vectors alone")
    }
    let element: VectorArray.Element
    switch tensor.type {
    case "F32": element = .float32
    case "F16": element = .float16
    case "BF16": element = .bfloat16
    default: throw .unsupportedType(found: String(tensor.type.prefix(16)), accepted: accepted)
    }
    return try VectorArray(
      element: element, shape: tensor.shape,
      bytes: (start + tensor.offsets.lowerBound)..<(start + tensor.offsets.upperBound))
  }

  private struct Tensor {
    let type: String
    let shape: [Int]
    /// In the buffer.
    let offsets: Range<Int>
  }

  private static func tensors(_ header: [UInt8]) throws(ItemVectorError) -> [Tensor] {
    let document: JSONValue
    do {
      document = try JSONValue.parse(header, limit: ItemVectorFile.Limits.headerBytes)
    } catch {
      throw .badHeader(reason: "\(error)")
    }
    guard case .object(let members) = document, members.count <= mostTensors else {
      throw .badHeader(reason: "it is no object of at most \(mostTensors) tensors")
    }
    var tensors: [Tensor] = []
    for (_, value) in members.filter({ $0.key != metadata }).sorted(by: { $0.key < $1.key }) {
      guard let type = value["dtype"]?.stringValue, let shape = integers(value["shape"]),
        let offsets = integers(value["data_offsets"]), offsets.count == 2,
        offsets[0] <= offsets[1]
      else {
        throw .badHeader(reason: "a tensor lacks its dtype, shape or data_offsets")
      }
      tensors.append(Tensor(type: type, shape: shape, offsets: offsets[0]..<offsets[1]))
    }
    guard !tensors.isEmpty else { throw .badHeader(reason: "it names no tensor") }
    return tensors
  }

  /// Whole numbers that are not negative.
  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard case .array(let entries)? = value else { return nil }
    let numbers = entries.compactMap(\.integerValue).compactMap { Int(exactly: $0) }
      .filter { $0 >= 0 }
    return numbers.count == entries.count ? numbers : nil
  }

  /// The tensors follow each other from the start of the buffer to its end.
  private static func requireFilled(
    _ tensors: [Tensor], buffer: Int
  ) throws(ItemVectorError) {
    var end = 0
    for tensor in tensors.sorted(by: {
      ($0.offsets.lowerBound, $0.offsets.upperBound) < (
        $1.offsets.lowerBound, $1.offsets.upperBound
      )
    }) {
      guard tensor.offsets.lowerBound == end else {
        throw .badHeader(reason: "its tensors overlap or leave holes")
      }
      end = tensor.offsets.upperBound
    }
    guard end <= buffer else { throw .truncated(part: "values", needed: end, available: buffer) }
    guard end == buffer else { throw .trailingBytes(buffer - end) }
  }
}
