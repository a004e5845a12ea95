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
/// The number in the origin is the format of the ledger. In format 1 the root is the hash of the last line.
/// - Source: C2SP `signed-note` and `tlog-checkpoint`.
package struct Checkpoint: Equatable, Sendable {
  /// Longest text accepted, in bytes.
  package static let maximumTextBytes = 1_024
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
  /// First 4 bytes of SHA-256(origin, line feed, 1, key): tells keys apart, proves nothing.
  package let keyHash: [UInt8]
  /// Ed25519 over the body, 64 bytes.
  package let signature: [UInt8]

  /// Signs the ledger as it stands after `state`.
  /// - Throws: `CryptographyError` if the library refuses to sign.
  package init(signing state: LedgerState, with key: SigningKey) throws(CryptographyError) {
    format = state.genesis.format
    ledgerID = state.genesis.ledgerID
    size = state.size
    root = state.root
    let origin = Self.origin(of: ledgerID, format: format)
    keyHash = Self.keyHash(origin: origin, key: key.verifyingKey)
    signature = try key.sign(Self.body(origin: origin, size: size, root: root))
  }

  /// The origin line and the name of the signer.
  package var origin: String { Self.origin(of: ledgerID, format: format) }

  /// The signed note, ending in a line feed.
  package var text: [UInt8] {
    Self.body(origin: origin, size: size, root: root)
      + "\n\u{2014} \(origin) \(Base64.encode(keyHash + signature))\n".utf8
  }

  /// Reads a signed note strictly: exactly one signature, and byte for byte what `text` writes.
  /// - Throws: `LedgerError.checkpointUnreadable`. The signature is not verified here.
  package init(parsing text: [UInt8]) throws(LedgerError) {
    guard text.count <= Self.maximumTextBytes else {
      throw .checkpointUnreadable(
        problem: "\(text.count) bytes, the limit is \(Self.maximumTextBytes)")
    }
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard lines.count == 6, lines[3].isEmpty, lines[5].isEmpty else {
      throw .checkpointUnreadable(
        problem: "expected origin, size, root, an empty line and one signature")
    }
    (format, ledgerID) = try Self.ledger(of: lines[0])
    guard let size = Int(lines[1]), size >= 1 else {
      throw .checkpointUnreadable(problem: "line 2 is not a number of entries")
    }
    self.size = size
    root = try Self.root(of: lines[2])
    (keyHash, signature) = try Self.signature(
      of: lines[4], name: Self.origin(of: ledgerID, format: format))
    guard self.text == text else {
      throw .checkpointUnreadable(problem: "it is not in canonical form")
    }
  }

  /// Checks that `key`, the coordinator's, signed this checkpoint of the ledger `ledgerID`.
  /// - Throws: `LedgerError.checkpointRefused` for another ledger, another key, or a wrong signature.
  package func verify(ledgerID: LedgerID, key: VerifyingKey) throws(LedgerError) {
    guard self.ledgerID == ledgerID else {
      throw .checkpointRefused(
        problem: "it is of ledger \(self.ledgerID.hex), not of \(ledgerID.hex)")
    }
    guard keyHash == Self.keyHash(origin: origin, key: key) else {
      throw .checkpointRefused(problem: "it names another key than \(key)")
    }
    let body = Self.body(origin: origin, size: size, root: root)
    guard key.isValidSignature(signature, for: body) else {
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
    of line: String, name: String
  ) throws(LedgerError) -> (keyHash: [UInt8], signature: [UInt8]) {
    let prefix = "\u{2014} \(name) "
    let bytes: [UInt8]
    do {
      bytes = line.hasPrefix(prefix) ? try Base64.decode(String(line.dropFirst(prefix.count))) : []
    } catch {
      bytes = []
    }
    guard bytes.count == 4 + SigningKey.signatureByteCount else {
      throw .checkpointUnreadable(problem: "line 5 is not a signature by the origin of line 1")
    }
    return (Array(bytes.prefix(4)), Array(bytes.dropFirst(4)))
  }
}
