internal import DelimitedText

/// A `DelimitedTable` whose errors are those of data sets.
struct DatasetTable {
  private var table: DelimitedTable

  init(file: String, bytes: [UInt8], separator: DelimitedTable.Separator) {
    table = DelimitedTable(file: file, bytes: bytes, separator: separator)
  }

  /// The number of the row read last; 1 is the first line of the file.
  var row: Int { table.row }

  func bad(_ reason: String) -> DatasetError { Self.error(table.bad(reason)) }

  /// The fields of the next row; nil after the last.
  mutating func next() throws(DatasetError) -> [String]? {
    do {
      return try table.next()
    } catch {
      throw Self.error(error)
    }
  }

  private static func error(_ error: DelimitedTextError) -> DatasetError {
    .badRow(file: error.file, row: error.row, reason: error.reason)
  }
}
