package import CanonicalJSON
package import Cryptography
package import Privacy

/// What one ledger entry says.
///
/// A round is written as OFFER, then CHARGE, then RELEASE or BURNED; or as OFFER, then VOID. A record holds
/// no client identifier, no item identifier and nothing measured on one client.
package enum LedgerRecord: Equatable, Sendable {
  /// The first entry, and only the first: who keeps the ledger and under which policy.
  case genesis(GenesisRecord)
  /// A round was announced to clients. Free.
  case offer(OfferRecord)
  /// Budget was spent; durable before noise is drawn (ruling 10) and never refunded (ruling 13).
  case charge(ChargeRecord)
  /// The noised result exists and may leave the coordinator.
  case release(ReleaseRecord)
  /// An offered round ended before it was charged.
  case void(VoidRecord)
  /// A charged round will never have an output; its charge stays.
  case burned(BurnedRecord)
  /// Another policy holds from here on. The budget goes on (ruling 17), and every device must consent again.
  case policy(PolicyRecord)
  /// Who may take part from here on. Free.
  case roster(RosterRecord)
  /// Another key signs checkpoints from here on. Free.
  case key(KeyRecord)

  /// The kind as written in the `kind` field of a line.
  package var kind: LedgerRecordKind {
    switch self {
    case .genesis: .genesis
    case .offer: .offer
    case .charge: .charge
    case .release: .release
    case .void: .void
    case .burned: .burned
    case .policy: .policy
    case .roster: .roster
    case .key: .key
    }
  }

  /// The round that the record ends: of RELEASE, VOID and BURNED.
  package var closedRound: UInt64? {
    switch self {
    case .genesis, .offer, .charge, .policy, .roster, .key: nil
    case .release, .void, .burned: round
    }
  }

  /// The round the record speaks of; nil for GENESIS, POLICY, ROSTER and KEY.
  package var round: UInt64? {
    switch self {
    case .genesis, .policy, .roster, .key: nil
    case .offer(let record): record.round
    case .charge(let record): record.round
    case .release(let record): record.round
    case .void(let record): record.round
    case .burned(let record): record.round
    }
  }
}

/// The kinds of entry, by the word written in the file.
package enum LedgerRecordKind: String, Equatable, Sendable, CaseIterable {
  case genesis
  case offer
  case charge
  case release
  case void
  case burned
  case policy
  case roster
  case key
}

