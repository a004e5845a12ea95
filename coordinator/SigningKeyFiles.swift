internal import Cryptography
internal import LedgerStore

/// The coordinator's signing key as files in one directory: `coordinator.key`, and during a rotation
/// `coordinator.key.next` and, until it is wiped, `coordinator.key.previous`.
struct SigningKeyFiles: SigningKeyStore {
  private let path: String
  private var next: String { path + ".next" }
  private var previous: String { path + ".previous" }

  /// - Parameter path: of the current key, in the directory of keys that is used.
  init(_ path: String) { self.path = path }

  func current() throws -> SigningKey { try KeyFile.load(at: path) }

  func prepared() throws -> SigningKey? {
    guard try KeyFile.exists(at: next) else { return nil }
    do throws(CryptographyError) {
      return try KeyFile.load(at: next)
    } catch .keyFile(_, problem: .wrongSize) {
      // A crash while it was made: the ledger names no key whose file is not complete.
      return nil
    }
  }

  func prepare() throws -> SigningKey {
    let key = try SigningKey()
    try KeyFile.create(key, at: next)
    return key
  }

  func promote() throws {
    try KeyFile.replace(path, by: next, keeping: previous)
    try KeyFile.wipe(at: previous)
  }

  func clean() throws {
    try KeyFile.wipe(at: next)
    try KeyFile.wipe(at: previous)
  }
}
