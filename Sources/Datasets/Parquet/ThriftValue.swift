/// What a Parquet file says about itself, in Thrift's compact protocol: read without a schema.
///
/// - Source: Apache Thrift, "Thrift Compact protocol encoding" (thrift-compact-protocol.md).
enum ThriftValue: Equatable {
  case boolean(Bool)
  case integer(Int64)
  case double(Double)
  case binary([UInt8])
  case list([ThriftValue])
  /// By field id; maps are passed over and become an empty list.
  case structure([Int64: ThriftValue])

  private static let deepest = 16
  /// Fields and elements of a struct and all it holds: in memory each takes many times its one or two
  /// bytes. The footers read here have less than 3,000.
  static let largestCount = 1 << 16

  /// Reads one struct.
  static func structure(_ cursor: inout ParquetCursor) throws(DatasetError) -> ThriftValue {
    var left = largestCount
    return try structure(&cursor, depth: 0, left: &left)
  }

  private static func countOne(
    of left: inout Int, at cursor: ParquetCursor
  ) throws(DatasetError) {
    guard left > 0 else { throw cursor.damaged("a structure has over \(largestCount) values") }
    left -= 1
  }

  private static func structure(
    _ cursor: inout ParquetCursor, depth: Int, left: inout Int
  ) throws(DatasetError) -> ThriftValue {
    guard depth < deepest else { throw cursor.damaged("structures are nested too deeply") }
    var fields: [Int64: ThriftValue] = [:]
    var id: Int64 = 0
    while true {
      let header = try cursor.byte()
      if header == 0 { return .structure(fields) }
      try countOne(of: &left, at: cursor)
      let delta = header >> 4
      if delta > 0 {
        (id, _) = id.addingReportingOverflow(Int64(delta))
      } else {
        id = try cursor.zigzag()
      }
      fields[id] =
        switch header & 0x0F {
        case 1: .boolean(true)
        case 2: .boolean(false)
        case let type: try value(type, &cursor, depth: depth + 1, left: &left)
        }
    }
  }

  private static func value(
    _ type: UInt8, _ cursor: inout ParquetCursor, depth: Int, left: inout Int
  ) throws(DatasetError) -> ThriftValue {
    guard depth < deepest else { throw cursor.damaged("structures are nested too deeply") }
    switch type {
    // As an element of a list; a field has its value in the type.
    case 1, 2: return .boolean(try cursor.byte() == 1)
    case 3: return .integer(Int64(Int8(bitPattern: try cursor.byte())))
    case 4, 5, 6: return .integer(try cursor.zigzag())
    case 7: return .double(Double(bitPattern: try cursor.littleEndian(8)))
    case 8:
      let count = try cursor.count("a text's length", limit: cursor.remaining)
      return .binary(Array(cursor.bytes[try cursor.take(count)]))
    case 9, 10:
      let header = try cursor.byte()
      // An element has a byte or more, so that a larger count is wrong before it is believed.
      let count =
        header >> 4 == 15
        ? try cursor.count("a list's length", limit: cursor.remaining) : Int(header >> 4)
      var elements: [ThriftValue] = []
      for _ in 0..<count {
        try countOne(of: &left, at: cursor)
        elements.append(try value(header & 0x0F, &cursor, depth: depth + 1, left: &left))
      }
      return .list(elements)
    case 11:
      let count = try cursor.count("a map's length", limit: cursor.remaining)
      guard count > 0 else { return .list([]) }
      let types = try cursor.byte()
      for _ in 0..<count {
        try countOne(of: &left, at: cursor)
        _ = try value(types >> 4, &cursor, depth: depth + 1, left: &left)
        _ = try value(types & 0x0F, &cursor, depth: depth + 1, left: &left)
      }
      return .list([])
    case 12: return try structure(&cursor, depth: depth, left: &left)
    default: throw cursor.damaged("a field has the unknown type \(type)")
    }
  }

  subscript(_ id: Int64) -> ThriftValue? {
    guard case .structure(let fields) = self else { return nil }
    return fields[id]
  }

  /// The number, if it is one that fits.
  var integer: Int? {
    guard case .integer(let value) = self else { return nil }
    return Int(exactly: value)
  }

  var list: [ThriftValue]? {
    guard case .list(let elements) = self else { return nil }
    return elements
  }

  /// The text, if it is valid UTF-8.
  var text: String? {
    guard case .binary(let bytes) = self else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }
}
