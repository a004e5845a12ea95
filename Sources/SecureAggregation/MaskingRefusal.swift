/// Why a client leaves a masked round. The raw values are the names on the wire; nothing in them
/// depends on the client's data.
package enum MaskingRefusal: String, Error, CaseIterable, Sendable {
  /// The round's parameters do not follow from the policy and the roster's size.
  case wrongParameters = "wrong-parameters"
  /// The policy admits no masked round of this size.
  case unsupportedCohort = "unsupported-cohort"
  /// A roster of another offer or policy.
  case wrongContext = "wrong-context"
  /// A field does not have its length, or a bitmap another size than the roster.
  case malformed = "malformed"
  /// The roster is not in ascending order of ids, or names a member twice.
  case repeatedMember = "repeated-member"
  /// Two adverts hold the same key.
  case repeatedKey = "repeated-key"
  /// A member of the roster is not enrolled.
  case notEnrolled = "not-enrolled"
  /// This client's own advert is missing or altered.
  case ownAdvertChanged = "own-advert-changed"
  /// A neighbour's or signer's advert is not signed by it for this round.
  case badAdvertSignature = "bad-advert-signature"
  /// A neighbour's key is of small order.
  case weakKey = "weak-key"
  /// This client is not among those that dealt shares.
  case ownSharesMissing = "own-shares-missing"
  /// Fewer members dealt shares than must be in the sum.
  case tooFewSharers = "too-few-sharers"
  /// Too few neighbours take part for this client's secrets to be recoverable.
  case tooFewNeighbours = "too-few-neighbours"
  /// A share of somebody who is no neighbour or dealt none, or a second one.
  case unexpectedShare = "unexpected-share"
  /// Fewer than t of the shares that this client should hold could be opened.
  case tooFewShares = "too-few-shares"
  /// The update has another length than the round.
  case wrongLength = "wrong-length"
  /// The update holds a value that is not finite.
  case nonFinite = "non-finite"
  /// The survivors include somebody who dealt no shares.
  case survivorWithoutShares = "survivor-without-shares"
  /// This client's update is not in the sum.
  case ownUpdateMissing = "own-update-missing"
  /// Fewer updates are in the sum than the policy demands.
  case tooFewSurvivors = "too-few-survivors"
  /// Fewer than t of this client's neighbours are in the sum.
  case tooFewSurvivingNeighbours = "too-few-surviving-neighbours"
  /// A stretch of the ring has lost so many members that honest ones may be cut off.
  case windowExposed = "window-exposed"
  /// A second, different survivor set in one round.
  case secondSurvivorSet = "second-survivor-set"
  /// Fewer than T signatures over the survivor set.
  case tooFewSignatures = "too-few-signatures"
  /// A signer is counted twice, or the signatures are out of order.
  case repeatedSigner = "repeated-signer"
  /// A signer is not in the sum, or not on the committee.
  case signerNotEligible = "signer-not-eligible"
  /// A signature is not the signer's over this survivor set.
  case badAgreementSignature = "bad-agreement-signature"
  /// A step was asked for out of its turn, twice, or after the round ended for this client.
  case outOfOrder = "out-of-order"
  /// The device lacks the resources to go on: not the coordinator's doing.
  case localFault = "local-fault"
}

/// Why a coordinator does not take a message of a masked round. The raw values are the names on the
/// wire.
package enum MaskingRejection: String, Error, CaseIterable, Sendable {
  /// The sender is not a member of the roster, or did not take the step before.
  case notMember = "not-member"
  /// The same message was received before; nothing changes.
  case duplicate = "duplicate"
  /// Another message for the same step was received before: evidence against the sender.
  case conflictingDuplicate = "conflicting-duplicate"
  /// A field does not have its length, or names another sender.
  case malformed = "malformed"
  /// A signature is not the sender's for this round.
  case badSignature = "bad-signature"
  /// The shares are not for exactly the sender's neighbours.
  case wrongRecipients = "wrong-recipients"
  /// The masked update has another length than the round.
  case wrongLength = "wrong-length"
  /// The values are not those that were signed.
  case wrongDigest = "wrong-digest"
  /// The message came before or after its phase.
  case wrongPhase = "wrong-phase"
  /// The sender's signature is not asked for.
  case notSigner = "not-signer"
  /// A revealed share is of somebody the sender holds none of.
  case unexpectedShare = "unexpected-share"
}

/// Why a masked round ends without a sum.
package enum MaskingAbort: String, Error, CaseIterable, Sendable {
  /// The number of adverts is outside the policy's bounds, or the policy admits no such round.
  case unsupportedCohort = "unsupported-cohort"
  /// A key appears in two adverts.
  case repeatedKey = "repeated-key"
  /// Too few members dealt shares.
  case tooFewSharers = "too-few-sharers"
  /// Too few updates arrived.
  case tooFewSurvivors = "too-few-survivors"
  /// A member lost too many neighbours for its mask to be removed.
  case tooFewSurvivingNeighbours = "too-few-surviving-neighbours"
  /// A stretch of the ring lost too many members.
  case windowExposed = "window-exposed"
  /// The revealed shares do not give a secret that fits its commitment.
  case maskNotRecoverable = "mask-not-recoverable"
  /// The coordinator lacks the resources to go on.
  case coordinatorFault = "coordinator-fault"
}
