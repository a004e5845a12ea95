internal import Cryptography
internal import Ledger
internal import LedgerStore
internal import Privacy
internal import SecureAggregation
internal import WireProtocol

/// Holds everything that leaves a process, and every start, against the invariants of the reliability specification.
///
/// It looks at what is durable at that moment, so that an entry that would not survive a crash counts as missing however
/// the run goes on. Confined to the one thread of its `FederationWorld`.
final class InvariantWatch: @unchecked Sendable {
  /// The first broken invariant, and what broke it.
  private(set) var violation: String?

  private let disk: SimulatedDisk
  /// Of the policy under which the open round was offered.
  private var minimumCohort: Int
  /// Policies that a durable entry holds.
  private var policies: Set<SHA256Digest> = []
  /// Seeds of keys that were replaced, which no file may hold any more.
  private var leftSeeds: [[UInt8]] = []
  private var view: DurableLedgerView
  /// Digests of blobs that are public without any charge: catalogue, features, initial model.
  private var publicBlobs: Set<SHA256Digest> = []
  /// Rounds whose noised sum exists, or could be unmasked by what was sent.
  private(set) var spentRounds: Set<UInt64> = []
  /// Rounds for which the noise was drawn, by a process that lived on.
  private var noisedRounds: Set<UInt64> = []
  private var offers: [UInt64: Offer] = [:]
  /// The one that was read last: it is sent to one customer after another.
  private var newestCheckpoint: (text: [UInt8], checkpoint: Checkpoint)?
  /// Of the ledger as the newest start found it: none changes during a life.
  private var keys: CheckpointKeys?
  private var signedRoots: [Int: SHA256Digest] = [:]
  private var sentDigests: [Int: [UInt64: [UInt8]]] = [:]
  private var knownSpend = 0.0
  /// Byte patterns that may be in no file: updates and sums without noise.
  private var forbidden: [[UInt8]] = []

  init(disk: SimulatedDisk, minimumCohort: Int) {
    self.disk = disk
    self.minimumCohort = minimumCohort
    view = DurableLedgerView(disk: disk)
  }

  func violate(_ invariant: String, _ what: String) {
    if violation == nil { violation = "\(invariant): \(what)" }
  }

  func publish(_ digest: SHA256Digest) { publicBlobs.insert(digest) }

  func forbid(_ pattern: [UInt8]) {
    if forbidden.count < Self.forbiddenLimit { forbidden.append(pattern) }
  }

  private static let forbiddenLimit = 64

  private func look() {
    do throws(LedgerError) {
      try view.refresh()
    } catch {
      violate("I9", "the durable ledger has a line that is no entry: \(error)")
    }
  }

  // MARK: - Coordinator

  /// Noise is drawn for the sum of `contributorCount` updates, whose value without noise is `sum`.
  func noiseDrawn(sum: [Double], contributorCount: Int) {
    // A process that is dead draws in vain: nothing of it leaves.
    guard !disk.isKilled else { return }
    look()
    guard let round = view.openCharge else {
      return violate("I2", "noise is drawn while no durable CHARGE is the last entry")
    }
    spentRounds.insert(round)
    if !noisedRounds.insert(round).inserted {
      violate("I3", "noise is drawn twice for round \(round)")
    }
    if contributorCount < minimumCohort {
      violate("I8", "\(contributorCount) updates are summed, the policy says \(minimumCohort)")
    }
    let ones = sum.count { abs($0 - 1) < Self.gridTolerance }
    let zeros = sum.count { abs($0) < Self.gridTolerance }
    if ones + zeros != sum.count || ones != contributorCount {
      violate("I5", "round \(round): the sum of one-hot updates is not the roster's: \(sum)")
    }
  }

  /// Truncations to the grid of all customers together; grids are finer than 2^-16 here.
  private static let gridTolerance = 1e-3