/// GENESIS: the identity of the ledger and the policy that every later entry is held against.
///
/// The budget never resets, also not by a POLICY entry: a new period is a new ledger (ruling 17).
package struct GenesisRecord: Equatable, Sendable {
  /// The format that is written: lines are leaves of a Merkle tree, and `prev` is a leaf hash.
  package static let currentFormat = 2
  /// The formats that are read. In format 1 the root is SHA-256 of the last line; such a ledger can be audited, and
  /// is not continued.
  package static let readableFormats = 1...currentFormat
  /// The only budget filter accepted here; one filter per ledger (ruling 17).
  package static let gdpFilter = "gdp"

  /// Version of the entry format, in `readableFormats`.
  package let format: Int
  /// Identity of the ledger; the origin line of its checkpoints.
  package let ledgerID: LedgerID
  /// The key that signs checkpoints, until a KEY entry replaces it.
  package let coordinatorKey: VerifyingKey
  /// The policy, whole, as canonical JSON.
  package let policy: JSONValue
  /// SHA-256 of the canonical bytes of `policy`; what clients consent to.
  package let policyHash: SHA256Digest
  /// The filter that admits charges, `gdpFilter`.
  package let filter: String
  /// Version of the program that made the ledger, at most 200 bytes.
  package let softwareVersion: String
  /// When the ledger was made, in seconds since 1970-01-01 UTC, not negative.
  package let createdAtSeconds: Int64
  /// Whether the coordinator also holds the key that admits customers (ruling 26 says what that weakens).
  package let enrolmentKeyHeldByCoordinator: Bool

  /// A genesis for `policy`, with the hash computed here.
  package init(
    ledgerID: LedgerID, coordinatorKey: VerifyingKey, policy: PrivacyPolicy,
    softwareVersion: String, createdAtSeconds: Int64, enrolmentKeyHeldByCoordinator: Bool
  ) {
    self.init(
      format: Self.currentFormat, ledgerID: ledgerID, coordinatorKey: coordinatorKey,
      policy: policy.json, policyHash: SHA256Digest(hashing: policy.canonicalBytes),
      filter: Self.gdpFilter, softwareVersion: softwareVersion,
      createdAtSeconds: createdAtSeconds,
      enrolmentKeyHeldByCoordinator: enrolmentKeyHeldByCoordinator)
  }

  /// Every field as read; nothing is checked here, `LedgerState` holds the rules.
  package init(
    format: Int, ledgerID: LedgerID, coordinatorKey: VerifyingKey, policy: JSONValue,
    policyHash: SHA256Digest, filter: String, softwareVersion: String, createdAtSeconds: Int64,
    enrolmentKeyHeldByCoordinator: Bool
  ) {
    self.format = format
    self.ledgerID = ledgerID
    self.coordinatorKey = coordinatorKey
    self.policy = policy
    self.policyHash = policyHash
    self.filter = filter
    self.softwareVersion = softwareVersion
    self.createdAtSeconds = createdAtSeconds
    self.enrolmentKeyHeldByCoordinator = enrolmentKeyHeldByCoordinator
  }
}

/// OFFER: what clients were asked to compute.
package struct OfferRecord: Equatable, Sendable {
  /// Round id, greater than that of every earlier round of this ledger.
  package let round: UInt64
  /// Position in the policy's plan, from 0.
  package let planIndex: Int
  /// Name of the model's stage, as in the plan.
  package let stage: String
  /// Aggregation mode, as in the policy.
  package let mode: String
  /// SHA-256 of the encoded parameters clients start from.
  package let modelIn: SHA256Digest
  /// SHA-256 of the encoded public catalogue.
  package let catalogueHash: SHA256Digest
  /// The policy hash of GENESIS.
  package let policyHash: SHA256Digest
  /// How long clients may take to upload, in seconds, at least 1.
  package let deadlineSeconds: Int

  /// Every field; checked when the entry is applied to a `LedgerState`.
  package init(
    round: UInt64, planIndex: Int, stage: String, mode: String, modelIn: SHA256Digest,
    catalogueHash: SHA256Digest, policyHash: SHA256Digest, deadlineSeconds: Int
  ) {
    self.round = round
    self.planIndex = planIndex
    self.stage = stage
    self.mode = mode
    self.modelIn = modelIn
    self.catalogueHash = catalogueHash
    self.policyHash = policyHash
    self.deadlineSeconds = deadlineSeconds
  }
}

