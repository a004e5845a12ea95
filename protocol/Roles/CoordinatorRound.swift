internal import Cryptography
package import SecureAggregation
package import VectorMath

/// One round in mode `sealed`, as the coordinator runs it: offer, collect, decide the quorum,
/// charge, draw noise (ruling 10).
///
/// Sans-I/O: events in, effects out. Memory is O(dimension) plus `uploadSlots` updates in flight,
/// whatever the number of members.
package struct CoordinatorRound: ~Copyable, Sendable {
  /// Sizes and times of a round.
  package struct Limits: Equatable, Sendable {
    /// Fewest contributions that may be released.
    package var minimumCohort: Int
    /// Most contributions that the fixed-point sum was sized for.
    package var maximumCohort: Int
    /// Updates that may be in flight at once.
    package var uploadSlots: Int
    /// Longest time one granted upload may take, in seconds.
    package var uploadSeconds: Int
    /// Longest time that members of a masked round may take for any message but their updates.
    package var phaseSeconds: Int

    package init(
      minimumCohort: Int, maximumCohort: Int, uploadSlots: Int = 16, uploadSeconds: Int = 30,
      phaseSeconds: Int = 120
    ) {
      self.minimumCohort = minimumCohort
      self.maximumCohort = maximumCohort
      self.uploadSlots = uploadSlots
      self.uploadSeconds = uploadSeconds
      self.phaseSeconds = phaseSeconds
    }
  }

  enum Phase: Equatable {
    case collecting
    case charging
    case ended
  }

  package let offer: Offer
  let context: [UInt8]
  let limits: Limits
  let deadline: MonotonicTime
  private let sealingKey: RoundSealingKey
  private var sum: AggregateSum?
  var members: [ClientID: Member] = [:]
  var uploads: UploadQueue<UpdateHeader>
  var phase = Phase.collecting
  var now: MonotonicTime
  package private(set) var contributorCount = 0
  package private(set) var rejectionCounts: [UpdateRejection: Int] = [:]

  /// - Parameters:
  ///   - offer: signed; its `roundKey` is `sealingKey.publicKey`.
  ///   - context: `RoundContext.digest` of the offer, 32 bytes.
  ///   - encoding: clip norm and fraction bits of the sum.
  package init(
    offer: Offer, context: [UInt8], sealingKey: RoundSealingKey, encoding: FixedPointEncoding,
    limits: Limits, startedAt now: MonotonicTime
  ) {
    self.offer = offer
    self.context = context
    self.sealingKey = sealingKey
    self.limits = limits
    self.now = now
    self.deadline = now.adding(seconds: Int(offer.deadlineSeconds))
    self.sum = AggregateSum(dimension: Int(offer.dimension), encoding: encoding)
    self.uploads = UploadQueue(
      slotCount: limits.uploadSlots, uploadSeconds: limits.uploadSeconds)
  }

  /// Members that were offered the round, joined it, and are still expected to contribute.
  package var pendingCount: Int {
    members.values.count { $0.isPending }
  }

  package var joinedCount: Int {
    members.values.count { $0.state != .offered && $0.state != .declined }
  }

  /// Members whose update is in the sum.
  package var contributors: [ClientID] {
    members.filter { $0.value.state == .accepted }.map(\.key)
  }

  package var isCollecting: Bool { phase == .collecting }

  /// Advances the round by one event.
  package mutating func handle(_ event: CoordinatorRoundEvent) -> [CoordinatorRoundEffect] {
    var effects: [CoordinatorRoundEffect] = []
    switch event {
    case .memberConnected(let id, let key, _):
      effects = offerRound(to: id, key: key)
    case .memberDisconnected(let id):
      withdraw(id)
    case .message(let id, let message):
      effects = receive(message, from: id)
    case .clock(let time):
      now = max(now, time)
      effects = dropSlowUploads()
    }
    guard phase == .collecting else { return effects }
    effects += grantSlots()
    return effects + closeIfDue()
  }

  /// Draws the noise and ends the round. The un-noised sum is wiped by it.
  ///
  /// - Parameters:
  ///   - charge: the durable CHARGE of this round.
  ///   - noise: where the noise comes from.
  ///   - block: of correlated noise, if the round is of one; nil again when the release fails.
  /// - Returns: the noised sum, in units of the clip norm.
  /// - Throws: when no noise can be drawn; the round is over then, and its charge stays.
  package mutating func release(
    after charge: DurableCharge, noise: inout some AggregateNoise,
    block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    precondition(charge.round == offer.round, "a charge of another round")
    precondition(phase == .charging, "release without a quorum, or twice")
    phase = .ended
    guard let sum = self.sum.take() else { preconditionFailure("a round releases once") }
    return try noise.finish(sum, scale: offer.noiseScale, block: &block)
  }

  // MARK: - Collection

  private mutating func offerRound(
    to id: ClientID, key: VerifyingKey
  ) -> [CoordinatorRoundEffect] {
    guard phase == .collecting else { return [] }
    switch members[id]?.state {
    case nil, .offered, .waiting, .gone:
      members[id] = Member(key: key, state: .offered)
    case .accepted, .rejected, .declined:
      // One contribution a round: a reconnected member only hears how its update ended.
      members[id]?.isConnected = true
    case .uploading:
      uploads.remove(id)
      members[id] = Member(key: key, state: .offered)
    }
    return [.send(id, .offer(offer))]
  }

  private mutating func withdraw(_ id: ClientID) {
    guard var member = members[id] else { return }
    member.isConnected = false
    if member.isPending {
      uploads.remove(id)
      member.state = .gone
    }
    members[id] = member
  }

  private mutating func receive(
    _ message: Message, from id: ClientID
  ) -> [CoordinatorRoundEffect] {
    guard let member = members[id] else {
      return reject(id, message.round, .notEnrolled)
    }
    guard message.round == offer.round else { return reject(id, message.round, .wrongRound) }
    guard phase == .collecting else { return reject(id, offer.round, .roundClosed) }
    switch message {
    case .answer(let answer): return answered(answer, by: id, member)
    case .updateHeader(let header): return begin(header, from: id, member)
    case .updateChunk(let chunk): return append(chunk, from: id)
    default: return []
    }
  }

  private mutating func answered(
    _ answer: Answer, by id: ClientID, _ member: Member
  ) -> [CoordinatorRoundEffect] {
    switch member.state {
    case .offered:
      guard answer.joins else {
        members[id]?.state = .declined
        return []
      }
      members[id]?.state = .waiting
      uploads.enqueue(id)
      return []
    case .accepted:
      return [.send(id, .updateResult(UpdateResult(round: offer.round, rejection: nil)))]
    case .waiting, .uploading, .declined, .rejected, .gone:
      return []
    }
  }

  private mutating func begin(
    _ header: UpdateHeader, from id: ClientID, _ member: Member
  ) -> [CoordinatorRoundEffect] {
    switch member.state {
    case .uploading: break
    case .accepted: return reject(id, offer.round, .replayed)
    case .offered, .waiting, .declined, .rejected, .gone:
      return reject(id, offer.round, .notOffered)
    }
    guard uploads[id]?.header == nil else { return fail(id, .replayed) }
    let expected = UpdateSeal.chunkCount(dimension: Int(offer.dimension))
    guard Int(header.chunkCount) == expected else { return fail(id, .wrongLength) }
    let signed = header.signedBytes(context: context, clientID: id)
    guard member.key.isValidSignature(header.signature, for: signed) else {
      return fail(id, .badSignature)
    }
    uploads.announce(header, chunkCount: expected, from: id)
    return []
  }

  private mutating func append(
    _ chunk: RoundChunk, from id: ClientID
  ) -> [CoordinatorRoundEffect] {
    guard uploads[id]?.header != nil else {
      // What follows a refused header is on its way already; its sender knows why.
      return members[id]?.state == .rejected ? [] : reject(id, offer.round, .notOffered)
    }
    let limit = UpdateSeal.sealedByteCount(dimension: Int(offer.dimension))
    guard uploads.append(chunk, from: id, limit: limit) else { return fail(id, .wrongLength) }
    guard let upload = uploads[id], upload.isComplete else { return [] }
    return complete(upload, from: id)
  }

  private mutating func complete(
    _ upload: UploadQueue<UpdateHeader>.Upload, from id: ClientID
  ) -> [CoordinatorRoundEffect] {
    do throws(UpdateRejection) {
      guard contributorCount < limits.maximumCohort else { throw .roundClosed }
      let sealed = try upload.verified()
      var update = try sealingKey.open(
        sealed, context: context, clientID: id, dimension: Int(offer.dimension))
      // One customer's values: gone as soon as they are in the sum, or refused.
      defer { wipe(&update) }
      try sum?.add(update)
    } catch {
      return fail(id, error)
    }
    uploads.remove(id)
    members[id]?.state = .accepted
    contributorCount += 1
    return [.send(id, .updateResult(UpdateResult(round: offer.round, rejection: nil)))]
  }

  /// Ends a member's part in the round: its update is not in the sum and it has no second try.
  private mutating func fail(
    _ id: ClientID, _ rejection: UpdateRejection
  ) -> [CoordinatorRoundEffect] {
    uploads.remove(id)
    members[id]?.state = .rejected
    return reject(id, offer.round, rejection)
  }

  private mutating func reject(
    _ id: ClientID, _ round: UInt64, _ rejection: UpdateRejection
  ) -> [CoordinatorRoundEffect] {
    rejectionCounts[rejection, default: 0] += 1
    return [.send(id, .updateResult(UpdateResult(round: round, rejection: rejection)))]
  }

  private mutating func grantSlots() -> [CoordinatorRoundEffect] {
    uploads.grant(at: now).map { id in
      members[id]?.state = .uploading
      return .send(id, .proceed(Proceed(round: offer.round)))
    }
  }

  private mutating func dropSlowUploads() -> [CoordinatorRoundEffect] {
    guard phase == .collecting else { return [] }
    var effects: [CoordinatorRoundEffect] = []
    for id in uploads.expired(at: now) { effects += fail(id, .tooSlow) }
    return effects
  }

  private mutating func closeIfDue() -> [CoordinatorRoundEffect] {
    let everyoneSettled = !members.isEmpty && pendingCount == 0
    guard everyoneSettled || now >= deadline else { return [] }
    var effects: [CoordinatorRoundEffect] = []
    for id in uploads.members { effects += fail(id, .roundClosed) }
    guard contributorCount >= limits.minimumCohort else {
      phase = .ended
      sum = nil
      let reason = "quorum not met: \(contributorCount) of at least \(limits.minimumCohort)"
      return effects + [.void(reason: reason)]
    }
    phase = .charging
    return effects + [.charge]
  }
}
