internal import CanonicalJSON
package import Cryptography

/// The coordinator's signed statement that its ledger had `size` entries and this root.
///
/// Clients keep the newest one they saw: it is what shows them, or an auditor, that entries were
/// dropped or replaced (ruling 15). The text is a C2SP `tlog-checkpoint`, a signed note:
///
///     tacit-ledger/2/<ledger id>
///     <size>
///     <root of the Merkle tree, base64>
///
///     — tacit-ledger/2/<ledger id> <key hash and signature, base64>
///
/// One signature, by the key that is in force for `size` entries (`CheckpointKeys.key(ofSize:)`), unless it hands over from
/// one key to the next: then it ends with a KEY entry and has two, that of the key before first, so that whoever knows only
/// that key can follow. The next key signs another one of that size alone, like any other.
///
/// The number in the origin is the format of the ledger. In format 1 the root is the hash of the last line.
/// - Source: C2SP `signed-note` and `tlog-checkpoint`.
package struct Checkpoint: Equatable, Sendable {
  /// Longest text accepted, in bytes.
  package static let maximumTextBytes = 1_024
  /// Most signatures of one checkpoint: the key in force, and before it the key that it replaced.
  static let maximumSignatures = 2
  private static let originPrefix = "tacit-ledger/"
  // C2SP signed-note: the signature type of Ed25519.
  private static let ed25519Type: UInt8 = 1

  /// Format of the ledger, in `GenesisRecord.readableFormats`: says what the root is.
  package let format: Int
  /// Which ledger.
  package let ledgerID: LedgerID
  /// Number of entries covered, at least 1.
  package let size: Int
  /// Root of the entries covered.
  package let root: SHA256Digest
  /// In the order of their lines: 1, or 2 where one key hands over to another.
  package let signatures: [NoteSignature]

  /// One signature line of a signed note.
  package struct NoteSignature: Equatable, Sendable {
    /// First 4 bytes of SHA-256(origin, line feed, 1, key): tells keys apart, proves nothing.
    package let keyHash: [UInt8]
    /// Ed25519 over the body, 64 bytes.
    package let signature: [UInt8]
  }

  /// Signs the ledger as it stands after `state`.
  /// - Parameters:
  ///   - key: the key in force after `state`.
  ///   - previous: the key that the KEY entry at the end of `state` replaced, which signs too, before `key`, to hand over;
  ///     nil for every other checkpoint.
  /// - Throws: `CryptographyError` if the library refuses to sign.
  package init(
    signing state: LedgerState, with key: SigningKey, after previous: SigningKey? = nil
  ) throws(CryptographyError) {
    format = state.genesis.format
    ledgerID = state.genesis.ledgerID
    size = state.size
    root = state.root
    let origin = Self.origin(of: ledgerID, format: format)
    let body = Self.body(origin: origin, size: size, root: root)
    var signatures: [NoteSignature] = []
    for signer in [previous, key] {
      guard let signer else { continue }
      signatures.append(
        NoteSignature(
          keyHash: Self.keyHash(origin: origin, key: signer.verifyingKey),
          signature: try signer.sign(body)))
    }
    self.signatures = signatures
  }

  /// The origin line and the name of the signer.
  package var origin: String { Self.origin(of: ledgerID, format: format) }

  /// The signed note, ending in a line feed.
  package var text: [UInt8] {
    let lines = signatures.map {
      "\u{2014} \(origin) \(Base64.encode($0.keyHash + $0.signature))\n"
    }
    return Self.body(origin: origin, size: size, root: root) + "\n\(lines.joined())".utf8
  }

  /// Reads a signed note strictly: one signature or two of different keys, and byte for byte what `text` writes.
  /// - Throws: `LedgerError.checkpointUnreadable`. The signature is not verified here.
  package init(parsing text: [UInt8]) throws(LedgerError) {
    guard text.count <= Self.maximumTextBytes else {
      throw .checkpointUnreadable(
        problem: "\(text.count) bytes, the limit is \(Self.maximumTextBytes)")
    }
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard (6...5 + Self.maximumSignatures).contains(lines.count), lines[3].isEmpty,
      lines.last?.isEmpty == true
    else {
      throw .checkpointUnreadable(
        problem: "expected origin, size, root, an empty line and one signature or two")
    }
    (format, ledgerID) = try Self.ledger(of: lines[0])
    guard let size = Int(lines[1]), size >= 1 else {
      throw .checkpointUnreadable(problem: "line 2 is not a number of entries")
    }
    self.size = size
    root = try Self.root(of: lines[2])
    var signatures: [NoteSignature] = []
    for number in 4..<lines.count - 1 {
      signatures.append(
        try Self.signature(
          of: lines[number], number: number + 1, name: Self.origin(of: ledgerID, format: format)))
    }
    guard Set(signatures.map(\.keyHash)).count == signatures.count else {
      throw .checkpointUnreadable(problem: "one key signed it twice")
    }
    self.signatures = signatures
    guard self.text == text else {
      throw .checkpointUnreadable(problem: "it is not in canonical form")
    }
  }

  /// Checks that `key` signed this checkpoint of the ledger `ledgerID`, alone or with another one.
  ///
  /// Whether it is the key in force for `size` entries is for the caller to know.
  /// - Throws: `LedgerError.checkpointRefused` for another ledger, another key, or a wrong signature.
  package func verify(ledgerID: LedgerID, key: VerifyingKey) throws(LedgerError) {
    guard self.ledgerID == ledgerID else {
      throw .checkpointRefused(
        problem: "it is of ledger \(self.ledgerID.hex), not of \(ledgerID.hex)")
    }
    let keyHash = Self.keyHash(origin: origin, key: key)
    guard let line = signatures.first(where: { $0.keyHash == keyHash }) else {
      throw .checkpointRefused(problem: "it names another key than \(key)")
    }
    let body = Self.body(origin: origin, size: size, root: root)
    guard key.isValidSignature(line.signature, for: body) else {
      throw .checkpointRefused(problem: "its signature is not valid")
    }
  }

  /// Checks that a ledger still begins with what this checkpoint covers.
  /// - Parameters:
  ///   - replay: of the log from its start.
  ///   - limit: how many of its lines count; nil for all complete ones.
  /// - Throws: `LedgerError.checkpointRefused` for another format, `.shorterThanCheckpoint`,
  ///   `.checkpointMismatch`.
  package func requirePrefix(
    of replay: LedgerReplay, limit: Int? = nil
  ) throws(LedgerError) {
    guard format == replay.format else {
      throw .checkpointRefused(
        problem: "it is of a ledger of format \(format), this one has format \(replay.format)")
    }
    let lineCount = min(limit ?? replay.lineCount, replay.lineCount)
    guard size <= lineCount else {
      throw .shorterThanCheckpoint(entry: lineCount, checkpointSize: size)
    }
    let found = replay.root(ofSize: size)
    guard found == root else {
      throw .checkpointMismatch(entry: size - 1, expected: root, found: found)
    }
  }

  /// The same against the tree of a ledger in the current format that has at least `size` entries.
  /// - Throws: `LedgerError.checkpointMismatch`.
  package func requireRoot(of tree: MerkleTree) throws(LedgerError) {
    let found = tree.root(ofSize: size)
    guard found == root else {
      throw .checkpointMismatch(entry: size - 1, expected: root, found: found)
    }
  }
}