/// CHARGE: one use of a mechanism, exact, with all an auditor needs to recompute its cost (ruling 16).
package struct ChargeRecord: Equatable, Sendable {
  /// The only mechanism accepted here: integer noise of parameter `scale` on an integer sum.
  package static let discreteGaussian = "discrete_gaussian"

  /// Where the noise bits come from.
  package enum RandomSource: String, Equatable, Sendable, CaseIterable {
    /// The operating system's generator.
    case system
    /// A seed, for simulation: such noise protects nobody, and an audit fails on it.
    case seeded
  }

  /// Round id of the open OFFER.
  package let round: UInt64
  /// `discreteGaussian`.
  package let mechanism: String
  /// Noise standard deviation over clipping norm, as in the plan.
  package let noiseMultiplier: ExactDecimal
  /// L2 bound on one client's update, as in the plan.
  package let clipNorm: ExactDecimal
  /// Parameter s of the discrete Gaussian in grid steps; at least noiseMultiplier x 2^fractionBits.
  package let scale: UInt64
  /// L2 sensitivity of the integer sum in grid steps, 2^fractionBits; with `block` it is that of the whole block, and
  /// it and `scale` are in the finer steps of the block's strategy.
  package let sensitivity: UInt64
  /// F: a clipping norm is 2^F grid steps; 1 through 30.
  package let fractionBits: Int
  /// Coordinates of the sum, joint ones included; at least 1.
  package let dimension: Int
  /// Coordinates among them that are not the model's: measurements under the same joint norm (ruling 5).
  package let jointCoordinates: Int
  /// Aggregation mode, as in the policy.
  package let mode: String
  /// Neighbouring relation the charge is for.
  package let relation: NeighbouringRelation
  /// Privacy unit the charge is for.
  package let unit: PrivacyUnit
  /// Fewest contributions that this round was allowed to sum; within the policy's cohort bounds.
  package let cohortMinimum: Int
  /// How often the mechanism is used; 1.
  package let count: Int
  /// Where the noise bits come from.
  package let rng: RandomSource
  /// Failure probability that the protocol itself adds to delta, a decimal; "0" in mode `sealed` and on the complete
  /// graph. The filter reserves it (ruling 25).
  package let protocolDelta: String
  /// Filter that admits the charge, as in GENESIS.
  package let filter: String
  /// What a masked round adds; nil in mode `sealed`, and only there.
  package let masked: MaskedTerms?
  /// Place in a block of rounds with correlated noise, whose first CHARGE pays for all of it; nil outside of one.
  package let block: BlockPosition?

  /// Every field; checked when the entry is applied to a `LedgerState`.
  package init(
    round: UInt64, mechanism: String = ChargeRecord.discreteGaussian,
    noiseMultiplier: ExactDecimal, clipNorm: ExactDecimal, scale: UInt64, sensitivity: UInt64,
    fractionBits: Int, dimension: Int, jointCoordinates: Int = 0, mode: String,
    relation: NeighbouringRelation, unit: PrivacyUnit, cohortMinimum: Int, count: Int = 1,
    rng: RandomSource, protocolDelta: String = "0", filter: String = GenesisRecord.gdpFilter,
    masked: MaskedTerms? = nil, block: BlockPosition? = nil
  ) {
    self.round = round
    self.mechanism = mechanism
    self.noiseMultiplier = noiseMultiplier
    self.clipNorm = clipNorm
    self.scale = scale
    self.sensitivity = sensitivity
    self.fractionBits = fractionBits
    self.dimension = dimension
    self.jointCoordinates = jointCoordinates
    self.mode = mode
    self.relation = relation
    self.unit = unit
    self.cohortMinimum = cohortMinimum
    self.count = count
    self.rng = rng
    self.protocolDelta = protocolDelta
    self.filter = filter
    self.masked = masked
    self.block = block
  }

  /// What the charge costs: of its round, or of its whole block.
  /// - Parameter entry: index of the CHARGE, for the error.
  /// - Throws: `LedgerError.invalidField`.
  package func event(entry: Int) throws(LedgerError) -> PrivacyEvent {
    do {
      return try .discreteGaussian(scale: scale, sensitivity: sensitivity)
    } catch {
      throw .invalidField(
        entry: entry, field: "scale", expected: "a scale that can be charged: \(error)")
    }
  }
}

/// RELEASE: the one output of a charged round.
package struct ReleaseRecord: Equatable, Sendable {
  /// Round id of the open CHARGE.
  package let round: UInt64
  /// Entry index of that CHARGE.
  package let chargeIndex: Int
  /// SHA-256 of the encoded parameters released.
  package let modelOut: SHA256Digest
  /// What the coordinator claims is spent so far; compared on replay, never trusted.
  package let claims: SpendClaims

  /// Every field; checked when the entry is applied to a `LedgerState`.
  package init(round: UInt64, chargeIndex: Int, modelOut: SHA256Digest, claims: SpendClaims) {
    self.round = round
    self.chargeIndex = chargeIndex
    self.modelOut = modelOut
    self.claims = claims
  }
}

