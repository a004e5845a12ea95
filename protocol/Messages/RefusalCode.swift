/// Why one side ends a connection. Wire specification section 8.
package enum RefusalCode: UInt16, Sendable, CaseIterable {
  case unsupportedVersion = 1
  case unknownToken = 2
  case usedToken = 3
  case expiredToken = 4
  case unknownClient = 5
  case badSignature = 6
  case revoked = 7
  case coordinatorFull = 8
  case malformedMessage = 9
  case unexpectedMessage = 10
  case wrongCoordinator = 11
  case alreadyConnected = 12
  case shuttingDown = 13
  case tooSlow = 14
  case wrongPolicy = 15

  /// One clause for a person.
  package var meaning: String {
    switch self {
    case .unsupportedVersion: "no common protocol version"
    case .unknownToken: "the enrolment token is not known here"
    case .usedToken: "the enrolment token was already used"
    case .expiredToken: "the enrolment token has expired"
    case .unknownClient: "this client is not in the roster"
    case .badSignature: "the login signature is not valid for this connection"
    case .revoked: "this client's enrolment was revoked"
    case .coordinatorFull: "the coordinator is at its connection limit"
    case .malformedMessage: "a message could not be read"
    case .unexpectedMessage: "a message came out of order"
    case .wrongCoordinator: "the coordinator is not the one this client enrolled with"
    case .alreadyConnected: "this client is connected elsewhere"
    case .shuttingDown: "the coordinator is shutting down"
    case .tooSlow: "the peer did not answer in time"
    case .wrongPolicy: "the policy is not the one this client knows"
    }
  }
}
