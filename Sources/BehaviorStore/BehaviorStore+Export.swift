internal import Cryptography
internal import Foundation
internal import GRDB
internal import Recommendation

extension BehaviorStore {
  /// Hands over everything the store holds, as JSON lines: one object a row, with the table's name
  /// under `table` and its columns under their own names, keys sorted. What is sealed is opened: an
  /// event has its `item` and `occasion` as texts, and its `time` also in words. Other times are in
  /// seconds, bytes in base64. One consistent state is exported, in the order of the tables' names
  /// and keys.
  ///
  /// - Parameter line: receives each line without its line break; it must not call this store.
  /// - Throws: an error of the store, or whatever `line` throws.
  package func exportJSONLines(_ line: (String) throws -> Void) throws {
    let key = try requireKey()
    do {
      try withConnection { queue in
        try queue.read { database in
          var reader = ExportReader(key: key)
          let encoder = JSONEncoder()
          encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
          for table in try Self.tables(in: database)
          where !ExportReader.storageTables.contains(table) {
            let rows = try Row.fetchCursor(
              database, sql: "SELECT * FROM \(table.quotedDatabaseIdentifier)")
            while let row = try rows.next() {
              let object = try reader.object(row, of: table, in: database)
              try line(String(decoding: encoder.encode(object), as: UTF8.self))
            }
          }
        }
      }
    } catch let error as DatabaseError {
      throw Self.translate(error, path: path)
    } catch let error as CryptographyError {
      throw Self.translate(error, path: path)
    } catch let error as DanglingCode {
      throw Self.translate(error, path: path)
    }
  }

  /// The tables that hold the customer's data: all but SQLite's and GRDB's own. Asking the
  /// database means that a table of a later schema cannot be forgotten.
  static func tables(in database: Database) throws -> [String] {
    try String.fetchAll(
      database,
      sql: """
        SELECT name FROM sqlite_master
        WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
          AND name NOT LIKE 'grdb!_%' ESCAPE '!'
        ORDER BY name
        """)
  }
}

/// Turns stored rows into what a person can read.
private struct ExportReader {
  /// How codes are stored; the rows that refer to them carry the codes themselves.
  static let storageTables: Set<String> = ["item", "occasion", "sealing"]

  private let key: StoreKey
  private var items: CodeBook
  private var occasions: CodeBook

  init(key: StoreKey) {
    self.key = key
    items = CodeBook(.item, key: key)
    occasions = CodeBook(.occasion, key: key)
  }

  mutating func object(
    _ row: Row, of table: String, in database: Database
  ) throws -> [String: ExportedValue] {
    var object = ["table": ExportedValue.text(table)]
    for (column, value) in row {
      switch (table, column, value.storage) {
      case (_, "itemID", .int64(let identifier)):
        object["item"] = .text(try items.code(identifier, in: database))
      case (_, "occasionID", .int64(let identifier)):
        object["occasion"] = .text(try occasions.code(identifier, in: database))
      case ("slateItem", "components", .blob(let sealed)):
        object[column] = .text(
          String(decoding: try key.open(Array(sealed), .components), as: UTF8.self))
      case ("forgottenInterest", "tag", .blob(let sealed)):
        object[column] = .text(
          String(decoding: try key.open(Array(sealed), .interest), as: UTF8.self))
      case ("modelState", "bytes", .blob(let sealed)):
        object[column] = .bytes(Data(try key.open(Array(sealed), .modelState)))
      case ("event", "timeSeconds", .int64(let seconds)) where CalendarTime.range.contains(seconds):
        object[column] = .integer(seconds)
        object["time"] = .text(CalendarTime.text(seconds))
      default:
        object[column] = ExportedValue(value)
      }
    }
    return object
  }
}

private enum ExportedValue: Encodable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case bytes(Data)

  init(_ value: DatabaseValue) {
    self =
      switch value.storage {
      case .null: .null
      case .int64(let integer): .integer(integer)
      case .double(let real): .real(real)
      case .string(let text): .text(text)
      case .blob(let bytes): .bytes(bytes)
      }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .integer(let integer): try container.encode(integer)
    case .real(let real): try container.encode(real)
    case .text(let text): try container.encode(text)
    case .bytes(let bytes): try container.encode(bytes.base64EncodedString())
    }
  }
}