/// The spend that a RELEASE claims, as decimal text. `LedgerState.claims` makes the true one.
package struct SpendClaims: Equatable, Sendable {
  /// Epsilon at the policy's delta after this round, zero-out.
  package let epsilonAfter: String
  /// Sum of mu squared over all charges so far.
  package let muSquaredAfter: String

  /// Both figures as decimal text.
  package init(epsilonAfter: String, muSquaredAfter: String) {
    self.epsilonAfter = epsilonAfter
    self.muSquaredAfter = muSquaredAfter
  }
}

/// VOID: an offered round that ended before it was charged.
package struct VoidRecord: Equatable, Sendable {
  /// Written by a coordinator that finds an open OFFER when it starts.
  package static let coordinatorRestarted = "coordinator restarted"

  /// Round id of the open OFFER.
  package let round: UInt64
  /// Why, in a few words and without anything about one client; 1 to 200 bytes.
  package let reason: String

  /// Both fields; checked when the entry is applied to a `LedgerState`.
  package init(round: UInt64, reason: String) {
    self.round = round
    self.reason = reason
  }
}

/// BURNED: a charged round that will never have an output.
package struct BurnedRecord: Equatable, Sendable {
  /// Round id of the open CHARGE.
  package let round: UInt64
  /// Entry index of that CHARGE.
  package let chargeIndex: Int

  /// Both fields; checked when the entry is applied to a `LedgerState`.
  package init(round: UInt64, chargeIndex: Int) {
    self.round = round
    self.chargeIndex = chargeIndex
  }
}

/// POLICY: what replaces the policy of GENESIS, or of an earlier POLICY, for all later rounds.
///
/// What was spent stays spent, under the new limit and delta. The checkpoint over this entry is the signature.
package struct PolicyRecord: Equatable, Sendable {
  /// The policy, whole, as canonical JSON.
  package let policy: JSONValue
  /// SHA-256 of the canonical bytes of `policy`; what clients consent to.
  package let policyHash: SHA256Digest
  /// The hash of the policy that it replaces.
  package let previousPolicyHash: SHA256Digest

  /// The entry for `policy`, with the hash computed here.
  package init(policy: PrivacyPolicy, replacing previousPolicyHash: SHA256Digest) {
    self.init(
      policy: policy.json, policyHash: SHA256Digest(hashing: policy.canonicalBytes),
      previousPolicyHash: previousPolicyHash)
  }

  /// Every field as read; checked when the entry is applied to a `LedgerState`.
  package init(
    policy: JSONValue, policyHash: SHA256Digest, previousPolicyHash: SHA256Digest
  ) {
    self.policy = policy
    self.policyHash = policyHash
    self.previousPolicyHash = previousPolicyHash
  }
}

/// ROSTER: who may take part from here on, recorded before the first OFFER after a change.
///
/// A member that is admitted while a round is open may join it, and is in the next ROSTER.
package struct RosterRecord: Equatable, Sendable {
  /// 1 for the first of a ledger, and one more each time.
  package let epoch: Int
  /// Who.
  package let members: RosterCommitment
  /// SHA-256 of the enrolment authority's list of revoked members as every member is shown it; of nothing before the first.
  package let revocationsHash: SHA256Digest

  /// Every field; checked when the entry is applied to a `LedgerState`.
  package init(epoch: Int, members: RosterCommitment, revocationsHash: SHA256Digest) {
    self.epoch = epoch
    self.members = members
    self.revocationsHash = revocationsHash
  }

  /// Whether this says something else than `other`.
  package func differs(from other: RosterRecord) -> Bool {
    members != other.members || revocationsHash != other.revocationsHash
  }
}
