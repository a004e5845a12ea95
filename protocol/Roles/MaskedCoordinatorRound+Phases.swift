internal import Cryptography
internal import SecureAggregation

extension MaskedCoordinatorRound {
  /// Where one member stands in the round.
  struct Member: Sendable {
    enum Standing: Equatable, Sendable {
      /// The phase waits for its message.
      case awaited
      /// It has sent this phase's message.
      case answered
      /// It declined, refused, failed or was not there in time.
      case left
    }

    let key: VerifyingKey
    let credential: [UInt8]
    var standing = Standing.awaited
    var isConnected = true
    /// It is told nothing more of this round: a check of its own failed, or one of ours.
    var hasRefused = false
    /// Whose credentials it asked for over this connection.
    var asked: MemberSet?
    /// Of the newest checkpoint that it holds, as it said with its agreement.
    var checkpointSize: UInt64?

    init(key: VerifyingKey, credential: [UInt8]) {
      self.key = key
      self.credential = credential
    }

    /// Waited for now: one that is away does not hold the others up.
    var isPending: Bool { standing == .awaited && isConnected }
    var hasLeft: Bool { standing == .left }
  }

  /// The members of a round and how many of them stand where, so that no message costs more than
  /// the one member it is from.
  struct Members: Sendable {
    private var byID: [ClientID: Member] = [:]
    private(set) var pendingCount = 0
    private(set) var awaitedCount = 0
    private(set) var answeredCount = 0

    var isEmpty: Bool { byID.isEmpty }
    var checkpointSizes: Set<UInt64> { Set(byID.values.compactMap(\.checkpointSize)) }

    subscript(id: ClientID) -> Member? { byID[id] }

    mutating func add(_ id: ClientID, _ member: Member) {
      byID[id] = member
      count(member, by: 1)
    }

    mutating func update(_ id: ClientID, _ change: (inout Member) -> Void) {
      guard var member = byID[id] else { return }
      count(member, by: -1)
      change(&member)
      count(member, by: 1)
      byID[id] = member
    }

    mutating func updateAll(_ change: (ClientID, inout Member) -> Void) {
      for id in Array(byID.keys) { update(id) { change(id, &$0) } }
    }

    private mutating func count(_ member: Member, by step: Int) {
      if member.isPending { pendingCount += step }
      switch member.standing {
      case .awaited: awaitedCount += step
      case .answered: answeredCount += step
      case .left: break
      }
    }
  }

  // MARK: - Phases

  /// Closes every phase that is due, one after the other.
  mutating func advance() -> [CoordinatorRoundEffect] {
    var effects = grantSlots()
    while isDue {
      effects += closePhase()
      effects += grantSlots()
    }
    return effects
  }

  private var isDue: Bool {
    switch phase {
    case .advertising, .sharing, .masking, .agreeing:
      !members.isEmpty && pendingCount == 0 || now >= deadline
    case .unmasking:
      // A charge is at stake: members that are away may come back as long as they are needed.
      pendingCount == 0 && masking.canUnmask || now >= deadline
        || members.awaitedCount == 0
    case .charging, .removing, .releasing, .ended:
      false
    }
  }

  private mutating func closePhase() -> [CoordinatorRoundEffect] {
    do throws(MaskingAbort) {
      switch phase {
      case .advertising: return try closeAdverts()
      case .sharing: return try closeShares()
      case .masking: return try closeMasked()
      case .agreeing: return closeAgreement()
      case .unmasking: return closeUnmasking()
      case .charging, .removing, .releasing, .ended: return []
      }
    } catch {
      // Nothing was proven to anyone, so nothing is charged (ruling 11).
      phase = .ended
      return [.void(reason: error.rawValue)]
    }
  }

  mutating func begin(_ next: Phase, seconds: Int) {
    phase = next
    deadline = now.adding(seconds: seconds)
  }

