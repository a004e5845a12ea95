internal import CanonicalJSON
internal import Cryptography

/// Takes the members of one JSON object by name, and refuses what is left over.
struct FieldReader {
  private var members: [String: JSONValue]
  private let entry: Int

  init(_ value: JSONValue, entry: Int, field: String) throws(LedgerError) {
    guard let members = value.objectValue else {
      throw .invalidField(entry: entry, field: field, expected: "an object")
    }
    self.members = members
    self.entry = entry
  }

  /// - Throws: `LedgerError.unknownField` with the first name, in order, that nobody took.
  func finish() throws(LedgerError) {
    if let field = members.keys.min() { throw .unknownField(entry: entry, field: field) }
  }

  mutating func value(_ field: String) throws(LedgerError) -> JSONValue {
    guard let value = members.removeValue(forKey: field) else {
      throw .missingField(entry: entry, field: field)
    }
    return value
  }

  mutating func string(_ field: String) throws(LedgerError) -> String {
    guard let text = try value(field).stringValue else {
      throw invalid(field, "a string")
    }
    return text
  }

  /// A string of at most `limit` bytes, not empty.
  mutating func text(_ field: String, limit: Int) throws(LedgerError) -> String {
    let text = try string(field)
    guard (1...limit).contains(text.utf8.count) else {
      throw invalid(field, "1 to \(limit) bytes of text")
    }
    return text
  }

  mutating func bool(_ field: String) throws(LedgerError) -> Bool {
    guard let flag = try value(field).boolValue else {
      throw invalid(field, "true or false")
    }
    return flag
  }

  mutating func integer<Integer: FixedWidthInteger>(
    _ field: String, as type: Integer.Type = Integer.self
  ) throws(LedgerError) -> Integer {
    guard let number = try value(field).integerValue, number >= 0,
      let integer = Integer(exactly: number)
    else { throw invalid(field, "an integer of at least 0") }
    return integer
  }

  func has(_ field: String) -> Bool { members[field] != nil }

  /// An integer above 0, or 0 where there is none: its one spelling is to be absent.
  mutating func optionalInteger(_ field: String) throws(LedgerError) -> Int {
    guard has(field) else { return 0 }
    let value: Int = try integer(field)
    guard value > 0 else { throw invalid(field, "an integer of at least 1, or to be absent") }
    return value
  }

  /// The members of an object, or nil where there is none.
  mutating func optionalObject(_ field: String) throws(LedgerError) -> FieldReader? {
    guard let value = members.removeValue(forKey: field) else { return nil }
    return try FieldReader(value, entry: entry, field: field)
  }

  mutating func digest(_ field: String) throws(LedgerError) -> SHA256Digest {
    let text = try string(field)
    do {
      return try SHA256Digest(hex: text)
    } catch {
      throw invalid(field, "64 lower-case hexadecimal digits")
    }
  }

  /// One of the words of `type`.
  mutating func word<Word: RawRepresentable>(
    _ field: String, as type: Word.Type = Word.self, expected: String
  ) throws(LedgerError) -> Word where Word.RawValue == String {
    guard let word = Word(rawValue: try string(field)) else { throw invalid(field, expected) }
    return word
  }

  func invalid(_ field: String, _ expected: String) -> LedgerError {
    .invalidField(entry: entry, field: field, expected: expected)
  }
}
