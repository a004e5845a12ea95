internal import BehaviorStore
internal import Cryptography

/// The files of one customer, all under one directory with mode 0700.
struct ClientHome: Sendable {
  let path: String

  var identityKey: String { path + "/identity.key" }
  var enrolment: String { path + "/enrolment.json" }
  /// A policy that the coordinator signed after enrolment and that nobody here consented to yet.
  var proposedPolicy: String { path + "/policy.proposed.json" }
  /// The behaviour store's directory.
  var store: String { path + "/store" }
  /// Public blobs that this customer's own process fetched.
  var blobs: String { path + "/blobs" }
  /// What is left after an erase: which rounds were contributed to, and signed checkpoints.
  var receipts: String { path + "/receipts.json" }
  /// A file of that name that an erase could not read.
  var unreadableReceipts: String { path + "/receipts.unreadable" }

  /// The key of the store's sealed columns, derived from the identity key.
  /// - Throws: `CryptographyError` when the key file is missing or not to be trusted.
  func storeKey() throws -> StoreKey {
    try StoreKey(identity: try KeyFile.load(at: identityKey))
  }
}
