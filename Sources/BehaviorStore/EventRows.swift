/// The forms of a file of events.
package enum ImportFormat: String, CaseIterable, Sendable {
  /// RFC 4180 with the header `kind,item,time,value,occasion`.
  case csv
  /// One JSON object a line with the same five keys; others are ignored. Lines with a key `table`
  /// that is not `event` are passed over, so that an export can be imported.
  case jsonLines = "jsonl"

  private static let jsonSuffixes = [".jsonl", ".ndjson", ".json"]

  /// The form that a file's name suggests: JSON lines by its suffix, else CSV.
  package static func guessed(fromName name: String) -> ImportFormat {
    let lowercased = name.lowercased()
    return jsonSuffixes.contains(where: lowercased.hasSuffix) ? .jsonLines : .csv
  }
}

/// One row of a file of events.
enum EventRow: Equatable {
  case event(BehaviorEvent)
  /// Not an event, and not meant to be one.
  case other
  case bad(row: Int, reason: String)
}

/// What reads rows of one form.
protocol EventReader: AnyObject {
  /// - Returns: nil at the end of the file. After a bad row the next one is read as if it were good.
  /// - Throws: `unreadableFile`.
  func next() throws(BehaviorStoreError) -> EventRow?
}

/// The rows of a file of events, in whichever form, up to the most that one import may have.
final class EventRows {
  private let path: String
  private let reader: any EventReader
  private var count = 0

  /// - Throws: `unreadableFile`; `invalidRow` if a CSV file does not begin with the header.
  init(path: String, format: ImportFormat) throws(BehaviorStoreError) {
    self.path = path
    reader =
      switch format {
      case .csv: try EventCSVReader(path: path)
      case .jsonLines: try EventJSONReader(path: path)
      }
  }

  /// - Returns: nil at the end of the file.
  /// - Throws: `unreadableFile`; `invalidRow` when the file has more rows than an import may have.
  func next() throws(BehaviorStoreError) -> EventRow? {
    guard let row = try reader.next() else { return nil }
    count += 1
    guard count <= BehaviorStore.maximumImportRows else {
      throw .invalidRow(
        file: path, row: count,
        reason: "a file may hold \(BehaviorStore.maximumImportRows) rows; split it")
    }
    return row
  }
}

/// What a dry run found in a file.
package struct ImportCheck: Equatable, Sendable {
  package struct BadRow: Equatable, Sendable {
    /// 1 is the first line; a quoted line break does not begin a new row.
    package let row: Int
    package let reason: String
  }

  /// Most bad rows that are listed; the others are only counted.
  package static let listedRows = 20

  package fileprivate(set) var events = 0
  package fileprivate(set) var badRows = 0
  /// The first of the bad rows.
  package fileprivate(set) var listed: [BadRow] = []

  fileprivate mutating func add(_ row: Int, _ reason: String) {
    badRows += 1
    if listed.count < Self.listedRows { listed.append(BadRow(row: row, reason: reason)) }
  }
}

extension BehaviorStore {
  /// Most rows of one import. A larger file is refused: the rows are sorted in memory (40 bytes each,
  /// besides their codes).
  package static let maximumImportRows = 1_000_000

  /// Reads the whole of a file as an import would, and writes nothing.
  ///
  /// - Throws: `unreadableFile`. What is wrong with rows is in the result, not thrown.
  package static func checkImport(
    path: String, format: ImportFormat
  ) throws(BehaviorStoreError) -> ImportCheck {
    var check = ImportCheck()
    do throws(BehaviorStoreError) {
      let rows = try EventRows(path: path, format: format)
      while let row = try rows.next() {
        switch row {
        case .event: check.events += 1
        case .other: break
        case .bad(let number, let reason): check.add(number, reason)
        }
      }
    } catch .invalidRow(_, let number, let reason) {
      // The header, or one row too many: there is no reading on.
      check.add(number, reason)
    }
    return check
  }
}
