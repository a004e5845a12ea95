/// The files of one coordinator, all under one directory with mode 0700.
struct CoordinatorDirectory: Sendable {
  let path: String

  var configuration: String { path + "/config.json" }
  var policy: String { path + "/policy.json" }
  var keys: String { path + "/keys" }
  var coordinatorKey: String { keys + "/coordinator.key" }
  /// Public key of the enrolment authority.
  var enrolmentKey: String { path + "/authority.pub" }
  /// The enrolment authority's own directory, where it is not kept apart.
  var authority: AuthorityDirectory { AuthorityDirectory(path: path + "/authority") }
  var tlsKey: String { keys + "/tls.key.pem" }
  var tlsCertificate: String { path + "/tls.cert.pem" }
  var ledger: String { path + "/ledger" }
  var roster: String { path + "/roster.sqlite" }
  var blobs: String { path + "/blobs" }
  /// Digests of the public catalogue and item features.
  var publicBlobs: String { path + "/public.json" }
  /// A live coordinator's last word on itself; never needed to start.
  var status: String { path + "/status.json" }
}
