package import Cryptography
package import Privacy
package import WireProtocol

/// What a client receives.
package enum ClientEvent: Sendable {
  /// A TLS session with the pinned server is up.
  case connected(exporter: [UInt8])
  case received([UInt8])
  case disconnected
  /// The update that `computeUpdate` asked for; nil when it could not be computed.
  case updateReady([Float]?)
  /// A blob that `needBlob` asked for is here.
  case blobAvailable(SHA256Digest)
  /// Fetch this blob over this connection.
  case fetchBlob(SHA256Digest)
}

/// What a client asks its driver to do, in order.
package enum ClientEffect: Equatable, Sendable {
  case send([UInt8])
  case close
  /// Admitted: store this before anything else.
  case enrolled(Enrolment)
  /// The coordinator signed another policy, canonical JSON. Rounds are declined until this device consents to it: keep
  /// it, so that a person can read what changed.
  case policyChanged([UInt8])
  /// Return `blobAvailable` once the blob with this digest is on the device. Several clients of
  /// one process share the public blobs, so the driver decides which of them fetches.
  case needBlob(SHA256Digest)
  /// A fetched blob with a checked digest.
  case storeBlob(SHA256Digest, [UInt8])
  /// Compute the update of this offer and return it as `updateReady`.
  case computeUpdate(Offer)
  case note(ClientNote)
  /// Training is over; the model of the newest RELEASE that was proven is on the device. Nil where none was: the device
  /// takes no model on the coordinator's word.
  case finished(Finished.Reason, model: SHA256Digest?)
}

/// Something the person at the device may want to see. It stays on the device.
package enum ClientNote: Equatable, Sendable {
  case loggedIn
  case declined(round: UInt64, OfferRefusal)
  case contributed(round: UInt64)
  case rejected(round: UInt64, reason: String)
  case closed(round: UInt64, RoundClosed.Outcome)
  /// A check failed in a masked round, and the device left it.
  case left(round: UInt64, RoundRefusal)
}

/// What a device keeps, from outside the pure core. Every call returns when its effect is durable.
package protocol DeviceStorage: AnyObject {
  /// Whether consent to this policy is stored and not withdrawn.
  func consents(to policyHash: SHA256Digest) throws -> Bool
  /// The newest round that this device has journalled in this ledger.
  func lastRound() throws -> UInt64?
  /// Rounds of this ledger that were journalled and whose outcome is not proven yet, ascending.
  func unsettledRounds() throws -> [UInt64]
  /// Sum of mu squared over the journal's rounds that count as spent, a block of them counted once; without those of the
  /// block that round `start` began, if one is given.
  func spentMuSquared(outsideBlock start: UInt64?) throws -> Double
  /// This device's rounds that count as spent in the block that round `start` began.
  func participation(inBlock start: UInt64) throws -> ParticipationRecord
  /// How many of the journal's rounds count as spent.
  func spentRounds() throws -> Int
  /// Writes the round as spent, before the first byte of its update leaves (ruling 12).
  func journalSpent(_ entry: SpentRound) throws
  /// The newest charged round of the journal that is not recorded as released, nor as void: the sum of a void one has
  /// nothing of this device.
  func unreleasedCharge() throws -> UInt64?
  /// Keeps what the coordinator signed about a round; nothing happens for a round that this device
  /// took no part in. A round recorded as void does not count as spent: in the masked modes that is
  /// recorded only for a round whose sum provably lacks this device's update (ruling 12).
  ///
  /// - Throws: when another outcome is recorded: the coordinator told two stories.
  func recordOutcome(round: UInt64, _ outcome: RoundClosed.Outcome) throws
  /// What this device journalled for a round; nil for a round that it took no part in.
  func agreedTerms(of round: UInt64) throws -> AgreedTerms?
  /// Keeps a checkpoint that the coordinator signed, and what was proven under it, in one step: the device's own
  /// evidence. An entry that is kept already stays as it is.
  /// - Parameter charged: journalled rounds that are recorded as charged in the same step, before anything that helps to
  ///   see their sums leaves.
  func keepLedger(
    _ checkpoint: CheckpointNote, receipts: [ReceiptNote], charged: Set<UInt64>
  ) throws
  /// The newest kept checkpoint.
  func newestCheckpoint() throws -> CheckpointNote?
  /// The texts of all kept receipts of this ledger, in the order of their entries.
  func receipts() throws -> [[UInt8]]
  /// Lists a refusal for the person at the device.
  func recordRefusal(_ refusal: RefusalNote) throws
  /// Keeps the bytes of a `RevocationList`, newer than any before: the device's own evidence.
  func keepRevocations(_ bytes: [UInt8]) throws
  /// What was kept last, or nil.
  func revocations() throws -> [UInt8]?
}