  private mutating func closeAdverts() throws(MaskingAbort) -> [CoordinatorRoundEffect] {
    let roster = try masking.closeAdverts()
    let entries = RosterEntries.encode(roster.adverts)
    let header = RoundRoster(
      round: offer.round, memberCount: UInt32(roster.adverts.count),
      parameters: roster.parameters.bytes, digest: SHA256Digest(hashing: entries).bytes)
    let chunks = RoundChunk.chunks(of: entries, round: offer.round)
    self.roster = (header, chunks, roster)
    begin(.sharing, seconds: limits.phaseSeconds)
    awaitAnswered()
    let everyone = connected(in: nil)
    return [.broadcast(everyone, .roundRoster(header))]
      + chunks.map { .broadcast(everyone, .rosterChunk($0)) }
  }

  private mutating func closeShares() throws(MaskingAbort) -> [CoordinatorRoundEffect] {
    let sharers = try masking.closeShares()
    self.sharers = sharers
    uploads.removeAll()
    begin(.masking, seconds: Int(offer.deadlineSeconds))
    awaitAnswered()
    var effects: [CoordinatorRoundEffect] = []
    for id in connected(in: sharers) {
      guard let delivery = masking.delivery(for: id) else { continue }
      effects.append(.send(id, .deliver(message(delivery))))
      uploads.enqueue(id)
    }
    return effects
  }

  private mutating func closeMasked() throws(MaskingAbort) -> [CoordinatorRoundEffect] {
    uploads.removeAll()
    let survivors = try masking.closeMasked()
    self.survivors = survivors
    begin(.agreeing, seconds: limits.phaseSeconds)
    awaitSurvivors()
    let message = Survivors(round: offer.round, survivors: survivors.bytes)
    return [.broadcast(connected(in: sharers), .survivors(message))]
  }

  private mutating func closeAgreement() -> [CoordinatorRoundEffect] {
    guard masking.proof != nil else {
      phase = .ended
      return [.void(reason: "too few members signed the survivor set")]
    }
    phase = .charging
    return [.charge]
  }

  private mutating func closeUnmasking() -> [CoordinatorRoundEffect] {
    do throws(MaskingAbort) {
      let removal = try masking.prepareUnmasking()
      phase = .removing
      return [.unmask(removal)]
    } catch {
      phase = .ended
      return [.burn(reason: error.rawValue, culprits: culprits)]
    }
  }

  /// Survivors who did not unmask, in a charged round that has no sum.
  private var culprits: [ClientID] {
    guard let survivors else { return [] }
    return ids(in: survivors).filter { members[$0]?.standing != .answered }
  }

  // MARK: - Sets of members

  /// Members of U1 within `set`, ascending; all of U1 for nil.
  func ids(in set: MemberSet?) -> [ClientID] {
    guard let adverts = roster?.members.adverts else { return [] }
    guard let set else { return adverts.map(\.clientID) }
    return set.positions.map { adverts[$0].clientID }
  }

  func isIn(_ id: ClientID, _ set: MemberSet?) -> Bool {
    guard let position = roster?.members.position(of: id) else { return false }
    return set?.contains(position) ?? true
  }

  /// Members of U1 within `set` that are connected and have not refused, ascending.
  func connected(in set: MemberSet?) -> [ClientID] {
    ids(in: set).filter { id in members[id].map { $0.isConnected && !$0.hasRefused } ?? false }
  }

  /// The next phase waits for whoever answered in this one; the others are out.
  private mutating func awaitAnswered() {
    members.updateAll { _, member in
      member.standing = member.standing == .answered ? .awaited : .left
    }
  }

  /// Waits for all survivors that have not left, whether or not they answered before.
  mutating func awaitSurvivors() {
    let ids = Set(ids(in: survivors))
    members.updateAll { id, member in
      member.standing = ids.contains(id) && !member.hasRefused ? .awaited : .left
    }
  }

  // MARK: - Uploads