extension Checkpoint {
  private static func origin(of ledgerID: LedgerID, format: Int) -> String {
    "\(originPrefix)\(format)/\(ledgerID.hex)"
  }

  private static func body(origin: String, size: Int, root: SHA256Digest) -> [UInt8] {
    Array("\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n".utf8)
  }

  private static func keyHash(origin: String, key: VerifyingKey) -> [UInt8] {
    let named = Array(origin.utf8) + [UInt8(ascii: "\n"), ed25519Type] + key.bytes
    return Array(SHA256Digest(hashing: named).bytes.prefix(4))
  }

  private static func ledger(
    of line: String
  ) throws(LedgerError) -> (format: Int, ledgerID: LedgerID) {
    let parts = line.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, line.hasPrefix(originPrefix), let format = Int(parts[1]) else {
      throw .checkpointUnreadable(problem: "line 1 does not begin with \(originPrefix)")
    }
    guard GenesisRecord.readableFormats.contains(format) else {
      throw .checkpointUnreadable(problem: "line 1 names format \(format), which is not known")
    }
    do {
      return (format, try LedgerID(hex: String(parts[2])))
    } catch {
      throw .checkpointUnreadable(problem: "line 1 does not end in a ledger id")
    }
  }

  private static func root(of line: String) throws(LedgerError) -> SHA256Digest {
    do {
      return try SHA256Digest(bytes: Base64.decode(line))
    } catch {
      throw .checkpointUnreadable(problem: "line 3 is not a root of 32 bytes in base64")
    }
  }

  private static func signature(
    of line: String, number: Int, name: String
  ) throws(LedgerError) -> NoteSignature {
    let prefix = "\u{2014} \(name) "
    let bytes: [UInt8]
    do {
      bytes = line.hasPrefix(prefix) ? try Base64.decode(String(line.dropFirst(prefix.count))) : []
    } catch {
      bytes = []
    }
    guard bytes.count == 4 + SigningKey.signatureByteCount else {
      throw .checkpointUnreadable(
        problem: "line \(number) is not a signature by the origin of line 1")
    }
    return NoteSignature(keyHash: Array(bytes.prefix(4)), signature: Array(bytes.dropFirst(4)))
  }
}
