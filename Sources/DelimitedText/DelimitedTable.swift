/// Reads the rows of a text table, strictly: every row has the fields it should have.
package struct DelimitedTable: Sendable {
  /// What stands between two fields.
  package enum Separator: Equatable, Sendable {
    /// One tab; no quoting.
    case tab
    /// Two colons, as in MovieLens 1M and 10M; no quoting.
    case doubleColon
    /// A comma, with the quoting of RFC 4180, except that a quoted field may not hold a line break.
    case comma
  }

  /// A longer line is an error: it is not a table, or its line ends are not understood.
  package static let maximumLineBytes = 1 << 16

  private let file: String
  private let bytes: [UInt8]
  private let separator: Separator
  private var offset: Int
  /// The number of the row read last; 1 is the first line of the file.
  package private(set) var row = 0

  package init(file: String, bytes: [UInt8], separator: Separator) {
    self.file = file
    self.bytes = bytes
    self.separator = separator
    // A byte order mark, as spreadsheet programs write it.
    offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  package func bad(_ reason: String) -> DelimitedTextError {
    DelimitedTextError(file: file, row: row, reason: reason)
  }

  /// The fields of the next row; nil after the last.
  ///
  /// Lines end with LF or CR LF; the last may do without.
  package mutating func next() throws(DelimitedTextError) -> [String]? {
    guard offset < bytes.count else { return nil }
    row += 1
    let limit = min(bytes.count, offset + Self.maximumLineBytes)
    let end = bytes[offset..<limit].firstIndex(of: 0x0A) ?? limit
    guard end < limit || limit == bytes.count else {
      throw bad("the line is longer than \(Self.maximumLineBytes) bytes")
    }
    var line = bytes[offset..<end]
    if line.last == 0x0D { line.removeLast() }
    offset = end + 1
    guard !line.contains(0), let text = String(validating: line, as: UTF8.self) else {
      throw bad("the line is not UTF-8 text")
    }
    switch separator {
    case .tab: return text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    case .doubleColon:
      return text.split(separator: "::", omittingEmptySubsequences: false).map(String.init)
    case .comma: return try quotedFields(text)
    }
  }

  private func quotedFields(_ line: String) throws(DelimitedTextError) -> [String] {
    var fields: [String] = []
    var rest = Substring(line).utf8
    while true {
      if rest.first == 0x22 {
        rest.removeFirst()
        var field = ""
        while true {
          guard let quote = rest.firstIndex(of: 0x22) else {
            throw bad("a quoted field is not closed on its line")
          }
          field += String(Substring(rest[..<quote]))
          rest = rest[rest.index(after: quote)...]
          guard rest.first == 0x22 else { break }
          field += "\""
          rest.removeFirst()
        }
        fields.append(field)
        guard rest.isEmpty || rest.first == 0x2C else {
          throw bad("something follows the closing quote of a field")
        }
      } else {
        let end = rest.firstIndex(of: 0x2C) ?? rest.endIndex
        let field = rest[..<end]
        guard !field.contains(0x22) else { throw bad("a quote stands inside an unquoted field") }
        fields.append(String(Substring(field)))
        rest = rest[end...]
      }
      guard rest.first == 0x2C else { return fields }
      rest.removeFirst()
    }
  }

  /// A field as CSV: quoted where it must be.
  package static func quoted(_ field: String) -> String {
    guard field.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else {
      return field
    }
    return "\""
      + field.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
