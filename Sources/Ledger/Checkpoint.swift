internal import CanonicalJSON
package import Cryptography

/// The coordinator's signed statement that its ledger had `size` entries and this root.
///
/// Clients keep the newest one they saw: it is what shows them, or an auditor, that entries were dropped or replaced
/// (ruling 15). The text is a C2SP signed note around a body like that of `tlog-checkpoint`:
///
///     tacit-ledger/1/<ledger id>
///     <size>
///     <root, base64>
///
///     — tacit-ledger/1/<ledger id> <key hash and signature, base64>
///
/// The root is the hash of the last line, not yet a Merkle root; the version in the origin says which.
/// - Source: C2SP `signed-note` and `tlog-checkpoint`.
package struct Checkpoint: Equatable, Sendable {
  /// Longest text accepted, in bytes.
  package static let maximumTextBytes = 1_024
  private static let originPrefix = "tacit-ledger/1/"
  // C2SP signed-note: the signature type of Ed25519.
  private static let ed25519Type: UInt8 = 1

  /// Which ledger.
  package let ledgerID: LedgerID
  /// Number of entries covered, at least 1.
  package let size: Int
  /// Hash of the last entry covered.
  package let root: SHA256Digest
  /// First 4 bytes of SHA-256(origin, line feed, 1, key): tells keys apart, proves nothing.
  package let keyHash: [UInt8]
  /// Ed25519 over the body, 64 bytes.
  package let signature: [UInt8]

  /// Signs the ledger as it stands after `state`.
  /// - Throws: `CryptographyError` if the library refuses to sign.
  package init(signing state: LedgerState, with key: SigningKey) throws(CryptographyError) {
    ledgerID = state.genesis.ledgerID
    size = state.size
    root = state.root
    keyHash = Self.keyHash(origin: Self.origin(of: ledgerID), key: key.verifyingKey)
    signature = try key.sign(Self.body(ledgerID: ledgerID, size: size, root: root))
  }

  /// The origin line and the name of the signer.
  package var origin: String { Self.origin(of: ledgerID) }

  /// The signed note, ending in a line feed.
  package var text: [UInt8] {
    Self.body(ledgerID: ledgerID, size: size, root: root)
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
    ledgerID = try Self.ledgerID(of: lines[0])
    guard let size = Int(lines[1]), size >= 1 else {
      throw .checkpointUnreadable(problem: "line 2 is not a number of entries")
    }
    self.size = size
    root = try Self.root(of: lines[2])
    (keyHash, signature) = try Self.signature(
      of: lines[4], name: Self.origin(of: ledgerID))
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
    let body = Self.body(ledgerID: ledgerID, size: size, root: root)
    guard key.isValidSignature(signature, for: body) else {
      throw .checkpointRefused(problem: "its signature is not valid")
    }
  }

  /// Checks that a ledger still begins with what this checkpoint covers.
  /// - Parameter roots: hash of each line of the log, in order.
  /// - Throws: `LedgerError.shorterThanCheckpoint` or `.checkpointMismatch`.
  package func requirePrefix(of roots: [SHA256Digest]) throws(LedgerError) {
    guard size <= roots.count else {
      throw .shorterThanCheckpoint(entry: roots.count, checkpointSize: size)
    }
    guard roots[size - 1] == root else {
      throw .checkpointMismatch(entry: size - 1, expected: root, found: roots[size - 1])
    }
  }
}

extension Checkpoint {
  private static func origin(of ledgerID: LedgerID) -> String { originPrefix + ledgerID.hex }

  private static func body(ledgerID: LedgerID, size: Int, root: SHA256Digest) -> [UInt8] {
    Array("\(origin(of: ledgerID))\n\(size)\n\(Base64.encode(root.bytes))\n".utf8)
  }

  private static func keyHash(origin: String, key: VerifyingKey) -> [UInt8] {
    let named = Array(origin.utf8) + [UInt8(ascii: "\n"), ed25519Type] + key.bytes
    return Array(SHA256Digest(hashing: named).bytes.prefix(4))
  }

  private static func ledgerID(of line: String) throws(LedgerError) -> LedgerID {
    guard line.hasPrefix(originPrefix) else {
      throw .checkpointUnreadable(problem: "line 1 does not begin with \(originPrefix)")
    }
    do {
      return try LedgerID(hex: String(line.dropFirst(originPrefix.count)))
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