/// What a device writes before it sends an update.
package struct SpentRound: Equatable, Sendable {
  package let round: UInt64
  package let policyHash: SHA256Digest
  /// Charge of the round, or of its whole block: mu of the Gaussian differential privacy scale.
  package let mu: Double
  /// The charge in words: scale, sensitivity, stage.
  package let charge: String
  /// SHA-256 over the sealed chunks.
  package let updateDigest: [UInt8]
  /// Mode of the policy that `policyHash` names.
  package let mode: String
  /// Least cohort of that policy.
  package let minimumCohort: Int
  /// Place in a block of rounds with correlated noise.
  package let block: BlockPosition?
  /// The proof that the round was offered to everybody alike; kept with the entry.
  package let offerReceipt: ReceiptNote?

  package init(
    round: UInt64, policyHash: SHA256Digest, mu: Double, charge: String, updateDigest: [UInt8],
    mode: String, minimumCohort: Int, block: BlockPosition? = nil,
    offerReceipt: ReceiptNote? = nil
  ) {
    self.mode = mode
    self.minimumCohort = minimumCohort
    self.block = block
    self.offerReceipt = offerReceipt
    self.round = round
    self.policyHash = policyHash
    self.mu = mu
    self.charge = charge
    self.updateDigest = updateDigest
  }
}

/// What a device agreed to for a round, as its journal says: no CHARGE of the round may fall short of it (R5, R7).
package struct AgreedTerms: Equatable, Sendable {
  /// Charge of the round, or of its whole block.
  package let mu: Double
  /// Mode of the policy consented to; nil where a journal of an earlier version does not say it.
  package let mode: String?
  /// Least cohort of that policy; nil as for `mode`.
  package let minimumCohort: Int?

  package init(mu: Double, mode: String?, minimumCohort: Int?) {
    self.mu = mu
    self.mode = mode
    self.minimumCohort = minimumCohort
  }

  package init(of round: SpentRound) {
    self.init(mu: round.mu, mode: round.mode, minimumCohort: round.minimumCohort)
  }
}

extension Sequence<SpentRound> {
  /// The sum of mu squared, where the rounds of a block count once.
  /// - Parameter start: the rounds of the block that this round began do not count; nil leaves out none.
  package func muSquared(outsideBlock start: UInt64? = nil) -> Double {
    var total = 0.0
    var blocks: [UInt64: Double] = [:]
    for entry in self where start == nil || entry.block?.start != start {
      let square = entry.mu * entry.mu
      guard let block = entry.block else {
        total += square
        continue
      }
      blocks[block.start] = Swift.max(square, blocks[block.start] ?? 0)
    }
    // In one order: a sum of doubles depends on it, that of a dictionary on where it lies.
    return blocks.sorted { $0.key < $1.key }.reduce(total) { $0 + $1.value }
  }

  /// The rounds among these of the block that round `start` began.
  /// - Throws: `PrivacyError.invalidParameter` for rounds that no rule allows.
  package func participation(inBlock start: UInt64) throws -> ParticipationRecord {
    let rounds = compactMap(\.block).filter { $0.start == start }.map(\.round)
    return try ParticipationRecord(lastRound: rounds.max(), count: rounds.count)
  }
}

/// Size and text of a signed checkpoint.
package struct CheckpointNote: Equatable, Sendable {
  package let size: Int
  package let text: [UInt8]

  package init(size: Int, text: [UInt8]) {
    self.size = size
    self.text = text
  }
}

/// An entry of the ledger and the proof that a signed checkpoint covers it.
package struct ReceiptNote: Equatable, Sendable {
  /// Place in the ledger, from 0.
  package let entry: Int
  /// The round that it is of.
  package let round: UInt64
  /// `LedgerRecordKind` by name.
  package let kind: String
  /// The `tlog-proof` of `LedgerReceipt`.
  package let text: [UInt8]

  package init(entry: Int, round: UInt64, kind: String, text: [UInt8]) {
    self.entry = entry
    self.round = round
    self.kind = kind
    self.text = text
  }
}

/// Something that this device did not go along with.
package struct RefusalNote: Equatable, Sendable {
  /// What the coordinator signed, twice.
  package struct Evidence: Equatable, Sendable {
    /// The checkpoint, or the receipt, that this device did not take.
    package let refused: [UInt8]
    /// The one that it held.
    package let held: [UInt8]?
    /// Whether the two contradict each other by themselves; else the ledger tells which one is not of it.
    package let convicts: Bool

    package init(refused: [UInt8], held: [UInt8]?, convicts: Bool) {
      self.refused = refused
      self.held = held
      self.convicts = convicts
    }
  }

  /// Nil where it concerns no single round.
  package let round: UInt64?
  /// One sentence.
  package let reason: String
  /// Nil where there is nothing to show.
  package let evidence: Evidence?

  package init(round: UInt64?, reason: String, evidence: Evidence? = nil) {
    self.round = round
    self.reason = reason
    self.evidence = evidence
  }
}
