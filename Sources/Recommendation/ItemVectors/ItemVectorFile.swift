package import VectorMath

/// Vectors of items that another program made: of their texts by a language model, of their
/// pictures by a vision model.
///
/// Two forms are read, told apart by their first bytes: NumPy's `.npy` (``NumpyArray``) and
/// safetensors (``SafetensorsFile``). Whatever a header announces is held against the bytes that
/// are there before anything of its size is allocated.
package enum ItemVectorFile {
  /// Bounds of what is read.
  package enum Limits {
    /// Bytes of a file.
    package static let fileBytes = 1 << 30
    /// Values of a vector, before it is brought to the models' form.
    package static let dimension = 4096
    /// Bytes of a header.
    package static let headerBytes = 1 << 20
  }

  /// The rows of the file, shape [rows, dimension], as they are written.
  ///
  /// - Parameter bytes: of the file; untrusted.
  /// - Throws: `ItemVectorError`.
  package static func matrix(_ bytes: [UInt8]) throws(ItemVectorError) -> Matrix {
    guard bytes.count <= Limits.fileBytes else {
      throw .tooLarge(what: "bytes", actual: bytes.count, limit: Limits.fileBytes)
    }
    let array: VectorArray
    if bytes.starts(with: NumpyArray.magic) {
      array = try NumpyArray.read(bytes)
    } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
      array = try SafetensorsFile.read(bytes)
    } else {
      throw .unknownFormat
    }
    return try array.matrix(bytes)
  }
}

/// Where in a file which elements are.
struct VectorArray: Equatable {
  /// How an element is written, little-endian.
  enum Element: String {
    case float64, float32, float16, bfloat16

    var byteCount: Int {
      switch self {
      case .float64: 8
      case .float32: 4
      case .float16, .bfloat16: 2
      }
    }
  }

  let element: Element
  let rows: Int
  let columns: Int
  /// The elements, row by row.
  let bytes: Range<Int>

  /// - Throws: `.badShape`, `.tooLarge`, `.truncated`, `.trailingBytes`: the range holds exactly
  ///   the elements.
  init(
    element: Element, shape: [Int], bytes: Range<Int>
  ) throws(ItemVectorError) {
    guard shape.count == 2, shape.allSatisfy({ $0 >= 1 }) else { throw .badShape(shape) }
    guard shape[0] <= Catalogue.Limits.items else {
      throw .tooLarge(what: "rows", actual: shape[0], limit: Catalogue.Limits.items)
    }
    guard shape[1] <= ItemVectorFile.Limits.dimension else {
      throw .tooLarge(
        what: "values a vector", actual: shape[1], limit: ItemVectorFile.Limits.dimension)
    }
    // Both are bounded, so that the product cannot overflow.
    let needed = shape[0] * shape[1] * element.byteCount
    guard needed <= bytes.count else {
      throw .truncated(part: "values", needed: needed, available: bytes.count)
    }
    guard needed == bytes.count else { throw .trailingBytes(bytes.count - needed) }
    self.element = element
    rows = shape[0]
    columns = shape[1]
    self.bytes = bytes
  }

  /// - Throws: `.notFinite`: also for a double beyond the range of Float.
  func matrix(_ file: [UInt8]) throws(ItemVectorError) -> Matrix {
    var result = Matrix(rows: rows, columns: columns)
    var offset = bytes.lowerBound
    var bad: Int?
    result.withMutableElements { elements in
      for index in 0..<(rows * columns) {
        let value = value(file, at: offset)
        if !value.isFinite, bad == nil { bad = index / columns }
        elements[index] = value
        offset += element.byteCount
      }
    }
    if let bad { throw .notFinite(row: bad) }
    return result
  }

  private func value(_ file: [UInt8], at offset: Int) -> Float {
    func integer(_ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(file[offset + $1]) << UInt64(8 * $1) }
    }
    return switch element {
    case .float64: Float(Double(bitPattern: integer(8)))
    case .float32: Float(bitPattern: UInt32(integer(4)))
    case .float16: Float(Float16(bitPattern: UInt16(integer(2))))
    case .bfloat16: Float(bitPattern: UInt32(integer(2)) << 16)
    }
  }
}
