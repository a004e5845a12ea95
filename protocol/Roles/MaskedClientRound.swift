internal import Cryptography
internal import Ledger
internal import SecureAggregation

/// One round in the modes `secagg` and `secagg-ddp`, as a client runs it: advertise, share, mask,
/// journal, send, agree, verify the charge, unmask (secure aggregation specification section 3.5).
///
/// Sans-I/O: events in, effects out; the checks of the masking are `MaskingClient`'s. Any failed
/// check ends the round for this client, with its secrets erased and a signed `RefuseRound`. Within
/// a live process a lost connection leads to the same bytes again; after a crash the round is left.
/// A copy shares the secrets: what happens once in a round happens once among all copies.
package struct MaskedClientRound: Sendable {
  enum Phase: Int, Comparable {
    case deciding
    case advertised
    case shared
    case waitingForSlot
    case computing
    case journaling
    case sent
    case agreed
    case revealed
    case ended

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  package let offer: Offer
  private let setup: MaskedClientSetup
  private let noise: any NoiseShareSource
  private var masking: MaskingClient?
  private var phase = Phase.deciding
  private var incoming: RosterReception?
  private var roster: CheckedRoster?
  private let members = CheckedMembers()
  private var delivery: Deliver?
  private var update: MaskedUpdate?
  private var isJournaled = false
  private var survivors: MemberSet?
  private var held: Checkpoint?
  // What goes out again, byte for byte, when it is asked for again.
  private var sharesMessage: Message?
  private var unmaskMessage: Message?

  /// - Parameters:
  ///   - offer: already checked by `OfferRules`.
  ///   - noise: draws this client's share in `secagg-ddp`.
  package init(offer: Offer, setup: MaskedClientSetup, noise: any NoiseShareSource) {
    self.offer = offer
    self.setup = setup
    self.noise = noise
  }

  package var isSettled: Bool { phase == .ended || phase == .revealed }

  /// Whether an update of this round may have left this process.
  package var hasSent: Bool { isJournaled }

  /// Advances the round by one event.
  ///
  /// - Throws: when the update cannot be masked for want of entropy or memory. Nothing was sent
  ///   then.
  package mutating func handle(_ event: ClientRoundEvent) throws -> [ClientRoundEffect] {
    do {
      return try advance(event)
    } catch let refusal as RoundRefusal {
      return leave(refusal)
    } catch let refusal as MaskingRefusal {
      return leave(.masking(refusal))
    }
  }

  /// The connection was lost and made again, and the coordinator offers the same round.
  package mutating func reconnected() -> [ClientRoundEffect] {
    incoming = nil
    guard phase == .advertised, let advert = masking?.advert else { return [] }
    return [.send(.advertise(Advertise(round: offer.round, advert: advert)))]
  }

  /// Erases the secrets of the round: it is over for this client.
  package mutating func end() {
    masking?.erase()
    phase = .ended
  }

  private mutating func advance(_ event: ClientRoundEvent) throws -> [ClientRoundEffect] {
    switch event {
    case .decided(let joins): return try decide(joins: joins)
    case .holds(let checkpoint):
      held = checkpoint
      return []
    case .updateReady(let values): return try mask(values)
    case .journaled:
      guard phase == .journaling else { return [] }
      isJournaled = true
      phase = .sent
      return sendUpdate()
    case .message(let message):
      // Of another round: on its way when this one was offered.
      guard message.round == offer.round else { return [] }
      return try receive(message)
    }
  }

  private mutating func receive(_ message: Message) throws -> [ClientRoundEffect] {
    if phase == .ended { return afterEnd(message) }
    switch message {
    case .roundRoster(let header): return try begin(header)
    case .rosterChunk(let chunk):
      let setup = setup
      return try receive { reception throws(RoundRefusal) in
        try reception.append(chunk, setup: setup)
      }
    case .credentials(let answer):
      let setup = setup
      return try receive { reception throws(RoundRefusal) in
        try reception.append(credentials: answer, setup: setup)
      }
    case .deliver(let deliver): return try accept(deliver)
    case .proceed: return proceed()
    case .updateResult(let result): return settle(result)
    case .survivors(let message): return try agree(to: message)
    case .proof(let proof): return try accept(proof)
    default: return []
    }
  }

  // MARK: - Joining

  private mutating func decide(joins: Bool) throws -> [ClientRoundEffect] {
    guard phase == .deciding else { return [] }
    guard joins else {
      phase = .ended
      return [.send(.answer(Answer(round: offer.round, joins: false)))]
    }
    let client = try MaskingClient(
      clientID: setup.clientID, identity: setup.identity, context: setup.context,
      policy: setup.maskingPolicy, mode: setup.mode, dimension: Int(offer.dimension),
      identityKey: { [members] id in members.identityKey(of: id) })
    masking = client
    phase = .advertised
    return [.send(.advertise(Advertise(round: offer.round, advert: client.advert)))]
  }

  private mutating func begin(_ header: RoundRoster) throws -> [ClientRoundEffect] {
    guard phase >= .advertised else { throw MaskingRefusal.outOfOrder }
    if let incoming, incoming.header != header { throw RoundRefusal.secondRoster }
    guard phase == .advertised else {
      guard phase == .shared, let sharesMessage else { return [] }
      return [.send(sharesMessage)]
    }
    guard incoming == nil else { return [] }
    incoming = RosterReception(header: header)
    return []
  }

  /// Gives a chunk to the reception of the roster.
  private mutating func receive(
    _ step: (inout RosterReception) throws(RoundRefusal) -> RosterReception.Progress
  ) throws -> [ClientRoundEffect] {
    // After a reconnection both come again; the roster was accepted already.
    guard phase == .advertised else { return [] }
    guard var reception = incoming else { throw MaskingRefusal.outOfOrder }
    let progress = try step(&reception)
    incoming = reception
    return try advance(progress)
  }

  private mutating func advance(
    _ progress: RosterReception.Progress
  ) throws -> [ClientRoundEffect] {
    switch progress {
    case .waiting: return []
    case .lacks(let members):
      return [
        .send(.askCredentials(AskCredentials(round: offer.round, members: members.bytes)))
      ]
    case .complete(let roster): return try accept(roster)
    }
  }

  private mutating func accept(_ roster: CheckedRoster) throws -> [ClientRoundEffect] {
    guard let masking else { return [] }
    members.fix(roster)
    let bundle = try masking.accept(roster.masking)
    self.roster = roster
    phase = .shared
    let message = Message.shares(Shares(round: offer.round, bundle: bundle))
    sharesMessage = message
    return [.send(message)]
  }

  // MARK: - The update

  private mutating func accept(_ deliver: Deliver) throws -> [ClientRoundEffect] {
    if let delivery {
      guard delivery == deliver else { throw RoundRefusal.secondDelivery }
      return []
    }
    guard phase == .shared, let roster, let masking else { throw MaskingRefusal.outOfOrder }
    guard
      let sharers = MemberSet(
        bytes: deliver.sharers, memberCount: roster.masking.adverts.count)
    else { throw MaskingRefusal.malformed }
    let dealers = try masking.accept(ShareDelivery(shares: deliver.shares, sharers: sharers))
    delivery = deliver
    sharesMessage = nil
    phase = .waitingForSlot
    // A share that does not open is a missing one: told, no reason to leave (ruling 31).
    guard !dealers.isEmpty else { return [] }
    let unreadable = MemberSet(
      positions: dealers.compactMap(roster.masking.position(of:)),
      memberCount: roster.masking.adverts.count)
    return [
      .send(
        .unreadableShares(UnreadableShares(round: offer.round, dealers: unreadable.bytes)))
    ]
  }

  private mutating func proceed() -> [ClientRoundEffect] {
    if let update {
      guard isJournaled else {
        // Masked but not durably journalled: the storage failed, and not a byte has left.
        phase = .journaling
        return [.journal(digest: update.header.digest)]
      }
      return phase == .sent ? sendUpdate() : []
    }
    guard phase == .waitingForSlot || phase == .computing else { return [] }
    phase = .computing
    return [.computeUpdate]
  }

  private mutating func mask(_ values: [Float]) throws -> [ClientRoundEffect] {
    guard phase == .computing, let roster, let masking else { return [] }
    let masked: MaskedUpdate
    if setup.mode.clientsAddNoise {
      let share = try noise.draw(
        dimension: Int(offer.dimension), scale: offer.noiseScale,
        parameters: roster.masking.parameters)
      masked = try masking.mask(values, encoding: setup.encoding, noise: share)
    } else {
      masked = try masking.mask(values, encoding: setup.encoding, noise: nil)
    }
    update = masked
    phase = .journaling
    return [.journal(digest: masked.header.digest)]
  }

  private func sendUpdate() -> [ClientRoundEffect] {
    guard let update else { return [] }
    let chunkCount = MaskedUpdateCoding.chunkCount(dimension: update.values.count)
    let header = MaskedHeader(
      round: offer.round, chunkCount: UInt32(chunkCount), header: update.header)
    return [.send(.maskedHeader(header))]
      + (0..<chunkCount).map { index in
        .send(
          .updateChunk(
            RoundChunk(
              round: offer.round, index: UInt32(index),
              data: MaskedUpdateCoding.chunk(index, of: update.values))))
      }
  }

  private mutating func settle(_ result: UpdateResult) -> [ClientRoundEffect] {
    if let rejection = result.rejection {
      masking?.erase()
      phase = .ended
      return [.settled(accepted: false, detail: rejection.rawValue)]
    }
    // Masked values are of no further use, and large.
    guard phase == .sent, update?.values.isEmpty == false else { return [] }
    update?.values = []
    return [.settled(accepted: true, detail: "accepted")]
  }

  // MARK: - Agreement and unmasking

  private mutating func agree(to message: Survivors) throws -> [ClientRoundEffect] {
    guard let roster, delivery != nil, let masking else { throw MaskingRefusal.outOfOrder }
    let count = roster.masking.adverts.count
    guard let set = MemberSet(bytes: message.survivors, memberCount: count),
      let position = roster.masking.position(of: setup.clientID)
    else { throw MaskingRefusal.malformed }
    if let survivors, survivors != set { throw MaskingRefusal.secondSurvivorSet }
    survivors = set
    guard set.contains(position) else {
      // Too late, or refused: a proof of this set gives the journal entry back (ruling 12).
      masking.erase()
      phase = .ended
      return []
    }
    guard phase == .sent || phase == .agreed, let held else {
      if phase == .revealed { return [] }
      throw MaskingRefusal.outOfOrder
    }
    let signature = try masking.agree(to: set)
    phase = .agreed
    let unsigned = [UInt8](repeating: 0, count: SigningKey.signatureByteCount)
    return [
      .send(
        .agree(
          Agree(
            round: offer.round, checkpointSize: UInt64(held.size),
            signature: signature?.signature ?? unsigned)))
    ]
  }

  private mutating func accept(_ proof: Proof) throws -> [ClientRoundEffect] {
    if phase == .revealed { return unmaskMessage.map { [.send($0)] } ?? [] }
    guard phase == .agreed, let held, let roster, let masking else {
      throw MaskingRefusal.outOfOrder
    }
    let charge = try setup.charge(
      provenBy: proof, extending: held, offer: offer, parameters: roster.masking.parameters,
      noiseSource: noise.source)
    let revealed = try masking.reveal(after: proof.signatures)
    phase = .revealed
    let message = Message.unmask(Unmask(round: offer.round, revealed: revealed))
    unmaskMessage = message
    return [.keep(charge), .send(message)]
  }

  /// The entry in the journal is undone only by enough signatures of a set without this client.
  private mutating func afterEnd(_ message: Message) -> [ClientRoundEffect] {
    guard isJournaled, let masking, let roster else { return [] }
    switch message {
    case .survivors(let message):
      survivors =
        survivors
        ?? MemberSet(
          bytes: message.survivors, memberCount: roster.masking.adverts.count)
      return []
    case .proof(let proof):
      guard let survivors, masking.isExcluded(from: survivors, by: proof.signatures) else {
        return []
      }
      isJournaled = false
      return [.giveBack]
    default: return []
    }
  }

  private mutating func leave(_ refusal: RoundRefusal) -> [ClientRoundEffect] {
    let wasOver = phase == .ended
    end()
    guard !wasOver else { return [] }
    var message = RefuseRound(round: offer.round, reason: refusal, signature: [])
    do throws(CryptographyError) {
      message.signature = try setup.identity.sign(
        message.signedBytes(context: setup.context, clientID: setup.clientID))
    } catch {
      // Without a signature the refusal says nothing to anyone; the round is left all the same.
      return [.left(refusal)]
    }
    return [.send(.refuseRound(message)), .left(refusal)]
  }
}
