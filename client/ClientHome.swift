/// The files of one customer, all under one directory with mode 0700.
struct ClientHome: Sendable {
  let path: String

  var identityKey: String { path + "/identity.key" }
  var enrolment: String { path + "/enrolment.json" }
  /// The behaviour store's directory.
  var store: String { path + "/store" }
}