  func coordinatorSends(_ message: Message) {
    look()
    switch message {
    case .offer(let offer):
      if !view.holds(.offer, of: offer.round) {
        violate("I2", "round \(offer.round) is offered before its entry is durable")
      }
      if let known = offers.updateValue(offer, forKey: offer.round), known != offer {
        violate("I3", "round \(offer.round) is offered twice, with different content")
      }
    case .proof(let proof):
      if !view.holds(.charge, of: proof.round) {
        violate("I2", "Proof of round \(proof.round) leaves before its CHARGE is durable")
      }
      spentRounds.insert(proof.round)
    case .roundClosed(let closed): check(closed)
    case .outcomes(let outcomes): for closed in outcomes.closed { check(closed) }
    case .welcome(let welcome): check(checkpoint: welcome.checkpoint)
    case .ledgerShown(let shown): check(checkpoint: shown.checkpoint)
    case .keysShown(let shown): for change in shown.changes { check(handover: change.checkpoint) }
    case .blobChunk(let chunk) where chunk.count > 0:
      guard let digest = try? SHA256Digest(bytes: chunk.hash) else { break }
      if !publicBlobs.contains(digest) && !view.releasedModels.contains(digest) {
        violate("I2", "model \(digest) leaves before its RELEASE is durable")
      }
    default: break
    }
  }

  private func check(_ closed: RoundClosed) {
    let kind: LedgerRecordKind =
      switch closed.outcome {
      case .released: .release
      case .void: .void
      case .burned: .burned
      }
    if !view.holds(kind, of: closed.round) {
      violate("I2", "round \(closed.round) is told to be \(closed.outcome) before that is durable")
    }
    check(checkpoint: closed.checkpoint)
  }

  private func check(checkpoint text: [UInt8]) {
    if text != newestCheckpoint?.text {
      guard let checkpoint = try? Checkpoint(parsing: text) else {
        return violate("I9", "a checkpoint that cannot be read is sent")
      }
      newestCheckpoint = (text, checkpoint)
      if !isSigned(checkpoint) {
        violate(
          "I9", "a checkpoint of \(checkpoint.size) entries is not signed by the key in force")
      }
    }
    guard let checkpoint = newestCheckpoint?.checkpoint else { return }
    checkRoot(of: checkpoint)
  }

  private func check(handover text: [UInt8]) {
    guard let checkpoint = try? Checkpoint(parsing: text), checkpoint.signatures.count == 2,
      view.hasKey(at: checkpoint.size - 1)
    else { return violate("I9", "what is shown of a change of the key hands nothing over") }
    checkRoot(of: checkpoint)
  }

  private func checkRoot(of checkpoint: Checkpoint) {
    if checkpoint.size > view.acknowledgedSize {
      violate("I9", "a checkpoint of \(checkpoint.size) entries is sent, fewer are durable")
    } else if view.tree.root(ofSize: checkpoint.size) != checkpoint.root {
      violate("I9", "a checkpoint of \(checkpoint.size) entries is not of this ledger")
    }
    if let known = signedRoots.updateValue(checkpoint.root, forKey: checkpoint.size),
      known != checkpoint.root
    {
      violate("I9", "two ledgers of size \(checkpoint.size) are signed")
    }
  }

  /// By the key that a device which follows every change expects, and by no other but where one hands over.
  private func isSigned(_ checkpoint: Checkpoint) -> Bool {
    guard let keys, checkpoint.signatures.count == 1 else { return false }
    do throws(LedgerError) {
      try checkpoint.verify(
        ledgerID: checkpoint.ledgerID, key: keys.key(ofSize: checkpoint.size))
      return true
    } catch {
      return false
    }
  }

  /// The machine or the process stopped.
  func stopped() { view.forget() }

  /// A coordinator has started on what the disk holds.
  func started(_ state: LedgerState) {
    look()
    if state.size > view.acknowledgedSize {
      violate("I1", "a start relies on entries that are not durable")
    }
    if state.phase != .idle { violate("I3", "a start leaves a round open") }
    minimumCohort = state.policy.minimumCohort
    policies.insert(state.policyHash)
    keys = state.keys
    for change in state.keys.changes where !view.hasKey(at: change.entry) {
      violate("I9", "a start signs with a key whose entry \(change.entry) is not durable")
    }
    spendIsKept(in: state)
    for (size, root) in signedRoots
    where size > view.tree.size || view.tree.root(ofSize: size) != root {
      violate("I9", "the ledger is not an extension of a signed one of \(size) entries")
    }
  }

