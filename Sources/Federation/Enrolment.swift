package import Cryptography
package import Privacy
package import WireProtocol

/// What a device keeps from its enrolment: who it is in which federation, and how to recognise the
/// coordinator again.
package struct Enrolment: Equatable, Sendable {
  package var clientID: ClientID
  package var host: String
  package var port: UInt16
  /// SHA-256 of the TLS server's SubjectPublicKeyInfo.
  package var serverKeyPin: [UInt8]
  package var coordinatorKey: VerifyingKey
  /// 16 bytes.
  package var ledgerID: [UInt8]
  /// Pinned from the token: the authority that admits members.
  package var enrolmentKey: VerifyingKey
  /// `MemberCredential.bytes`.
  package var credential: [UInt8]
  /// Canonical JSON of the policy shown at enrolment.
  package var policyBytes: [UInt8]

  package init(
    clientID: ClientID, host: String, port: UInt16, serverKeyPin: [UInt8],
    coordinatorKey: VerifyingKey, ledgerID: [UInt8], enrolmentKey: VerifyingKey,
    credential: [UInt8], policyBytes: [UInt8]
  ) {
    self.clientID = clientID
    self.host = host
    self.port = port
    self.serverKeyPin = serverKeyPin
    self.coordinatorKey = coordinatorKey
    self.ledgerID = ledgerID
    self.enrolmentKey = enrolmentKey
    self.credential = credential
    self.policyBytes = policyBytes
  }

  package var policyHash: SHA256Digest { SHA256Digest(hashing: policyBytes) }

  /// - Throws: `FederationError.badPolicy` when the stored bytes are not a policy.
  package func policy() throws -> PrivacyPolicy {
    do {
      return try PrivacyPolicy(decoding: policyBytes)
    } catch {
      throw FederationError.badPolicy("\(error)")
    }
  }
}