  private mutating func grantSlots() -> [CoordinatorRoundEffect] {
    switch phase {
    case .sharing: uploads.grant(at: now).flatMap { credentials(for: $0) }
    case .masking:
      uploads.grant(at: now).map { .send($0, .proceed(Proceed(round: offer.round))) }
    default: []
    }
  }

  /// What admits the members that `id` asked for. Its slot is free again when it has dealt its shares.
  private func credentials(for id: ClientID) -> [CoordinatorRoundEffect] {
    guard let asked = members[id]?.asked else { return [] }
    let identities = ids(in: asked).compactMap { id in
      members[id].map { MemberIdentity(identityKey: $0.key.bytes, credential: $0.credential) }
    }
    return RoundChunk.chunks(of: MemberIdentity.encode(identities), round: offer.round)
      .map { .send(id, .credentials($0)) }
  }

  mutating func dropSlowUploads() -> [CoordinatorRoundEffect] {
    uploads.expired(at: now).flatMap { fail($0, .tooSlow) }
  }

  // MARK: - Members that do not go on

  /// Lets the masking judge a member's message; a member whose message it rejects is out.
  mutating func attempt(
    _ id: ClientID,
    _ receive: (inout MaskingCoordinator) throws(MaskingRejection) -> Void
  ) -> [CoordinatorRoundEffect] {
    do throws(MaskingRejection) {
      try receive(&masking)
    } catch {
      return fail(id, error)
    }
    members.update(id) { $0.standing = .answered }
    return []
  }

  mutating func fail(
    _ id: ClientID, _ rejection: MaskingRejection
  ) -> [CoordinatorRoundEffect] {
    leave(id, counting: rejection.rawValue)
    let result = UpdateResult(round: offer.round, rejection: UpdateRejection(rejection))
    return [.send(id, .updateResult(result))]
  }

  mutating func fail(
    _ id: ClientID, _ rejection: UpdateRejection
  ) -> [CoordinatorRoundEffect] {
    leave(id, counting: nil)
    return reject(id, offer.round, rejection)
  }

  mutating func reject(
    _ id: ClientID, _ round: UInt64, _ rejection: UpdateRejection
  ) -> [CoordinatorRoundEffect] {
    count(rejection.rawValue)
    return [.send(id, .updateResult(UpdateResult(round: round, rejection: rejection)))]
  }

  /// Ends a member's part in the round.
  mutating func leave(_ id: ClientID, counting name: String?) {
    uploads.remove(id)
    members.update(id) { $0.standing = .left }
    if let name { count(name) }
  }

  mutating func count(_ name: String) { rejectionCounts[name, default: 0] += 1 }

  // MARK: - Proofs

  /// The proof for each of `ids`, once there is one; members that hold the same checkpoint get the
  /// same bytes.
  func proofs(to ids: [ClientID]) -> [CoordinatorRoundEffect] {
    guard let charge, let signatures = masking.proof else { return [] }
    let bySize = Dictionary(grouping: ids) { members[$0]?.checkpointSize ?? 0 }
    return bySize.keys.sorted().map { size in
      let proof = Proof(
        round: offer.round, signatures: signatures, receipt: charge.evidence.receipt,
        heldSize: size,
        consistency: charge.evidence.consistency[size] ?? [])
      return .broadcast(bySize[size] ?? [], .proof(proof))
    }
  }

  func message(_ delivery: ShareDelivery) -> Deliver {
    Deliver(round: offer.round, sharers: delivery.sharers.bytes, shares: delivery.shares)
  }
}

extension UpdateRejection {
  /// What a member is told of a rejected message of a masked round.
  fileprivate init(_ rejection: MaskingRejection) {
    self =
      switch rejection {
      case .notMember: .notOffered
      case .duplicate, .conflictingDuplicate: .replayed
      case .badSignature, .wrongDigest: .badSignature
      case .wrongLength: .wrongLength
      case .wrongPhase: .roundClosed
      case .malformed, .wrongRecipients, .notSigner, .unexpectedShare: .malformed
      }
  }
}
