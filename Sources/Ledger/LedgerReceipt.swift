package import Cryptography

/// An entry with the proof that a signed checkpoint covers it: what a device keeps of a round.
///
/// The text is a C2SP `tlog-proof`, checked without the ledger; its `extra` line holds the entry itself:
///
///     c2sp.org/tlog-proof@v1
///     extra <line of the entry, base64>
///     index <index>
///     <hash, base64>
///     …
///
///     <checkpoint>
/// - Source: C2SP `tlog-proof`.
package struct LedgerReceipt: Equatable, Sendable {
  /// Longest text accepted, in bytes: room for the longest entry, 63 hashes and a checkpoint.
  package static let maximumTextBytes = 2 * LedgerEntry.maximumLineBytes
  private static let firstLine = "c2sp.org/tlog-proof@v1"

  /// The entry's canonical bytes, without the line feed.
  package let line: [UInt8]
  /// Its place in the tree of `checkpoint`.
  package let proof: InclusionProof
  /// What the coordinator signed.
  package let checkpoint: Checkpoint

  /// A receipt for entry `index`.
  /// - Parameters:
  ///   - line: the entry's canonical bytes, without the line feed.
  ///   - index: below the checkpoint's size.
  ///   - tree: of the ledger, at least as large as the checkpoint.
  ///   - checkpoint: of the same ledger, in the current format.
  package init(line: [UInt8], index: Int, tree: MerkleTree, checkpoint: Checkpoint) {
    self.line = line
    proof = tree.inclusionProof(of: index, inTreeOfSize: checkpoint.size)
    self.checkpoint = checkpoint
  }

  /// A receipt as it was received; `verify` decides whether it proves anything.
  package init(line: [UInt8], proof: InclusionProof, checkpoint: Checkpoint) {
    self.line = line
    self.proof = proof
    self.checkpoint = checkpoint
  }

  /// The `tlog-proof`, ending in a line feed.
  package var text: [UInt8] {
    let head = [Self.firstLine, "extra \(Base64.encode(line))", "index \(proof.index)"]
    let lines = head + proof.path.map { Base64.encode($0.bytes) } + ["", ""]
    return lines.joined(separator: "\n").utf8 + checkpoint.text
  }

  /// Reads a receipt strictly: byte for byte what `text` writes.
  /// - Throws: `LedgerError.receiptUnreadable`, `.checkpointUnreadable`. Nothing is verified here.
  package init(parsing text: [UInt8]) throws(LedgerError) {
    guard text.count <= Self.maximumTextBytes else {
      throw .receiptUnreadable(
        problem: "\(text.count) bytes, the limit is \(Self.maximumTextBytes)")
    }
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard let end = lines.firstIndex(where: \.isEmpty), end >= 3 else {
      throw .receiptUnreadable(problem: "expected three lines, hashes and an empty line")
    }
    let head = lines[..<end].map { String(decoding: $0, as: UTF8.self) }
    guard head[0] == Self.firstLine else {
      throw .receiptUnreadable(problem: "line 1 is not \(Self.firstLine)")
    }
    guard let index = Int(head[2].dropFirst("index ".count)),
      end - 3 <= InclusionProof.maximumPathCount
    else { throw .receiptUnreadable(problem: "line 3 is no index, or there are too many hashes") }
    line = try Self.decode(String(head[1].dropFirst("extra ".count)), lineNumber: 2)
    var path: [SHA256Digest] = []
    for number in 3..<end {
      path.append(try Self.digest(head[number], lineNumber: number + 1))
    }
    checkpoint = try Checkpoint(parsing: Array(lines[(end + 1)...].joined(separator: [0x0A])))
    proof = InclusionProof(index: index, treeSize: checkpoint.size, path: path)
    guard self.text == text else {
      throw .receiptUnreadable(problem: "it is not in canonical form")
    }
  }

  /// Checks the checkpoint's signature and the entry's place under it.
  /// - Parameters:
  ///   - ledgerID: of the ledger that the receipt must be of.
  ///   - key: the coordinator's, as pinned.
  /// - Returns: the entry.
  /// - Throws: `LedgerError`: `.checkpointRefused`, `.proofInvalid`, or why the line is no entry.
  package func verify(ledgerID: LedgerID, key: VerifyingKey) throws(LedgerError) -> LedgerEntry {
    try checkpoint.verify(ledgerID: ledgerID, key: key)
    return try entryUnderCheckpoint()
  }

  /// The entry, by its place under a checkpoint whose signature was verified before.
  /// - Throws: as `verify`, but for the signature.
  func entryUnderCheckpoint() throws(LedgerError) -> LedgerEntry {
    guard checkpoint.format == GenesisRecord.currentFormat else {
      throw .checkpointRefused(
        problem: "a ledger of format \(checkpoint.format) has no tree to prove anything in")
    }
    try proof.requireLeaf(MerkleHash.leaf(line), under: checkpoint.root)
    return try LedgerEntry(decoding: line, at: proof.index)
  }

  private static func decode(_ text: String, lineNumber: Int) throws(LedgerError) -> [UInt8] {
    do {
      return try Base64.decode(text)
    } catch {
      throw .receiptUnreadable(problem: "line \(lineNumber) is not base64")
    }
  }

  private static func digest(_ text: String, lineNumber: Int) throws(LedgerError) -> SHA256Digest {
    do {
      return try SHA256Digest(bytes: Base64.decode(text))
    } catch {
      throw .receiptUnreadable(problem: "line \(lineNumber) is not a hash of 32 bytes in base64")
    }
  }
}
