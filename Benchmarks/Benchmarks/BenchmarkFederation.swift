import Cryptography
import Ledger
import Privacy
import SecureAggregation
import VectorMath
import WireProtocol

/// One masked round that two processes can make alike: keys from numbers, a ledger in memory.
struct BenchmarkFederation {
  let count: Int
  let dimension: Int
  let mode: AggregationMode
  /// Where the noise comes from, as CHARGE says it.
  let noiseSource: ChargeRecord.RandomSource
  let policy: PrivacyPolicy
  let maskingPolicy: MaskingPolicy
  let encoding: FixedPointEncoding
  let offer: Offer
  let context: [UInt8]
  let ledgerID: LedgerID
  let coordinator: SigningKey
  let authority: SigningKey
  let genesis: LedgerEntry

  /// - Parameter degree: of a ring for comparison with other systems, or nil for what the policy
  ///   needs (ruling 33).
  init(
    count: Int, dimension: Int, mode: AggregationMode,
    noiseSource: ChargeRecord.RandomSource = .system, degree: Int? = nil
  ) throws {
    self.count = count
    self.dimension = dimension
    self.mode = mode
    self.noiseSource = noiseSource
    let tenth = try ExactDecimal("0.1")
    policy = try PrivacyPolicy(
      federation: "benchmark", mode: mode.rawValue,
      masking: MaskingTolerance(corruptFraction: tenth, dropoutFraction: tenth),
      epsilonLimit: ExactDecimal("8"), delta: ExactDecimal("1e-5"), minimumCohort: count / 2,
      maximumCohort: count, targetCohort: count, model: "popularity",
      plan: [
        PlannedRound(
          stage: "popularity", clipNorm: ExactDecimal("1"), noiseMultiplier: ExactDecimal("1"))
      ], roundDeadlineSeconds: 3_600, retentionDays: 30)
    maskingPolicy =
      try degree.map {
        try MaskingPolicy.forComparison(
          cohort: count, degree: $0, corruptFraction: tenth, dropoutFraction: tenth)
      }
      ?? MaskingPolicy(
        minimumCohort: count / 2, maximumCohort: count, corruptFraction: tenth,
        dropoutFraction: tenth)
    let bits = try FixedPointEncoding.fractionBits(
      maximumCohort: count, noiseMultiplier: 1,
      honestFractionInverse: maskingPolicy.worstHonestFractionInverse())
    encoding = try FixedPointEncoding(fractionBits: bits, clipNorm: 1)
    coordinator = try Self.key(1 << 20)
    authority = try Self.key(1 << 20 + 1)
    ledgerID = try LedgerID(bytes: [UInt8](repeating: 7, count: LedgerID.byteCount))
    let model = try SHA256Digest(bytes: [UInt8](repeating: 0, count: 32))
    let policyHash = SHA256Digest(hashing: policy.canonicalBytes)
    var offer = Offer(
      round: 1, planIndex: 0, modelHash: model.bytes, catalogueHash: model.bytes,
      policyHash: policyHash.bytes, roundKey: [UInt8](repeating: 9, count: 32),
      dimension: UInt32(dimension), fractionBits: UInt8(bits), noiseScale: 1 << UInt64(bits),
      deadlineSeconds: 3_600, signature: [])
    offer.signature = try coordinator.sign(offer.signedBytes)
    self.offer = offer
    context = RoundContext.digest(
      offer: offer, coordinatorKey: coordinator.verifyingKey.bytes, ledgerID: ledgerID.bytes)
    genesis = try LedgerEntry(
      index: 0, previous: LedgerEntry.genesisPrevious,
      record: .genesis(
        GenesisRecord(
          ledgerID: ledgerID, coordinatorKey: coordinator.verifyingKey, policy: policy,
          softwareVersion: "benchmark", createdAtSeconds: 0, enrolmentKeyHeldByCoordinator: false)))
  }

