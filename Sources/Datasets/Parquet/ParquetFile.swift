internal import Recommendation

/// A table in an Apache Parquet file of flat columns: as much of the format as the fetched data use.
///
/// Columns are required or optional and of the physical types INT64, INT96, DOUBLE and BYTE_ARRAY; pages
/// are of version 1, plain or dictionary encoded, uncompressed or Snappy. Anything else is an error.
/// - Source: apache/parquet-format, README.md, Encodings.md and parquet.thrift.
struct ParquetFile {
  private struct Column {
    let type: Int
    let isOptional: Bool
    /// One a row group.
    var chunks: [ThriftValue] = []
  }

  /// Physical types of parquet.thrift.
  private enum PhysicalType {
    static let int64 = 2
    static let int96 = 3
    static let double = 5
    static let byteArray = 6
  }

  /// A few times what the files read here have: a small file may claim as many rows or bytes and must not
  /// be given memory for more.
  static let largestRowCount = 1 << 22
  static let largestPageBytes = 1 << 25
  private static let magic = Array("PAR1".utf8)

  let rowCount: Int
  private let file: String
  private let bytes: [UInt8]
  private var columns: [String: Column] = [:]

  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - file: its name, for errors.
  /// - Throws: `DatasetError.damaged`.
  init(_ bytes: [UInt8], file: String) throws(DatasetError) {
    self.file = file
    self.bytes = bytes
    let length = 8
    guard bytes.count >= 2 * Self.magic.count + 4, bytes.starts(with: Self.magic),
      bytes.suffix(Self.magic.count).elementsEqual(Self.magic)
    else { throw .damaged(file: file, offset: 0, reason: "not a whole Parquet file") }
    var tail = ParquetCursor(
      file: file, bytes: bytes, range: bytes.count - length..<bytes.count)
    let footerBytes = Int(try tail.littleEndian(4))
    guard footerBytes <= bytes.count - length - Self.magic.count else {
      throw tail.damaged("the footer is longer than the file")
    }
    let start = bytes.count - length - footerBytes
    var cursor = ParquetCursor(
      file: file, bytes: bytes, range: start..<bytes.count - length)
    let footer = try ThriftValue.structure(&cursor)
    guard let schema = footer[2]?.list, let rows = footer[3]?.integer, rows >= 0,
      rows <= Self.largestRowCount, let groups = footer[4]?.list
    else { throw cursor.damaged("the footer lacks a schema, rows or row groups") }
    rowCount = rows
    // The first element is the root.
    for element in schema.dropFirst() {
      guard let name = element[4]?.text, let type = element[1]?.integer,
        let repetition = element[3]?.integer, repetition < 2
      else { throw cursor.damaged("a column is nested or repeated") }
      columns[name] = Column(type: type, isOptional: repetition == 1)
    }
    for group in groups {
      for chunk in group[1]?.list ?? [] {
        guard let metadata = chunk[3], let name = metadata[3]?.list?.first?.text,
          columns[name] != nil
        else { throw cursor.damaged("a row group has a column that is not in the schema") }
        columns[name]?.chunks.append(metadata)
      }
    }
  }

  /// A column of whole numbers, none missing.
  func integers(_ name: String) throws(DatasetError) -> [Int64] {
    try complete(name, type: PhysicalType.int64) { (cursor) throws(DatasetError) in
      Int64(bitPattern: try cursor.littleEndian(8))
    }
  }

  /// A column of numbers, none missing.
  func numbers(_ name: String) throws(DatasetError) -> [Double] {
    try complete(name, type: PhysicalType.double) { (cursor) throws(DatasetError) in
      Double(bitPattern: try cursor.littleEndian(8))
    }
  }

