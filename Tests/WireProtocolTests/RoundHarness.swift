import Cryptography
import SecureAggregation
import VectorMath
import WireProtocol

/// One coordinator's round, and the members who talk to it.
///
/// A class only because a round cannot be copied into the expectations of a test.
final class RoundHarness {
  static let ledgerID = SampleMessages.ramp(16, from: 90)
  static let fractionBits = 20
  static let noiseScale: UInt64 = 1 << 10

  let dimension: Int
  let offer: Offer
  let context: [UInt8]
  let coordinator: SigningKey
  var round: CoordinatorRound

  init(
    round number: UInt64 = 7, dimension: Int = 4, deadlineSeconds: UInt32 = 60,
    minimumCohort: Int = 2, maximumCohort: Int = 100, uploadSlots: Int = 16, uploadSeconds: Int = 30
  ) throws {
    let sealingKey = try RoundSealingKey()
    coordinator = try Self.identity(0)
    var offer = Offer(
      round: number, planIndex: 0, modelHash: SampleMessages.ramp(32, from: 1),
      catalogueHash: SampleMessages.ramp(32, from: 2), policyHash: SampleMessages.ramp(32, from: 3),
      roundKey: sealingKey.publicKey, dimension: UInt32(dimension),
      fractionBits: UInt8(Self.fractionBits), noiseScale: Self.noiseScale,
      deadlineSeconds: deadlineSeconds, signature: [])
    offer.signature = try coordinator.sign(offer.signedBytes)
    self.dimension = dimension
    self.offer = offer
    context = RoundContext.digest(
      offer: offer, coordinatorKey: coordinator.verifyingKey.bytes, ledgerID: Self.ledgerID)
    round = CoordinatorRound(
      offer: offer, context: context, sealingKey: sealingKey,
      encoding: try FixedPointEncoding(fractionBits: Self.fractionBits, clipNorm: 1),
      limits: CoordinatorRound.Limits(
        minimumCohort: minimumCohort, maximumCohort: maximumCohort, uploadSlots: uploadSlots,
        uploadSeconds: uploadSeconds),
      startedAt: MonotonicTime(milliseconds: 0))
  }

  /// The identity key of a member, the same every time.
  static func identity(_ id: ClientID) throws -> SigningKey {
    var seed = [UInt8](repeating: 0x5A, count: SigningKey.seedByteCount)
    for byte in 0..<4 { seed[byte] = UInt8(truncatingIfNeeded: id >> (8 * ClientID(byte))) }
    return try SigningKey(seed: SecretBytes(wiping: &seed))
  }

  // MARK: - Events

  @discardableResult
  func connect(_ id: ClientID) throws -> [CoordinatorRoundEffect] {
    round.handle(.memberConnected(id, try Self.identity(id).verifyingKey))
  }

  @discardableResult
  func disconnect(_ id: ClientID) -> [CoordinatorRoundEffect] {
    round.handle(.memberDisconnected(id))
  }

  @discardableResult
  func answer(_ id: ClientID, joins: Bool = true) -> [CoordinatorRoundEffect] {
    round.handle(.message(id, .answer(Answer(round: offer.round, joins: joins))))
  }

  @discardableResult
  func clock(seconds: Int) -> [CoordinatorRoundEffect] {
    round.handle(.clock(MonotonicTime(milliseconds: 0).adding(seconds: seconds)))
  }

  @discardableResult
  func send(_ messages: [Message], from id: ClientID) -> [CoordinatorRoundEffect] {
    messages.flatMap { round.handle(.message(id, $0)) }
  }

  /// Connects and joins.
  func join(_ id: ClientID) throws {
    try connect(id)
    answer(id)
  }

  /// Uploads a sealed and signed update.
  @discardableResult
  func upload(_ update: [Float], from id: ClientID) throws -> [CoordinatorRoundEffect] {
    send(try sealed(update, from: id), from: id)
  }

  // MARK: - Messages

  /// The header and the chunks of an update.
  ///
  /// - Parameters:
  ///   - id: whom it is sealed for.
  ///   - signer: whose key signs it; nil for `id`.
  ///   - context: what it is bound to; nil for this round.
  func sealed(
    _ update: [Float], from id: ClientID, signer: ClientID? = nil, context: [UInt8]? = nil
  ) throws -> [Message] {
    let context = context ?? self.context
    let sealed = try UpdateSeal.seal(update, to: offer.roundKey, context: context, clientID: id)
    var header = UpdateHeader(
      round: offer.round, ephemeralKey: sealed.ephemeralKey, streamHeader: sealed.header,
      chunkCount: UInt32(sealed.chunks.count), digest: UpdateDigest.sha256(of: sealed.chunks),
      signature: [])
    try sign(&header, by: signer ?? id, context: context)
    return [.updateHeader(header)]
      + sealed.chunks.enumerated().map { index, data in
        .updateChunk(RoundChunk(round: offer.round, index: UInt32(index), data: data))
      }
  }

  func sign(_ header: inout UpdateHeader, by id: ClientID, context: [UInt8]? = nil) throws {
    header.signature = try Self.identity(id).sign(
      header.signedBytes(context: context ?? self.context, clientID: id))
  }

  func oneHot(_ index: Int) -> [Float] {
    (0..<dimension).map { $0 == index ? 1 : 0 }
  }

  // MARK: - Outcome

  // Read here: the macros of expectations copy what they look into.
  var contributorCount: Int { round.contributorCount }
  var pendingCount: Int { round.pendingCount }
  var joinedCount: Int { round.joinedCount }
  var isCollecting: Bool { round.isCollecting }
  var rejectionCounts: [UpdateRejection: Int] { round.rejectionCounts }

  /// Releases under noise of one fixed seed.
  func release() throws -> NoisedSum {
    var noise = FixedSeedNoise(seed: 1)
    var block: CorrelatedAggregation?
    return try round.release(
      after: DurableCharge(ledgerIndex: 2, round: offer.round), noise: &noise, block: &block)
  }

  /// Releases, and takes off what an empty sum would have been under the same noise.
  func releaseExactSum() throws -> [Double] {
    var noise = FixedSeedNoise(seed: 1)
    let empty = AggregateSum(
      dimension: dimension,
      encoding: try FixedPointEncoding(fractionBits: Self.fractionBits, clipNorm: 1))
    var block: CorrelatedAggregation?
    let zero = try noise.finish(empty, scale: Self.noiseScale, block: &block).values
    return zip(try release().values, zero).map { $0 - $1 }
  }
}

extension [CoordinatorRoundEffect] {
  /// What members were told of their updates, in order: `1 accepted`, `2 bad-seal`.
  var results: [String] {
    compactMap { effect in
      guard case .send(let id, .updateResult(let result)) = effect else { return nil }
      return "\(id) \(result.rejection?.rawValue ?? "accepted")"
    }
  }

  /// Who was granted an upload slot, in order.
  var granted: [ClientID] {
    compactMap { effect in
      guard case .send(let id, .proceed) = effect else { return nil }
      return id
    }
  }

  /// Who was offered the round, in order.
  var offered: [ClientID] {
    compactMap { effect in
      guard case .send(let id, .offer) = effect else { return nil }
      return id
    }
  }
}
