internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Glibc
internal import Operations
internal import Privacy

/// A policy that the coordinator put in the place of the one consented to, with what it changes.
struct ProposedPolicy {
  let bytes: [UInt8]
  let policy: PrivacyPolicy
  let difference: PolicyDifference

  var hash: SHA256Digest { SHA256Digest(hashing: bytes) }

  static func write(_ bytes: [UInt8], for home: ClientHome) throws {
    try DurableFile.write(bytes, to: home.proposedPolicy)
    StandardError.write(
      "the federation has another policy; no round is joined until you agree to it: "
        + "client consent status --home \(home.path)\n")
  }

  /// - Returns: nil where none is kept, or consent to it was given.
  /// - Throws: `CommandFailure` (exit 5) where it cannot be read.
  init?(for home: ClientHome, enrolment: Enrolment) throws {
    guard
      let bytes = try DurableFile.read(home.proposedPolicy, limit: PrivacyPolicy.longestEncoding),
      bytes != enrolment.policyBytes
    else { return nil }
    do {
      self.bytes = bytes
      policy = try PrivacyPolicy(decoding: bytes)
      difference = PolicyDifference(from: try enrolment.policy(), to: policy)
    } catch {
      throw CommandFailure(
        what: "\(home.proposedPolicy) cannot be read", why: "\(error)",
        next: "remove it; the coordinator shows its policy at the next login",
        exit: .invalidConfiguration)
    }
  }

  /// One line a change.
  var text: String {
    difference.changes.map {
      "  \($0.direction.rawValue)  \($0.field): \($0.before) to \($0.after)"
    }
    .joined(separator: "\n")
  }

  /// Makes it the policy of the enrolment; consent to it is stored already.
  func adopt(in home: ClientHome, enrolment: Enrolment) throws {
    var renewed = enrolment
    renewed.policyBytes = bytes
    try EnrolmentFile.write(renewed, to: home.enrolment)
    // If it stays, it is the enrolment's own policy, and is not shown again.
    _ = unlink(home.proposedPolicy)
  }
}
