import Attacks
import Cryptography
import Federation
import Ledger
import Privacy
import SecureAggregation
import VectorMath
import WireProtocol

/// Noise of a wrong size or from a wrong source, behind the coordinator's own seam.
struct BuggyNoise: AggregateNoise {
  private var generator: SeededRandom?
  private let restarts: Bool
  private let divisor: UInt64

  /// System noise of a scale divided by `divisor`.
  init(divisor: UInt64) {
    self.divisor = divisor
    generator = nil
    restarts = false
  }

  /// Seeded noise; with `restarts` every round draws the same.
  init(seed: () -> UInt64, restarts: Bool = false) {
    divisor = 1
    generator = SeededRandom(seed: seed())
    self.restarts = restarts
  }

  /// What a bug of this kind would write.
  var source: ChargeRecord.RandomSource { .system }

  func standardDeviation(scale: UInt64) -> Double { Double(scale / divisor) }

  mutating func finish(
    _ sum: consuming AggregateSum, scale: UInt64, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    let narrow = max(PrivacyEvent.chargeableScales.lowerBound, scale / divisor)
    guard var seeded = generator else {
      var system = try SecureRandom()
      return sum.noised(scale: narrow, using: &system)
    }
    let noised = sum.noised(scale: narrow, using: &seeded)
    if !restarts { generator = seeded }
    return noised
  }
}

/// A coordinator that does not clip, or clips block by block.
struct WrongClip: AuditedMechanism {
  private let round: AuditedRound
  private let blocks: Int?
  private let noise: DiscreteGaussian

  init(_ round: AuditedRound, blocks: Int?) {
    self.round = round
    self.blocks = blocks
    noise = DiscreteGaussian(scale: round.scale)
  }

  mutating func release(_ updates: [[Float]], dimension: Int) throws -> [Double] {
    var sum = [UInt32](repeating: 0, count: dimension)
    let steps = Double(round.encoding.sensitivity) / round.encoding.clipNorm
    for update in updates {
      var clipped = update
      if let blocks {
        let width = dimension / blocks
        for block in 0..<blocks {
          var part = Array(update[block * width..<(block + 1) * width])
          try Clipping.clip(&part, to: round.encoding.clipNorm)
          clipped.replaceSubrange(block * width..<(block + 1) * width, with: part)
        }
      }
      for index in sum.indices {
        sum[index] &+= UInt32(truncatingIfNeeded: Int64(Double(clipped[index]) * steps))
      }
    }
    var generator = try SecureRandom()
    noise.addNoise(to: &sum, using: &generator)
    return round.encoding.decode(sum).map { $0 / round.encoding.clipNorm }
  }
}

/// Shares sized for a whole cohort, of which some are missing.
struct DroppedShares: AuditedMechanism {
  private let round: AuditedRound
  private let share: DiscreteGaussian
  private let left: Int

  init(_ round: AuditedRound, sizedFor count: Int, left: Int) throws {
    self.round = round
    self.left = left
    share = try DiscreteGaussian(
      varianceNumerator: round.scale * round.scale, varianceDenominator: UInt64(count))
  }

  mutating func release(_ updates: [[Float]], dimension: Int) throws -> [Double] {
    var sum = [UInt32](repeating: 0, count: dimension)
    for update in updates {
      FixedPointEncoding.accumulate(try round.encoding.encode(update), into: &sum)
    }
    var generator = try SecureRandom()
    for _ in 0..<left { share.addNoise(to: &sum, using: &generator) }
    return round.encoding.decode(sum).map { $0 / round.encoding.clipNorm }
  }
}

/// A ledger of one planned round, into which also wrong entries can be written.
struct SmallLedger {
  private let policy: PrivacyPolicy
  private(set) var state: LedgerState
  private var lines: [[UInt8]]
  private var lastHash: SHA256Digest
  private let key: SigningKey

  init() throws {
    policy = try PrivacyPolicy(
      federation: "bugs", epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-5"),
      minimumCohort: 10, maximumCohort: 100, targetCohort: 40, model: "popularity",
      plan: [
        PlannedRound(
          stage: "popularity", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("2"))
      ], roundDeadlineSeconds: 60, retentionDays: 30)
    key = try SigningKey()
    let genesis = GenesisRecord(
      ledgerID: try LedgerID(bytes: [UInt8](repeating: 1, count: 16)),
      coordinatorKey: key.verifyingKey, policy: policy, softwareVersion: "test",
      createdAtSeconds: 0, enrolmentKeyHeldByCoordinator: false)
    let entry = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious, record: .genesis(genesis))
    state = try LedgerState(genesis: entry)
    lines = [entry.line]
    lastHash = entry.hash
  }

  var offer: OfferRecord {
    OfferRecord(
      round: state.lastRound + 1, planIndex: 0, stage: "popularity", mode: "sealed",
      modelIn: SHA256Digest(hashing: [1]), catalogueHash: SHA256Digest(hashing: [2]),
      policyHash: state.genesis.policyHash, deadlineSeconds: 60)
  }

  func charge(rng: ChargeRecord.RandomSource = .system) -> ChargeRecord {
    ChargeRecord(
      round: state.lastRound, noiseMultiplier: policy.plan[0].noiseMultiplier,
      clipNorm: policy.plan[0].clipNorm, scale: 2 << 20, sensitivity: 1 << 20, fractionBits: 20,
      dimension: 50, mode: "sealed", relation: .zeroOut, unit: .user, cohortMinimum: 10, rng: rng)
  }

  mutating func append(_ record: LedgerRecord) throws {
    let (entry, next) = try state.appending(record)
    state = next
    lines.append(entry.line)
    lastHash = entry.hash
  }

  mutating func appendRound() throws {
    try append(.offer(offer))
    try append(.charge(charge()))
    try append(
      .release(
        ReleaseRecord(
          round: state.lastRound, chargeIndex: state.size - 1,
          modelOut: SHA256Digest(hashing: [3]), claims: state.claims)))
  }

  /// Entries that hang together by hash, whatever they say.
  mutating func appendUnchecked(_ records: [LedgerRecord]) throws {
    for record in records {
      let entry = try LedgerEntry(index: lines.count, previous: lastHash, record: record)
      lines.append(entry.line)
      lastHash = entry.hash
    }
  }

  var audit: LedgerAuditReport {
    let log = Array(lines.map { $0 + [UInt8(ascii: "\n")] }.joined())
    return LedgerAudit.run(.init(log: log, head: LedgerHead(of: state).bytes))
  }
}
