/// An array in NumPy's `.npy` form, versions 1 to 3: two dimensions, little-endian f4 or f8, C
/// order.
///
/// - Source: NumPy Enhancement Proposal 1; numpy.lib.format. The header is a Python dictionary with
///   exactly the keys descr, fortran_order and shape; only literals of the needed kinds are read,
/// nothing is evaluated.
enum NumpyArray {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  private static let accepted = "little-endian f4 and f8 (in NumPy: array.astype('<f4'))"

  static func read(_ bytes: [UInt8]) throws(ItemVectorError) -> VectorArray {
    guard bytes.count >= 8 else {
      throw .truncated(part: "version", needed: 8, available: bytes.count)
    }
    let (major, minor) = (bytes[6], bytes[7])
    guard (1...3).contains(major), minor == 0 else {
      throw .badHeader(reason: "version \(major).\(minor) is not 1.0, 2.0 or 3.0")
    }
    let lengthBytes = major == 1 ? 2 : 4
    let start = 8 + lengthBytes
    guard bytes.count >= start else {
      throw .truncated(part: "header length", needed: start, available: bytes.count)
    }
    let length = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    guard length <= ItemVectorFile.Limits.headerBytes else {
      throw .tooLarge(
        what: "header bytes", actual: length, limit: ItemVectorFile.Limits.headerBytes)
    }
    guard length <= bytes.count - start else {
      throw .truncated(part: "header", needed: length, available: bytes.count - start)
    }
    var header = NumpyHeader(bytes[start..<(start + length)])
    let fields = try header.read()
    guard !fields.isFortranOrder else {
      throw .badHeader(
        reason: "it is in Fortran order (in NumPy: numpy.ascontiguousarray(array))")
    }
    let element: VectorArray.Element
    switch fields.type {
    case "<f4": element = .float32
    case "<f8": element = .float64
    default: throw .unsupportedType(found: fields.type, accepted: accepted)
    }
    return try VectorArray(
      element: element, shape: fields.shape, bytes: (start + length)..<bytes.count)
  }
}

/// Reads the dictionary of a header.
private struct NumpyHeader {
  struct Fields {
    var type = ""
    var isFortranOrder = false
    var shape: [Int] = []
  }

  private static let mostDimensions = 32

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func read() throws(ItemVectorError) -> Fields {
    var fields = Fields()
    var seen: [String] = []
    try expect("{")
    while !take("}") {
      let key = try text()
      guard !seen.contains(key) else { throw .badHeader(reason: "a key occurs twice") }
      seen.append(key)
      try expect(":")
      switch key {
      case "descr": fields.type = try text()
      case "fortran_order": fields.isFortranOrder = try truth()
      case "shape": fields.shape = try shape()
      default: throw .badHeader(reason: "it has a key that is none of descr, fortran_order, shape")
      }
      guard take(",") else {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard rest.isEmpty else { throw .badHeader(reason: "something follows its dictionary") }
    guard seen.count == 3 else {
      throw .badHeader(reason: "it lacks one of descr, fortran_order, shape")
    }
    return fields
  }

  private mutating func skipSpace() {
    rest = rest.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
  }

  private mutating func take(_ mark: Unicode.Scalar) -> Bool {
    skipSpace()
    guard rest.first == UInt8(ascii: mark) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func expect(_ mark: Unicode.Scalar) throws(ItemVectorError) {
    guard take(mark) else { throw .badHeader(reason: "\"\(mark)\" is missing") }
  }

  /// A quoted text of printable ASCII without escapes.
  private mutating func text() throws(ItemVectorError) -> String {
    skipSpace()
    guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      let end = rest.dropFirst().firstIndex(of: quote)
    else { throw .badHeader(reason: "a quoted text is missing") }
    let inside = rest[(rest.startIndex + 1)..<end]
    guard inside.count <= 64, inside.allSatisfy({ (0x20...0x7E).contains($0) && $0 != 0x5C }) else {
      throw .badHeader(reason: "a quoted text is longer than 64 bytes or no plain ASCII")
    }
    rest = rest[(end + 1)...]
    return String(decoding: inside, as: UTF8.self)
  }

  private mutating func truth() throws(ItemVectorError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where rest.starts(with: word.utf8) {
      rest = rest.dropFirst(word.utf8.count)
      return value
    }
    throw .badHeader(reason: "fortran_order is neither True nor False")
  }

  private mutating func shape() throws(ItemVectorError) -> [Int] {
    try expect("(")
    var extents: [Int] = []
    while !take(")") {
      extents.append(try number())
      guard extents.count <= Self.mostDimensions else { throw .badShape(extents) }
      guard take(",") else {
        try expect(")")
        break
      }
    }
    return extents
  }

  private mutating func number() throws(ItemVectorError) -> Int {
    skipSpace()
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    guard !digits.isEmpty, let value = Int(String(decoding: digits, as: UTF8.self)) else {
      throw .badHeader(reason: "the shape holds something that is no number, or too large a one")
    }
    rest = rest.dropFirst(digits.count)
    return value
  }
}