  static func key(_ number: Int) throws -> SigningKey {
    var seed = [UInt8](repeating: 0x5A, count: SigningKey.seedByteCount)
    for byte in 0..<4 { seed[byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
    return try SigningKey(seed: SecretBytes(wiping: &seed))
  }

  /// - Parameter uploadSeconds: how long a member may hold one of the slots.
  func coordinatorRound(uploadSlots: Int, uploadSeconds: Int) -> MaskedCoordinatorRound {
    MaskedCoordinatorRound(
      offer: offer, context: context, mode: mode, policy: maskingPolicy, encoding: encoding,
      limits: CoordinatorRound.Limits(
        minimumCohort: policy.minimumCohort, maximumCohort: count, uploadSlots: uploadSlots,
        uploadSeconds: uploadSeconds, phaseSeconds: 3_600),
      startedAt: MonotonicTime(milliseconds: 0))
  }

  /// - Parameter encoding: of this member's code, if it is not the round's.
  func clientRound(
    _ id: ClientID, rosters: RosterCache, noise: any NoiseShareSource,
    encoding: FixedPointEncoding? = nil
  ) throws -> MaskedClientRound {
    MaskedClientRound(
      offer: offer,
      setup: MaskedClientSetup(
        clientID: id, identity: try Self.key(Int(id)), context: context, mode: mode,
        policy: policy, maskingPolicy: maskingPolicy, encoding: encoding ?? self.encoding,
        ledgerID: ledgerID,
        coordinatorKey: coordinator.verifyingKey, enrolmentKey: authority.verifyingKey,
        revoked: [], rosters: rosters), noise: noise)
  }

  func connected(_ id: ClientID) throws -> CoordinatorRoundEvent {
    let key = try Self.key(Int(id)).verifyingKey
    let token = try EnrolmentToken(
      for: id,
      at: CoordinatorAddress(
        host: "localhost", port: 1, serverKeyPin: [UInt8](repeating: 0, count: 32),
        coordinatorKey: coordinator.verifyingKey.bytes, ledgerID: ledgerID.bytes),
      expiresAtSeconds: 1, authority: authority)
    return .memberConnected(id, key, credential: try token.credential(for: key).bytes)
  }

  /// The checkpoint that every client holds before the round.
  func held() throws -> Checkpoint {
    try Checkpoint(signing: LedgerState(genesis: genesis), with: coordinator)
  }

  /// One-hot, norm 1: what the sum must hold for each survivor.
  func update(of id: ClientID) -> [Float] {
    var update = [Float](repeating: 0, count: dimension)
    update[Int(id) % dimension] = 1
    return update
  }

  /// OFFER and CHARGE in a ledger, and what shows the charge to the members.
  func charge(
    _ parameters: MaskingParameters
  ) throws -> (DurableCharge, ChargeEvidence) {
    var state = try LedgerState(genesis: genesis)
    var lines = [genesis.line]
    let hash = try SHA256Digest(bytes: offer.modelHash)
    for record in [
      LedgerRecord.offer(
        OfferRecord(
          round: 1, planIndex: 0, stage: "popularity", mode: mode.rawValue, modelIn: hash,
          catalogueHash: hash, policyHash: try SHA256Digest(bytes: offer.policyHash),
          deadlineSeconds: 3_600)),
      .charge(
        try ChargeRecord(offer: offer, policy: policy, parameters: parameters, rng: noiseSource)),
    ] {
      let (entry, next) = try state.appending(record)
      lines.append(entry.line)
      state = next
    }
    let tree = MerkleTree(lines: lines)
    let receipt = LedgerReceipt(
      line: lines[2], index: 2, tree: tree,
      checkpoint: try Checkpoint(signing: state, with: coordinator))
    return (
      DurableCharge(ledgerIndex: 2, round: 1),
      ChargeEvidence(
        receipt: receipt.text, consistency: [1: tree.consistencyProof(from: 1, to: 3).bytes])
    )
  }

  /// The released sum without the survivors' updates: the noise, in units of the clip norm.
  func noise(in sum: NoisedSum, survivors: [ClientID]) -> [Double] {
    var noise = sum.values
    for id in survivors { noise[Int(id) % dimension] -= 1 }
    return noise
  }

  /// What `survivors` sum to whose noise comes from `IndexedShares`, to the bit: every update encoded
  /// and every share drawn again, outside of the protocol.
  func expectedSum(
    of survivors: [ClientID], parameters: MaskingParameters
  ) throws -> [Double] {
    var sum = try sharesSum(of: survivors, parameters: parameters)
    for id in survivors {
      FixedPointEncoding.accumulate(try encoding.encode(update(of: id)), into: &sum)
    }
    return encoding.decode(sum)
  }

  /// The noise of `survivors` alone, in Z_2^32.
  func sharesSum(
    of survivors: [ClientID], parameters: MaskingParameters
  ) throws -> [UInt32] {
    let share = try DiscreteGaussian(
      varianceNumerator: offer.noiseScale * offer.noiseScale,
      varianceDenominator: UInt64(parameters.honestNoiseShares))
    var sum = [UInt32](repeating: 0, count: dimension)
    for id in survivors {
      var generator = IndexedShares(id).generator
      share.addNoise(to: &sum, using: &generator)
    }
    return sum
  }
}

/// Noise that the number of the client repeats, so that a sum with it can be checked to the bit.
struct IndexedShares: NoiseShareSource {
  let generator: SeededRandom

  init(_ id: ClientID) { generator = SeededRandom(seed: UInt64(id) << 32) }

  var source: ChargeRecord.RandomSource { .seeded }

  func draw(dimension: Int, scale: UInt64, parameters: MaskingParameters) -> NoiseShare {
    var generator = generator
    return NoiseShare.draw(
      dimension: dimension, scale: scale, parameters: parameters, using: &generator)
  }
}
