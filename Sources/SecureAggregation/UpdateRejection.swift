/// Why an update is not part of a round's sum. The raw values are the names on the wire.
package enum UpdateRejection: String, Error, CaseIterable, Sendable {
  /// A value is NaN or infinite.
  case nonFinite = "non-finite"
  /// The update, or a sealed chunk of it, has another length than the round's dimension asks for.
  case wrongLength = "wrong-length"
  /// The update belongs to another round.
  case wrongRound = "wrong-round"
  /// This client's update of the round was received before.
  case replayed = "replayed"
  /// The sender is not a member of the roster.
  case notEnrolled = "not-enrolled"
  /// The signature over the sealed update is not the sender's.
  case badSignature = "bad-signature"
  /// The seal does not open: altered, cut, reordered, or made for another key, context or client.
  case badSeal = "bad-seal"
  /// A message of the round is not what its step asks for.
  case malformed = "malformed"
  /// The round no longer takes updates.
  case roundClosed = "round-closed"
  /// The sender was not offered the round, or did not wait for its turn.
  case notOffered = "not-offered"
  /// The upload took longer than the time granted.
  case tooSlow = "too-slow"
  /// The coordinator had no resources to open the update: not the client's doing.
  case coordinatorFault = "coordinator-fault"

  /// One clause for a person.
  package var meaning: String {
    switch self {
    case .nonFinite: "the update holds a value that is not a finite number"
    case .wrongLength: "the update does not have the length that the round asks for"
    case .wrongRound: "the update belongs to another round"
    case .replayed: "an update of this client was already received in this round"
    case .notEnrolled: "the sender is not enrolled"
    case .badSignature: "the update's signature is not the sender's"
    case .badSeal: "the update was altered, or sealed for another round, coordinator or client"
    case .malformed: "a message is not what this step of the round asks for"
    case .roundClosed: "the round no longer takes updates"
    case .notOffered: "the sender was not offered this round, or sent before its turn"
    case .tooSlow: "the upload took too long"
    case .coordinatorFault: "the coordinator could not process the update"
    }
  }
}
