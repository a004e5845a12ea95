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
  private let minimumCohort: Int
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
    }
    guard let checkpoint = newestCheckpoint?.checkpoint else { return }
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

  /// The machine or the process stopped.
  func stopped() { view.forget() }

  /// A coordinator has started on what the disk holds.
  func started(_ state: LedgerState) {
    look()
    if state.size > view.acknowledgedSize {
      violate("I1", "a start relies on entries that are not durable")
    }
    if state.phase != .idle { violate("I3", "a start leaves a round open") }
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

  // MARK: - Customers

  func customer(_ index: Int, sends message: Message, journal: SimulatedDevice) {
    switch message {
    case .updateHeader(let header):
      check(index, round: header.round, digest: header.digest, journal: journal)
    case .maskedHeader(let masked):
      check(index, round: masked.round, digest: masked.header.digest, journal: journal)
    case .unmask(let unmask):
      look()
      if !view.holds(.charge, of: unmask.round) {
        violate("I2", "customer \(index) unmasks round \(unmask.round), which is not charged")
      }
    default: break
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

  /// No file holds an update or a sum without noise (I4), or names a customer (I10).
  func scan(identityKeys: [[UInt8]]) {
    let files = disk.contents
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      for pattern in forbidden where bytes.contains(pattern) {
        violate("I4", "\(name) holds an update or a sum without noise")
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
