package import Cryptography
internal import SecureAggregation

/// One round in mode `sealed`, as a client runs it: answer, wait for a slot, compute, seal,
/// journal, send (ruling 12: the journal entry is durable before the first byte of the update).
///
/// Sans-I/O: events in, effects out. Within a live process a lost connection leads to the same
/// sealed bytes again; after a crash the round is left.
package struct ClientRound: Sendable {
  enum Phase: Equatable {
    case deciding
    case declined
    case waitingForSlot
    case computing
    case journaling
    case sent
    case settled
  }

  package let offer: Offer
  private let context: [UInt8]
  private let clientID: ClientID
  private let identity: SigningKey
  private var phase = Phase.deciding
  private var sealed: (header: UpdateHeader, chunks: [[UInt8]])?
  private var isJournaled = false

  /// - Parameters:
  ///   - offer: already checked by `OfferRules`.
  ///   - context: `RoundContext.digest` of the offer.
  package init(offer: Offer, context: [UInt8], clientID: ClientID, identity: SigningKey) {
    self.offer = offer
    self.context = context
    self.clientID = clientID
    self.identity = identity
  }

  package var isSettled: Bool { phase == .settled || phase == .declined }

  /// Whether an update of this round may have left this process.
  package var hasSent: Bool { phase == .sent || phase == .settled }

  /// Advances the round by one event.
  ///
  /// - Throws: `UpdateRejection.nonFinite` or `.wrongLength` when the computed update is not what
  ///   was offered; `CryptographyError` when sealing fails. Nothing was sent then.
  package mutating func handle(_ event: ClientRoundEvent) throws -> [ClientRoundEffect] {
    switch (event, phase) {
    case (.decided(let joins), .deciding):
      phase = joins ? .waitingForSlot : .declined
      return [.send(.answer(Answer(round: offer.round, joins: joins)))]
    case (.message(.proceed(let proceed)), .waitingForSlot) where proceed.round == offer.round:
      if let sealed {
        // Sealed but not durably journalled: the storage failed, and not a byte has left.
        guard isJournaled else {
          phase = .journaling
          return [.journal(digest: sealed.header.digest)]
        }
        phase = .sent
        return sendEffects()
      }
      phase = .computing
      return [.computeUpdate]
    case (.updateReady(let update), .computing):
      let header = try seal(update)
      phase = .journaling
      return [.journal(digest: header.digest)]
    case (.journaled, .journaling):
      isJournaled = true
      phase = .sent
      return sendEffects()
    case (.message(.updateResult(let result)), _) where result.round == offer.round:
      guard phase != .settled, phase != .declined else { return [] }
      phase = .settled
      // Never sent again: of thousands of simulated clients in one process, few hold an update at a time.
      sealed = nil
      return [
        .settled(
          accepted: result.rejection == nil, detail: result.rejection?.rawValue ?? "accepted")
      ]
    default:
      return []
    }
  }

  /// The connection was lost and made again, and the coordinator offers the same round.
  package mutating func reconnected() -> [ClientRoundEffect] {
    guard phase != .declined, phase != .settled else { return [] }
    phase = .waitingForSlot
    return [.send(.answer(Answer(round: offer.round, joins: true)))]
  }

  private mutating func seal(_ update: [Float]) throws -> UpdateHeader {
    guard update.count == Int(offer.dimension) else { throw UpdateRejection.wrongLength }
    guard update.allSatisfy(\.isFinite) else { throw UpdateRejection.nonFinite }
    let sealedUpdate = try UpdateSeal.seal(
      update, to: offer.roundKey, context: context, clientID: clientID)
    var header = UpdateHeader(
      round: offer.round, ephemeralKey: sealedUpdate.ephemeralKey,
      streamHeader: sealedUpdate.header, chunkCount: UInt32(sealedUpdate.chunks.count),
      digest: UpdateDigest.sha256(of: sealedUpdate.chunks), signature: [])
    header.signature = try identity.sign(
      header.signedBytes(context: context, clientID: clientID))
    sealed = (header, sealedUpdate.chunks)
    return header
  }

  private func sendEffects() -> [ClientRoundEffect] {
    guard let sealed else { return [] }
    var effects: [ClientRoundEffect] = [.send(.updateHeader(sealed.header))]
    for (index, data) in sealed.chunks.enumerated() {
      effects.append(
        .send(
          .updateChunk(RoundChunk(round: offer.round, index: UInt32(index), data: data))))
    }
    return effects
  }
}
