internal import Foundation
internal import GRDB

/// The codes of one sealed column (items or occasions) and the numbers by which rows refer to
/// them. A code is sealed once, in the table of the column's name, and found by its tag.
///
/// Used within one transaction: it remembers what it has seen, and another transaction may remove
/// codes that nothing refers to.
struct CodeBook {
  private let key: StoreKey
  private let column: StoreKey.Column
  private var identifiers: [[UInt8]: Int64] = [:]
  private var codes: [Int64: String] = [:]

  init(_ column: StoreKey.Column, key: StoreKey) {
    self.key = key
    self.column = column
  }

  /// The number of a code, if any row could refer to it.
  mutating func knownIdentifier(
    of code: String, in database: Database
  ) throws -> Int64? {
    // By bytes: texts that only look alike (`String.==`) are different codes.
    let bytes = Array(code.utf8)
    if let known = identifiers[bytes] { return known }
    let found = try database.cachedStatement(
      sql: "SELECT id FROM \(column.rawValue) WHERE tag = ?")
    let identifier = try Int64.fetchOne(
      found, arguments: [Data(try key.tag(bytes, column))])
    identifiers[bytes] = identifier
    return identifier
  }

  /// The number of a code, which is sealed and stored if it is new.
  mutating func identifier(of code: String, in database: Database) throws -> Int64 {
    if let known = try knownIdentifier(of: code, in: database) { return known }
    let bytes = Array(code.utf8)
    try database.cachedStatement(
      sql: "INSERT INTO \(column.rawValue) (tag, sealed) VALUES (?, ?)"
    ).execute(arguments: [
      Data(try key.tag(bytes, column)), Data(try key.seal(bytes, column)),
    ])
    let identifier = database.lastInsertedRowID
    identifiers[bytes] = identifier
    return identifier
  }

  /// The code with this number.
  /// - Throws: `BehaviorStoreError.corrupt` if there is none, or a seal is broken.
  mutating func code(_ identifier: Int64, in database: Database) throws -> String {
    if let known = codes[identifier] { return known }
    let statement = try database.cachedStatement(
      sql: "SELECT sealed FROM \(column.rawValue) WHERE id = ?")
    let code = try code(sealed: try Data.fetchOne(statement, arguments: [identifier]))
    codes[identifier] = code
    return code
  }

  /// The code that this row of the column's table holds.
  /// - Parameter sealed: nil if a row refers to a code that is not there.
  /// - Throws: `BehaviorStoreError.corrupt` if it is not there, or its seal is broken.
  func code(sealed: Data?) throws -> String {
    guard let sealed else { throw DanglingCode() }
    return String(decoding: try key.open(Array(sealed), column), as: UTF8.self)
  }
}

/// A row refers to a code that is not there.
struct DanglingCode: Error {}
