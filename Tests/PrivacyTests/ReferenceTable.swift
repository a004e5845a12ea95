import Foundation

/// A CSV of `Vectors/`: '#' lines say where the figures come from, then one line of column names.
struct ReferenceTable {
  let rows: [[String: String]]

  init(_ name: String, testFile: String = #filePath) throws {
    let path = URL(filePath: testFile).deletingLastPathComponent()
      .appending(components: "Vectors", name)
    let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }
    let columns = lines[0].split(separator: ",").map(String.init)
    rows = lines.dropFirst().map { line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return Dictionary(uniqueKeysWithValues: zip(columns, cells))
    }
  }

  /// The columns named, as doubles, of every row.
  func values(_ columns: String...) throws -> [[Double]] {
    try rows.map { row in
      try columns.map { column in
        guard let text = row[column], let value = Double(text) else {
          throw ReferenceTableError.notANumber(column: column, text: row[column] ?? "missing")
        }
        return value
      }
    }
  }
}

enum ReferenceTableError: Error {
  case notANumber(column: String, text: String)
}
