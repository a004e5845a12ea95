import CanonicalJSON
import Cryptography
import Ledger
import Privacy
import Testing

@Suite struct LedgerEntryTests {
  static let indices = Array(0..<9)

  private func line(_ index: Int) throws -> [UInt8] {
    try LedgerText.sample(LedgerFixture()).lines[index]
  }

  /// The members of the entry, with `change` applied to its body.
  private func line(
    _ index: Int, change: (inout [String: JSONValue]) -> Void
  ) throws -> [UInt8] {
    var entry = try #require(JSONValue.parse(line(index)).objectValue)
    var body = try #require(entry["body"]?.objectValue)
    change(&body)
    entry["body"] = .object(body)
    return JSONValue.object(entry).canonicalBytes
  }

  @Test("a VOID line has the documented spelling") func goldenLine() throws {
    let previous = SHA256Digest(hashing: Array("line".utf8))
    let entry = try LedgerEntry(
      index: 5, previous: previous, record: .void(VoidRecord(round: 2, reason: "quorum")))
    let expected =
      #"{"body":{"reason":"quorum","round":2},"index":5,"kind":"void","prev":""#
      + #"38a9c1e721584da284b90ceea4ed7eb8db15ac4ea86c2c75ec925d5f8799fcf0"}"#
    #expect(String(decoding: entry.line, as: UTF8.self) == expected)
    #expect(entry.hash == SHA256Digest(hashing: [0] + Array(expected.utf8)))
  }

  @Test("every kind survives writing and reading", arguments: indices)
  func roundTrip(index: Int) throws {
    let line = try line(index)
    let entry = try LedgerEntry(decoding: line, at: index)
    #expect(entry.line == line)
    #expect(
      try LedgerEntry(index: index, previous: entry.previous, record: entry.record) == entry)
  }

  @Test("each absent field is named", arguments: indices)
  func missingFields(index: Int) throws {
    let body = try #require(JSONValue.parse(line(index))["body"]?.objectValue)
    #expect(!body.isEmpty)
    for field in body.keys {
      let cut = try line(index) { $0[field] = nil }
      #expect(throws: LedgerError.missingField(entry: index, field: field)) {
        try LedgerEntry(decoding: cut, at: index)
      }
    }
  }

  @Test("each field of a wrong type is named", arguments: indices)
  func wrongTypes(index: Int) throws {
    let body = try #require(JSONValue.parse(line(index))["body"]?.objectValue)
    for field in body.keys where field != "policy" {
      let changed = try line(index) { $0[field] = .array([]) }
      let error = #expect(throws: LedgerError.self) {
        try LedgerEntry(decoding: changed, at: index)
      }
      guard case .invalidField(index, field, _) = error else {
        Issue.record("\(field): \(String(describing: error))")
        continue
      }
    }
  }

  @Test("an unknown field is named, in the body and beside it", arguments: indices)
  func unknownFields(index: Int) throws {
    let longer = try line(index) { $0["extra"] = .null }
    #expect(throws: LedgerError.unknownField(entry: index, field: "extra")) {
      try LedgerEntry(decoding: longer, at: index)
    }
    var entry = try #require(JSONValue.parse(line(index)).objectValue)
    entry["extra"] = .null
    let beside = JSONValue.object(entry).canonicalBytes
    #expect(throws: LedgerError.unknownField(entry: index, field: "extra")) {
      try LedgerEntry(decoding: beside, at: index)
    }
  }

  @Test("the same values in another spelling are refused", arguments: indices)
  func notCanonical(index: Int) throws {
    let spaced = try [UInt8(ascii: " ")] + line(index)
    #expect(throws: LedgerError.notCanonical(entry: index)) {
      try LedgerEntry(decoding: spaced, at: index)
    }
  }

  @Test("an entry in another place is refused") func wrongPlace() throws {
    let line = try line(3)
    #expect(throws: LedgerError.wrongIndex(entry: 4, found: 3)) {
      try LedgerEntry(decoding: line, at: 4)
    }
  }

  @Test("text that is no entry is refused by index", arguments: ["", "[]", "{", "null", "{}"])
  func notAnEntry(text: String) {
    let error = #expect(throws: LedgerError.self) {
      try LedgerEntry(decoding: Array(text.utf8), at: 6)
    }
    #expect(error?.entry == 6)
    #expect(error?.severity == .damaged)
  }

  @Test("an integer that JSON would round is refused") func unsafeInteger() throws {
    let limit = UInt64(JSONValue.safeIntegers.upperBound)
    let previous = LedgerEntry.genesisPrevious
    let largest = LedgerRecord.void(VoidRecord(round: limit, reason: "r"))
    #expect(try LedgerEntry(index: 1, previous: previous, record: largest).record == largest)
    let error = #expect(throws: LedgerError.self) {
      try LedgerEntry(
        index: 1, previous: previous, record: .void(VoidRecord(round: limit + 1, reason: "r")))
    }
    guard case .invalidField(1, "round", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("a line longer than any entry is refused before it is parsed") func longLine() {
    let limit = LedgerEntry.maximumLineBytes
    #expect(throws: LedgerError.lineTooLong(entry: 2, byteCount: limit + 1, limit: limit)) {
      try LedgerEntry(decoding: [UInt8](repeating: 0x20, count: limit + 1), at: 2)
    }
  }
}