  /// Replayed spend is at least that of everything that left (I1), and never less than it was.
  func spendIsKept(in state: LedgerState) {
    look()
    let charged = Set(
      view.records.compactMap { record -> UInt64? in
        if case .charge(let charge) = record { charge.round } else { nil }
      })
    for round in spentRounds.sorted() where !charged.contains(round) {
      violate("I1", "round \(round) was spent, and the ledger has no CHARGE of it")
    }
    let spend = state.filter.spentMuSquared
    if spend < knownSpend { violate("I1", "the spend fell from \(knownSpend) to \(spend)") }
    knownSpend = spend
    if state.rounds.charged != charged.count { violate("I1", "a CHARGE is not counted") }
    let outputs = view.records.filter { $0.kind == .release }.compactMap(\.round)
    if Set(outputs).count != outputs.count { violate("I3", "a round has two RELEASE entries") }
  }

  /// A key takes the place of that of `seed`.
  func left(_ seed: [UInt8]) { leftSeeds.append(seed) }

  // MARK: - Customers

  /// The coordinator shows a customer another policy than it knew.
  func policyShown(_ policy: [UInt8], to index: Int) {
    if !policies.contains(SHA256Digest(hashing: policy)) {
      violate("I6", "customer \(index) is shown a policy that nobody signed")
    }
  }

  func customer(_ index: Int, sends message: Message, journal: SimulatedDevice) {
    switch message {
    case .updateHeader(let header):
      checkConsent(index, round: header.round, journal: journal)
      check(index, round: header.round, digest: header.digest, journal: journal)
    case .maskedHeader(let masked):
      checkConsent(index, round: masked.round, journal: journal)
      check(index, round: masked.round, digest: masked.header.digest, journal: journal)
    case .unmask(let unmask):
      look()
      if !view.holds(.charge, of: unmask.round) {
        violate("I2", "customer \(index) unmasks round \(unmask.round), which is not charged")
      }
    default: break
    }
  }

  /// No byte of an update leaves for a round of a policy that the customer has not agreed to (rules R1 and R8).
  private func checkConsent(_ index: Int, round: UInt64, journal: SimulatedDevice) {
    guard let offer = offers[round], let journaled = journal.policyHash(of: round) else { return }
    if journaled.bytes != offer.policyHash || !journal.consents(to: journaled) {
      violate("R8", "customer \(index) uploads to round \(round) of a policy it did not agree to")
    }
  }

  private func check(_ index: Int, round: UInt64, digest: [UInt8], journal: SimulatedDevice) {
    if journal.journaledDigest(of: round) != digest {
      violate("I5", "customer \(index) uploads to round \(round) what it has not journaled")
    }
    if let known = sentDigests[index, default: [:]].updateValue(digest, forKey: round),
      known != digest
    {
      violate("I5", "customer \(index) uploads twice to round \(round)")
    }
  }

  // MARK: - End

  /// Entries of `kind` that the newest start found, or that were written since.
  func count(of kind: LedgerRecordKind) -> Int { view.records.count { $0.kind == kind } }

  /// No file holds an update or a sum without noise (I4), or names a customer (I10).
  func scan(identityKeys: [[UInt8]]) {
    let files = disk.contents
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      for pattern in forbidden where bytes.contains(pattern) {
        violate("I4", "\(name) holds an update or a sum without noise")
      }
      for seed in leftSeeds where bytes.contains(seed) {
        violate("key", "\(name) holds a key that was replaced")
      }
      for key in identityKeys
      where bytes.contains(Array(HexCoding.encode(key).utf8)) || bytes.contains(key) {
        violate("I10", "\(name) names a customer")
      }
    }
  }
}

extension [UInt8] {
  /// Whether `pattern` occurs.
  fileprivate func contains(_ pattern: [UInt8]) -> Bool {
    guard let first = pattern.first, pattern.count <= count else { return false }
    for start in 0...(count - pattern.count) where self[start] == first {
      if self[start..<(start + pattern.count)].elementsEqual(pattern) { return true }
    }
    return false
  }
}
