internal import Cryptography
internal import Ledger
package import SecureAggregation
package import VectorMath

/// One round in the modes `secagg` and `secagg-ddp`, as the coordinator runs it: offer, adverts,
/// shares, masked updates, agreement on the survivors, charge, proof, unmasking (secure aggregation
/// specification section 3.5, in the order of ruling 11).
///
/// Sans-I/O: events in, effects out; what the messages mean is decided by `MaskingCoordinator`.
/// Memory is O(dimension), `uploadSlots` updates in flight, and the members' encrypted shares.
package struct MaskedCoordinatorRound: ~Copyable, Sendable {
  enum Phase: Int, Comparable {
    case advertising
    case sharing
    case masking
    case agreeing
    case charging
    case unmasking
    case removing
    case releasing
    case ended

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  package let offer: Offer
  let mode: AggregationMode
  let limits: CoordinatorRound.Limits
  var masking: MaskingCoordinator
  var phase = Phase.advertising
  var deadline: MonotonicTime
  var now: MonotonicTime
  var members = Members()
  /// Who is sent credentials, then who sends its update: both are long.
  var uploads: UploadQueue<MaskedHeader>
  /// U1 as it was sent, once it is fixed.
  var roster: (header: RoundRoster, chunks: [RoundChunk], members: MaskingRoster)?
  /// U2 and U3, once they are fixed.
  var sharers: MemberSet?
  var survivors: MemberSet?
  /// Whose shares a member could not open, as it says (ruling 31).
  private var unreadable: [ClientID: MemberSet] = [:]
  var charge: (durable: DurableCharge, evidence: ChargeEvidence)?
  package var rejectionCounts: [String: Int] = [:]

  /// - Parameters:
  ///   - offer: signed; its `roundKey` is a fresh nonce.
  ///   - context: `RoundContext.digest` of the offer, 32 bytes.
  ///   - mode: `secagg` or `secagg-ddp`.
  ///   - encoding: clip norm and fraction bits of the sum.
  package init(
    offer: Offer, context: [UInt8], mode: AggregationMode, policy: MaskingPolicy,
    encoding: FixedPointEncoding, limits: CoordinatorRound.Limits, startedAt now: MonotonicTime
  ) {
    self.offer = offer
    self.mode = mode
    self.limits = limits
    self.now = now
    deadline = now.adding(seconds: limits.phaseSeconds)
    masking = MaskingCoordinator(
      context: context, policy: policy, mode: mode, dimension: Int(offer.dimension),
      encoding: encoding)
    uploads = UploadQueue(slotCount: limits.uploadSlots, uploadSeconds: limits.uploadSeconds)
  }

  // MARK: - What the round looks like from outside

  /// Members that the round waits for.
  package var pendingCount: Int { members.pendingCount }

  /// Members that joined, whether or not they are still in the round.
  package var joinedCount: Int { roster?.members.adverts.count ?? members.answeredCount }

  /// Members whose masked update is in the sum.
  package var contributorCount: Int {
    switch phase {
    case .advertising, .sharing: 0
    case .masking: members.answeredCount
    default: survivors?.count ?? 0
    }
  }

  /// Members whose shares others could not open, and who says so, ascending. Dealer or holder may
  /// be at fault.
  package var unreadableShares: (dealers: [ClientID], holders: [ClientID]) {
    let dealers = Set(unreadable.values.flatMap { ids(in: $0) })
    return (dealers.sorted(), unreadable.keys.sorted())
  }

  /// Members whose update is in the sum, once they are fixed.
  package var contributors: [ClientID] { survivors.map { ids(in: $0) } ?? [] }

  /// Whether the round can still end free of charge.
  package var isBeforeCharge: Bool { phase < .charging }

  /// n, c, N_h and the thresholds, once the members are known.
  package var parameters: MaskingParameters? { roster?.members.parameters }

  /// Sizes of the checkpoints that the survivors said they hold: `prove` needs a consistency proof
  /// from each.
  package var heldCheckpointSizes: Set<UInt64> { members.checkpointSizes }

  // MARK: - Events

  /// Advances the round by one event.
  package mutating func handle(_ event: CoordinatorRoundEvent) -> [CoordinatorRoundEffect] {
    var effects: [CoordinatorRoundEffect] = []
    switch event {
    case .memberConnected(let id, let key, let credential):
      effects = connect(id, key: key, credential: credential)
    case .memberDisconnected(let id):
      disconnect(id)
    case .message(let id, let message):
      effects = receive(message, from: id)
    case .clock(let time):
      now = max(now, time)
      effects = dropSlowUploads()
    }
    return effects + advance()
  }

  /// Shows the survivors that the round is charged, so that they unmask the sum (ruling 11).
  ///
  /// - Parameters:
  ///   - charge: the durable CHARGE of this round.
  ///   - evidence: its receipt, and a consistency proof from every size in `heldCheckpointSizes`
  ///     that the ledger has had.
  package mutating func prove(
    after charge: DurableCharge, evidence: ChargeEvidence
  ) -> [CoordinatorRoundEffect] {
    precondition(charge.round == offer.round, "a charge of another round")
    precondition(phase == .charging, "a proof without an agreement, or twice")
    self.charge = (charge, evidence)
    begin(.unmasking, seconds: limits.phaseSeconds)
    awaitSurvivors()
    return proofs(to: connected(in: sharers)) + advance()
  }

  /// Takes the masks off the sum.
  ///
  /// - Parameter corrections: of the `MaskRemoval` of effect `unmask`; nil when they could not be
  ///   computed.
  package mutating func unmask(_ corrections: [[UInt32]]?) -> [CoordinatorRoundEffect] {
    precondition(phase == .removing, "corrections that nobody asked for")
    guard let corrections else {
      phase = .ended
      return [.burn(reason: MaskingAbort.coordinatorFault.rawValue, culprits: [])]
    }
    masking.apply(corrections)
    phase = .releasing
    return [.release]
  }

  /// Whether the round waits for `unmask`.
  package var isRemovingMasks: Bool { phase == .removing }

  /// Ends a round whose masks are off. The un-noised sum of `secagg` is wiped by it.
  ///
  /// - Parameter noise: draws the noise in mode `secagg`; in `secagg-ddp` it is in the sum already.
  /// - Returns: the noised sum, in units of the clip norm.
  /// - Throws: when no noise can be drawn; the round is over then, and its charge stays.
  package consuming func release(
    noise: inout some AggregateNoise, block: inout CorrelatedAggregation?
  ) throws -> NoisedSum {
    precondition(phase == .releasing, "a release without a sum")
    guard mode.clientsAddNoise else {
      return try noise.finish(masking.unmaskedSum(), scale: offer.noiseScale, block: &block)
    }
    return masking.noisedSum()
  }

  // MARK: - Members

  private mutating func connect(
    _ id: ClientID, key: VerifyingKey, credential: [UInt8]
  ) -> [CoordinatorRoundEffect] {
    guard phase < .removing else { return [] }
    guard members[id] != nil else {
      guard phase == .advertising else { return [] }
      members.add(id, Member(key: key, credential: credential))
      return [.send(id, .offer(offer))]
    }
    members.update(id) {
      $0.isConnected = true
      $0.asked = nil
    }
    return [.send(id, .offer(offer))] + reminders(for: id)
  }

  private mutating func disconnect(_ id: ClientID) {
    members.update(id) { $0.isConnected = false }
    // A partial upload is worth nothing: the whole of it is sent again.
    uploads.remove(id)
  }

  /// What a member that was away needs to go on; its own messages it sends again when it sees them.
  private mutating func reminders(for id: ClientID) -> [CoordinatorRoundEffect] {
    guard let member = members[id], !member.hasRefused, let roster, isIn(id, nil) else {
      return []
    }
    switch phase {
    case .advertising, .charging, .removing, .releasing, .ended:
      return []
    case .sharing:
      return [.send(id, .roundRoster(roster.header))]
        + roster.chunks.map { .send(id, .rosterChunk($0)) }
    case .masking:
      guard !member.hasLeft, let delivery = masking.delivery(for: id) else { return [] }
      let deliver = CoordinatorRoundEffect.send(id, .deliver(message(delivery)))
      guard member.standing == .answered else {
        uploads.enqueue(id)
        return [deliver]
      }
      return [deliver, .send(id, .updateResult(UpdateResult(round: offer.round, rejection: nil)))]
    case .agreeing, .unmasking:
      guard let sharers, let survivors, isIn(id, sharers) else { return [] }
      let set = Survivors(round: offer.round, survivors: survivors.bytes)
      return [.send(id, .survivors(set))] + proofs(to: [id])
    }
  }

  // MARK: - Messages

  private mutating func receive(
    _ message: Message, from id: ClientID
  ) -> [CoordinatorRoundEffect] {
    guard let member = members[id] else { return reject(id, message.round, .notEnrolled) }
    guard message.round == offer.round else { return reject(id, message.round, .wrongRound) }
    if case .refuseRound(let refusal) = message {
      leave(id, counting: "refused: \(refusal.reason)")
      members.update(id) { $0.hasRefused = true }
      return []
    }
    if case .maskedHeader = message, phase > .masking, !member.hasRefused {
      // After the survivors are fixed a masked update stays masked for good.
      return reject(id, offer.round, .roundClosed)
    }
    guard !member.hasLeft else { return [] }
    switch (message, phase) {
    case (.answer(let answer), .advertising):
      if !answer.joins { leave(id, counting: nil) }
      return []
    case (.advertise(let advertise), .advertising): return advertised(advertise, by: id, member)
    case (.askCredentials(let ask), .sharing): return answer(ask, of: id)
    case (.shares(let shares), .sharing): return shared(shares, by: id)
    case (.unreadableShares(let told), .masking): return note(told, by: id)
    case (.maskedHeader(let header), .masking): return begin(header, from: id)
    case (.updateChunk(let chunk), .masking): return append(chunk, from: id)
    case (.agree(let agree), .agreeing): return agreed(agree, by: id)
    case (.unmask(let unmask), .unmasking): return unmasked(unmask, by: id)
    case (.maskedHeader, _): return fail(id, .notOffered)
    default:
      // An answer to a phase that is over, sent before its sender could know.
      return []
    }
  }

  private mutating func advertised(
    _ advertise: Advertise, by id: ClientID, _ member: Member
  ) -> [CoordinatorRoundEffect] {
    guard member.standing == .awaited else { return [] }
    guard members.answeredCount < limits.maximumCohort else { return fail(id, .roundClosed) }
    return attempt(id) { (masking) throws(MaskingRejection) in
      try masking.receive(advertise.advert, from: id, key: member.key)
    }
  }

  private mutating func answer(
    _ ask: AskCredentials, of id: ClientID
  ) -> [CoordinatorRoundEffect] {
    guard let roster, isIn(id, nil),
      let wanted = MemberSet(bytes: ask.members, memberCount: roster.members.adverts.count)
    else { return fail(id, UpdateRejection.malformed) }
    // Once a connection: a short question has a long answer.
    guard members[id]?.asked == nil else { return [] }
    members.update(id) { $0.asked = wanted }
    uploads.enqueue(id)
    return []
  }

  /// Keeps whose shares this member could not open, for whoever looks after the round; the last word counts.
  private mutating func note(
    _ told: UnreadableShares, by id: ClientID
  ) -> [CoordinatorRoundEffect] {
    guard let roster, let sharers, isIn(id, sharers),
      let position = roster.members.position(of: id),
      let dealers = MemberSet(bytes: told.dealers, memberCount: roster.members.adverts.count)
    else { return fail(id, UpdateRejection.malformed) }
    let dealt = MemberSet(
      positions: roster.members.neighbours(of: position).filter {
        dealers.contains($0) && sharers.contains($0)
      }, memberCount: roster.members.adverts.count)
    unreadable[id] = dealt.count > 0 ? dealt : nil
    return []
  }

  private mutating func shared(_ shares: Shares, by id: ClientID) -> [CoordinatorRoundEffect] {
    guard members[id]?.standing == .awaited else { return [] }
    uploads.remove(id)
    return attempt(id) { (masking) throws(MaskingRejection) in
      try masking.receive(shares.bundle, from: id)
    }
  }

  private mutating func begin(
    _ header: MaskedHeader, from id: ClientID
  ) -> [CoordinatorRoundEffect] {
    guard members[id]?.standing == .awaited else { return [] }
    guard let upload = uploads[id] else { return fail(id, .notOffered) }
    guard upload.header == nil else { return fail(id, .replayed) }
    let expected = MaskedUpdateCoding.chunkCount(dimension: Int(offer.dimension))
    guard Int(header.chunkCount) == expected else { return fail(id, UpdateRejection.wrongLength) }
    do throws(MaskingRejection) {
      try masking.check(header.header, from: id)
    } catch {
      return fail(id, error)
    }
    uploads.announce(header, chunkCount: expected, from: id)
    return []
  }

  private mutating func append(
    _ chunk: RoundChunk, from id: ClientID
  ) -> [CoordinatorRoundEffect] {
    guard members[id]?.standing == .awaited else { return [] }
    guard uploads[id]?.header != nil else { return fail(id, .notOffered) }
    let limit = 4 * Int(offer.dimension)
    guard uploads.append(chunk, from: id, limit: limit) else {
      return fail(id, UpdateRejection.wrongLength)
    }
    guard let upload = uploads[id], upload.isComplete, let header = upload.header else { return [] }
    uploads.remove(id)
    guard
      let values = MaskedUpdateCoding.values(of: upload.chunks, dimension: Int(offer.dimension))
    else { return fail(id, UpdateRejection.wrongLength) }
    let effects = attempt(id) { (masking) throws(MaskingRejection) in
      try masking.add(MaskedUpdate(values: values, header: header.header), from: id)
    }
    guard effects.isEmpty else { return effects }
    return [.send(id, .updateResult(UpdateResult(round: offer.round, rejection: nil)))]
  }

  private mutating func agreed(_ agree: Agree, by id: ClientID) -> [CoordinatorRoundEffect] {
    guard let standing = members[id]?.standing else { return [] }
    // Said again by a member that came back: it holds a newer one since.
    members.update(id) { $0.checkpointSize = agree.checkpointSize }
    guard standing == .awaited else { return [] }
    members.update(id) { $0.standing = .answered }
    // From outside the committee: it only says which checkpoint it holds.
    guard agree.signature.contains(where: { $0 != 0 }) else { return [] }
    do throws(MaskingRejection) {
      try masking.receive(
        AgreementSignature(clientID: id, signature: agree.signature), from: id)
    } catch {
      count(error.rawValue)
    }
    return []
  }

  private mutating func unmasked(_ unmask: Unmask, by id: ClientID) -> [CoordinatorRoundEffect] {
    guard members[id]?.standing == .awaited else { return [] }
    do throws(MaskingRejection) {
      try masking.receive(unmask.revealed, from: id)
      members.update(id) { $0.standing = .answered }
    } catch {
      leave(id, counting: error.rawValue)
    }
    return []
  }
}
