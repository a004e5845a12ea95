internal import Cryptography
internal import Glibc
internal import Operations

/// The files of one coordinator, all under one directory with mode 0700.
struct CoordinatorDirectory: Sendable {
  let path: String
  /// Another directory for keys (`TACIT_KEY_DIRECTORY`): a key there is used instead of the one in `keys`. Of the signing
  /// key there may not be two: `signingKeys`.
  var otherKeys: String?

  var configuration: String { path + "/config.json" }
  var policy: String { path + "/policy.json" }
  var keys: String { path + "/keys" }
  /// Where the signing key is read: `signingKeys` says whether it may be.
  var coordinatorKey: String { key(Self.coordinatorKeyName) }
  /// Public key of the enrolment authority.
  var enrolmentKey: String { path + "/authority.pub" }
  /// The enrolment authority's own directory, where it is not kept apart.
  var authority: AuthorityDirectory { AuthorityDirectory(path: path + "/authority") }
  var tlsKey: String { key("tls.key.pem") }
  var tlsCertificate: String { path + "/tls.cert.pem" }
  var ledger: String { path + "/ledger" }
  var roster: String { path + "/roster.sqlite" }
  var blobs: String { path + "/blobs" }
  /// Digests of the public catalogue and item features.
  var publicBlobs: String { path + "/public.json" }
  /// That this directory was made from a backup, and what that leaves unknown.
  var restoration: String { path + "/restored.json" }
  /// A live coordinator's last word on itself; never needed to start.
  var status: String { path + "/status.json" }

  private static let coordinatorKeyName = "coordinator.key"

  /// The files of the signing key: those in the other directory where it holds one, else those in `keys`.
  ///
  /// A second key file is one that was left behind: a later start without the variable would read it, and a rotation would
  /// not wipe it. The same key may lie in both, for commands that only read it.
  /// - Parameter isReplaced: whether a rotation is to replace the key.
  /// - Throws: `CommandFailure` (exit 5) naming both files where they hold different keys, or `isReplaced`;
  ///   `CryptographyError` where one of the two cannot be read.
  func signingKeys(isReplaced: Bool = false) throws -> SigningKeyFiles {
    let (used, other) = (coordinatorKey, "\(keys)/\(Self.coordinatorKeyName)")
    let files = SigningKeyFiles(used)
    guard used != other, try KeyFile.exists(at: other), !Self.isSameFile(used, other) else {
      return files
    }
    let isSame = try files.current().verifyingKey == KeyFile.load(at: other).verifyingKey
    guard !isSame || isReplaced else { return files }
    throw CommandFailure(
      what: "the signing key lies in two files",
      why: "\(used), of TACIT_KEY_DIRECTORY, is the one that is read, and \(other) "
        + (isSame ? "would keep the key that is to be replaced" : "holds another key"),
      next: "keep the file of the key in force (coordinator key show), and take the other one away",
      exit: .invalidConfiguration)
  }

  /// Whether two names lead to one file, as over a link or another spelling of the directory.
  private static func isSameFile(_ first: String, _ second: String) -> Bool {
    var (one, other) = (stat(), stat())
    guard stat(first, &one) == 0, stat(second, &other) == 0 else { return false }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino
  }

  private func key(_ name: String) -> String {
    if let otherKeys, access("\(otherKeys)/\(name)", F_OK) == 0 { return "\(otherKeys)/\(name)" }
    return "\(keys)/\(name)"
  }
}
