internal import Glibc

/// The files of one coordinator, all under one directory with mode 0700.
struct CoordinatorDirectory: Sendable {
  let path: String
  /// Another directory for keys (`TACIT_KEY_DIRECTORY`): a key there is used instead of the one in `keys`.
  var otherKeys: String?

  var configuration: String { path + "/config.json" }
  var policy: String { path + "/policy.json" }
  var keys: String { path + "/keys" }
  var coordinatorKey: String { key("coordinator.key") }
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

  private func key(_ name: String) -> String {
    if let otherKeys, access("\(otherKeys)/\(name)", F_OK) == 0 { return "\(otherKeys)/\(name)" }
    return "\(keys)/\(name)"
  }
}
