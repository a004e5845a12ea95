internal import CanonicalJSON
package import Cryptography

/// One line of the ledger: a record, its place, and the hash of the line before.
///
/// A line is the canonical JSON of `{"body", "index", "kind", "prev"}`, in the file followed by one
/// line feed. Its hash is that of a leaf of the ledger's Merkle tree, so that the chain of `prev`
/// and the tree commit to the same value.
package struct LedgerEntry: Equatable, Sendable {
  /// Longest line accepted, in bytes, without the line feed.
  package static let maximumLineBytes = 1 << 18
  /// `prev` of GENESIS: 32 zero bytes in hexadecimal.
  package static let genesisPrevious = SHA256Digest.zero

  /// Place in the ledger, from 0.
  package let index: Int
  /// Hash of the line before; `genesisPrevious` for the first.
  package let previous: SHA256Digest
  /// What the entry says.
  package let record: LedgerRecord
  /// The canonical bytes, without the line feed.
  package let line: [UInt8]
  /// SHA-256(0x00, `line`): the Merkle leaf, and `prev` of the next entry (in format 1, `prev` was
  /// SHA-256 of the line).
  package let hash: SHA256Digest

  /// Composes the entry that puts `record` at `index`.
  /// - Throws: `LedgerError.invalidField` for an integer beyond 2^53 - 1, `.lineTooLong`.
  package init(index: Int, previous: SHA256Digest, record: LedgerRecord) throws(LedgerError) {
    let value = JSONValue.object([
      "index": try FieldWriter(entry: index).integer("index", index),
      "kind": .string(record.kind.rawValue),
      "prev": .string(previous.hex),
      "body": try record.body(entry: index),
    ])
    let line = value.canonicalBytes
    guard line.count <= Self.maximumLineBytes else {
      throw .lineTooLong(entry: index, byteCount: line.count, limit: Self.maximumLineBytes)
    }
    self.init(
      index: index, previous: previous, record: record, line: line, hash: MerkleHash.leaf(line))
  }

  /// Reads `line`, the entry at `index`, strictly: no unknown or missing field, and every byte as
  /// the canonical form has it, so that a ledger has one spelling.
  /// - Parameters:
  ///   - line: without the line feed.
  ///   - index: the place where the line stands, from 0.
  /// - Throws: `LedgerError`, always naming `index`. Order and policy are the business of `LedgerState`.
  package init(decoding line: [UInt8], at index: Int) throws(LedgerError) {
    var reader = CanonicalLine()
    var hasher = MerkleHasher()
    try self.init(decoding: line, at: index, with: &reader, &hasher)
  }

  /// The same, for many lines one after another.
  init(
    decoding line: [UInt8], at index: Int, with reader: inout CanonicalLine,
    _ hasher: inout MerkleHasher
  ) throws(LedgerError) {
    if line.count <= Self.maximumLineBytes, let (previous, record) = reader.read(line, at: index) {
      self.init(
        index: index, previous: previous, record: record, line: line, hash: hasher.leaf(line))
    } else {
      try self.init(strictlyDecoding: line, at: index)
    }
  }

  /// The same through a JSON document, which tells what is wrong.
  init(strictlyDecoding line: [UInt8], at index: Int) throws(LedgerError) {
    guard line.count <= Self.maximumLineBytes else {
      throw .lineTooLong(entry: index, byteCount: line.count, limit: Self.maximumLineBytes)
    }
    var reader = try FieldReader(Self.parse(line, at: index), entry: index, field: "line")
    let foundIndex: Int = try reader.integer("index")
    let kind: LedgerRecordKind = try reader.word("kind", expected: LedgerRecordKind.words)
    let previous = try reader.digest("prev")
    let record = try LedgerRecord(kind: kind, body: reader.value("body"), entry: index)
    try reader.finish()
    guard foundIndex == index else { throw .wrongIndex(entry: index, found: foundIndex) }
    let entry = try LedgerEntry(index: index, previous: previous, record: record)
    guard entry.line == line else { throw .notCanonical(entry: index) }
    self = entry
  }

  private init(
    index: Int, previous: SHA256Digest, record: LedgerRecord, line: [UInt8], hash: SHA256Digest
  ) {
    self.index = index
    self.previous = previous
    self.record = record
    self.line = line
    self.hash = hash
  }

  private static func parse(_ line: [UInt8], at index: Int) throws(LedgerError) -> JSONValue {
    do {
      return try JSONValue.parse(line, limit: maximumLineBytes)
    } catch {
      throw .notJSON(entry: index, problem: error)
    }
  }
}

extension LedgerRecordKind {
  fileprivate static var words: String {
    allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
  }
}

extension SHA256Digest {
  /// 32 zero bytes, which no line is known to hash to.
  fileprivate static let zero: SHA256Digest = {
    do {
      return try SHA256Digest(bytes: [UInt8](repeating: 0, count: SHA256Digest.byteCount))
    } catch {
      preconditionFailure("32 bytes are not a SHA-256 digest")
    }
  }()
}
