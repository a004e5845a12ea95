package import Cryptography

/// How a coordinator runs; nothing here changes what is charged or claimed.
package struct CoordinatorSettings: Equatable, Sendable {
  /// How often the whole plan is trained, counted from the ledger's beginning.
  package var trainings: Int
  /// Whether the plan goes on to the round of its experiment; false ends it before, while the experiment
  /// is running on the devices.
  package var measuresExperiment: Bool
  /// With the minimum cohort connected, a round starts when no member has logged in for this long.
  package var gatherSeconds: Int
  /// A connection that has not logged in by then is let go.
  package var loginSeconds: Int
  /// Updates that may be in flight at once: memory is this many update vectors.
  package var uploadSlots: Int
  /// Longest time one granted upload may take.
  package var uploadSeconds: Int
  /// Longest time that members of a masked round may take for any message but their updates.
  package var phaseSeconds: Int
  /// After so many rounds without a quorum, one after the other, no further round is offered.
  package var voidRoundLimit: Int
  /// After so many charged rounds without a sum, one after the other, no further round is offered,
  /// so that one client cannot burn the budget (ruling 11).
  package let burnedRoundLimit = 2

  package init(
    trainings: Int = 1, gatherSeconds: Int = 5, loginSeconds: Int = 20, uploadSlots: Int = 16,
    uploadSeconds: Int = 60, phaseSeconds: Int = 120, voidRoundLimit: Int = 3,
    measuresExperiment: Bool = true
  ) {
    self.measuresExperiment = measuresExperiment
    self.trainings = trainings
    self.gatherSeconds = gatherSeconds
    self.loginSeconds = loginSeconds
    self.uploadSlots = uploadSlots
    self.uploadSeconds = uploadSeconds
    self.phaseSeconds = phaseSeconds
    self.voidRoundLimit = voidRoundLimit
  }
}

/// What a coordinator signs with, and how it knows whom the enrolment authority admitted: serving
/// needs no more than the authority's public key. Where one party holds both secrets, it can also
/// admit customers of its own invention (ruling 26).
package struct CoordinatorKeys: Sendable {
  package let coordinator: SigningKey
  package let enrolment: VerifyingKey

  package init(coordinator: SigningKey, enrolment: VerifyingKey) {
    self.coordinator = coordinator
    self.enrolment = enrolment
  }
}

/// Where an open round stands.
package struct RoundProgress: Equatable, Sendable {
  package let round: UInt64
  package let stage: String
  package let joined: Int
  package let contributed: Int
  package let pending: Int
}