  /// A column of times, none missing, in whole seconds from 1970-01-01.
  func seconds(_ name: String) throws(DatasetError) -> [Int64] {
    let julianDayOf1970: Int64 = 2_440_588
    return try complete(name, type: PhysicalType.int96) { (cursor) throws(DatasetError) in
      let nanoseconds = Int64(bitPattern: try cursor.littleEndian(8))
      let day = Int64(try cursor.littleEndian(4))
      return (day - julianDayOf1970) * CalendarTime.secondsPerDay + nanoseconds / 1_000_000_000
    }
  }

  /// A column of texts; nil where one is missing.
  func texts(_ name: String) throws(DatasetError) -> [String?] {
    try values(name, type: PhysicalType.byteArray) { (cursor) throws(DatasetError) in
      let count = Int(try cursor.littleEndian(4))
      let range = try cursor.take(count)
      guard let text = String(validating: cursor.bytes[range], as: UTF8.self) else {
        throw cursor.damaged("a text is not UTF-8")
      }
      return text
    }
  }

  private typealias Plain<Value> = (inout ParquetCursor) throws(DatasetError) -> Value

  private func complete<Value>(
    _ name: String, type: Int, _ plain: Plain<Value>
  ) throws(DatasetError) -> [Value] {
    var complete: [Value] = []
    complete.reserveCapacity(rowCount)
    for value in try values(name, type: type, plain) {
      guard let value else {
        throw .damaged(file: file, offset: 0, reason: "the column \(name) has missing values")
      }
      complete.append(value)
    }
    return complete
  }

  private func values<Value>(
    _ name: String, type: Int, _ plain: Plain<Value>
  ) throws(DatasetError) -> [Value?] {
    guard let column = columns[name], column.type == type else {
      throw .damaged(
        file: file, offset: 0, reason: "there is no column \(name) of physical type \(type)")
    }
    var values: [Value?] = []
    values.reserveCapacity(rowCount)
    for chunk in column.chunks {
      try read(chunk, isOptional: column.isOptional, into: &values, plain)
    }
    guard values.count == rowCount else {
      throw .damaged(
        file: file, offset: 0,
        reason: "the column \(name) has \(values.count) of \(rowCount) values")
    }
    return values
  }

  private func read<Value>(
    _ chunk: ThriftValue, isOptional: Bool, into values: inout [Value?], _ plain: Plain<Value>
  ) throws(DatasetError) {
    guard let codec = chunk[4]?.integer, let count = chunk[5]?.integer, count >= 0,
      count <= rowCount - values.count, let size = chunk[7]?.integer, size >= 0,
      let dataStart = chunk[9]?.integer
    else { throw .damaged(file: file, offset: 0, reason: "a column chunk is not described") }
    let start = min(dataStart, chunk[11]?.integer ?? dataStart)
    guard start >= 0, start <= bytes.count, size <= bytes.count - start else {
      throw .damaged(file: file, offset: start, reason: "a column chunk is outside the file")
    }
    var cursor = ParquetCursor(file: file, bytes: bytes, range: start..<start + size)
    let end = values.count + count
    var dictionary: [Value] = []
    while values.count < end {
      let page = try ParquetPage(&cursor, codec: codec)
      var body = page.body
      switch page.kind {
      case .dictionary(let entries):
        dictionary = []
        for _ in 0..<entries { dictionary.append(try plain(&body)) }
      case .data(let rows, let isPlain):
        guard rows <= end - values.count else {
          throw cursor.damaged("pages hold more values than their chunk")
        }
        let present =
          isOptional ? try page.definitionLevels(rows, &body) : [Bool](repeating: true, count: rows)
        let isFilled = present.count { $0 }
        var places = ParquetRuns(width: 0)
        if !isPlain {
          places = ParquetRuns(width: Int(try body.byte()))
          try places.read(isFilled, from: &body)
        }
        var next = 0
        for isPresent in present {
          guard isPresent else {
            values.append(nil)
            continue
          }
          if isPlain {
            values.append(try plain(&body))
          } else {
            let place = places.values[next]
            guard place < dictionary.count else {
              throw body.damaged("a value is not in its dictionary")
            }
            values.append(dictionary[place])
            next += 1
          }
        }
      }
    }
  }
}
