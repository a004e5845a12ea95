package import Cryptography
internal import Synchronization
package import VectorMath

/// One member's part in one masked round: the cryptography of messages 1 to 9 and every check that
/// comes before an answer (secure aggregation §3.5).
///
/// No I/O and no clock: the caller carries messages, journals, and checks the ledger. It has
/// identity, because what protects the member is that each step happens once: masks cover one
/// update, one survivor set is signed, and shares are revealed once. A refusal erases all secrets
/// and ends the round for this client; secrets lie in guarded memory and no longer than needed.
package final class MaskingClient: Sendable {
  /// Message 1.
  package let advert: MaskingAdvert
  let policy: MaskingPolicy
  let mode: AggregationMode
  let dimension: Int
  let context: [UInt8]
  let identity: SigningKey
  let identityKey: @Sendable (UInt32) -> VerifyingKey?
  let state: Mutex<State>

  /// Makes the round's keys and the advert.
  /// - Parameters:
  ///   - clientID: this member.
  ///   - identity: its enrolled key.
  ///   - context: ctx0, computed by the caller from the offer it checked, 32 bytes.
  ///   - policy: the policy consented to.
  ///   - mode: a masked one.
  ///   - dimension: number of coordinates, at least 1.
  ///   - identityKey: the enrolled key of a member, from the list that the enrolment authority
  ///     signed and the context names; nil for anybody else.
  /// - Throws: `MaskingRefusal.localFault` if guarded memory is not to be had.
  package init(
    clientID: UInt32, identity: SigningKey, context: [UInt8], policy: MaskingPolicy,
    mode: AggregationMode, dimension: Int,
    identityKey: @escaping @Sendable (UInt32) -> VerifyingKey?
  ) throws(MaskingRefusal) {
    precondition(mode.isMasked, "a mode without masks")
    precondition(dimension >= 1, "a round has at least one value")
    precondition(context.count == BLAKE2b.byteCount, "a context is a hash")
    self.policy = policy
    self.mode = mode
    self.dimension = dimension
    self.context = context
    self.identity = identity
    self.identityKey = identityKey
    do {
      var secrets = try SecretTable(rowCount: Row.ownCount)
      secrets.randomize(rows: 0..<Row.ownCount)
      var advert = MaskingAdvert(
        clientID: clientID, channelKey: try secrets.agreementPublicKey(row: Row.channel),
        maskKey: try secrets.agreementPublicKey(row: Row.mask), signature: [])
      advert.signature = try identity.sign(MaskingTranscript.advert(context: context, advert))
      self.advert = advert
      state = Mutex(State(secrets: secrets))
    } catch {
      throw .localFault
    }
  }

  /// Ends the round for this client and erases its secrets.
  package func erase() {
    state.withLock { $0.end() }
  }

  /// Whether the round is over for this client.
  package var isEnded: Bool { state.withLock { $0.phase == .ended } }

  /// Clips and encodes the update, adds the noise share, and masks both: message 5.
  ///
  /// The caller journals the round and `header.digest` durably before the first byte leaves, and
  /// keeps the result for sending it again: this can be called once.
  /// - Parameters:
  ///   - update: shape `[dimension]`; wiping the caller's copy is the caller's part.
  ///   - encoding: grid and clip norm of the round.
  ///   - noise: in `secagg-ddp`, drawn for this roster; nil in `secagg`.
  /// - Throws: `MaskingRefusal.wrongLength`, `.nonFinite`, `.outOfOrder`, `.localFault`.
  package func mask(
    _ update: [Float], encoding: FixedPointEncoding, noise: consuming NoiseShare?
  ) throws(MaskingRefusal) -> MaskedUpdate {
    var values: [UInt32]
    do throws(MaskingRefusal) {
      values = try gridValues(update, encoding: encoding)
    } catch {
      erase()
      throw error
    }
    switch consume noise {
    case .some(let share):
      precondition(mode.clientsAddNoise, "noise in a mode whose coordinator adds it")
      share.add(to: &values)
    case .none:
      precondition(!mode.clientsAddNoise, "no noise in a mode whose clients add it")
    }
    return try step(from: [.holding]) { (state) throws(MaskingRefusal) -> MaskedUpdate in
      do {
        return try state.mask(&values, client: self)
      } catch {
        // Half masked, it could still be read.
        wipe(&values)
        throw .localFault
      }
    }
  }

  /// The clipped update in Z_2^32.
  private func gridValues(
    _ update: [Float], encoding: FixedPointEncoding
  ) throws(MaskingRefusal) -> [UInt32] {
    do {
      var checked = try CheckedUpdate(update, dimension: dimension, encoding: encoding)
      defer { checked.wipe() }
      return checked.gridValues.map { UInt32(bitPattern: $0) }
    } catch {
      throw error == .wrongLength ? .wrongLength : .nonFinite
    }
  }

  /// Runs one step in its turn; a refusal ends the client.
  func step<Result: Sendable>(
    from phases: [Phase], _ body: (inout State) throws(MaskingRefusal) -> Result
  ) throws(MaskingRefusal) -> Result {
    try state.withLock { (state) throws(MaskingRefusal) -> Result in
      do throws(MaskingRefusal) {
        guard phases.contains(state.phase) else { throw .outOfOrder }
        return try body(&state)
      } catch {
        state.end()
        throw error
      }
    }
  }
}

extension MaskingClient {
  enum Phase: Equatable {
    case advertised, dealt, holding, masked, agreed, ended
  }

  /// What changes in the course of a round.
  struct State: ~Copyable, Sendable {
    var phase = Phase.advertised
    var secrets: SecretTable
    /// Set in phase `dealt`.
    var roster: MaskingRoster?
    /// Own place in the roster.
    var position = 0
    var neighbours: [Int] = []
    /// Whether the share of each neighbour is held, in the order of `neighbours`.
    var isHeld: [Bool] = []
    /// U2, set in phase `holding`.
    var sharers: MemberSet?
    /// U3, set in phase `agreed`.
    var survivors: MemberSet?
    var agreement: AgreementSignature?

    init(secrets: consuming SecretTable) {
      self.secrets = secrets
    }

    mutating func end() {
      phase = .ended
      secrets.wipe(rows: 0..<secrets.rowCount)
      isHeld = []
    }
  }

  /// Rows of the secrets.
  enum Row {
    static let seed = 0
    static let channel = 1
    static let mask = 2
    static let ownCount = 3
    // While dealing: the key to one neighbour and the two shares for it.
    static let dealingKey = 3
    static let dealtShares = 4..<6
    /// The key under which neighbour `index` sends, later the mask shared with it.
    static func pair(_ index: Int) -> Int { 6 + index }
    /// The shares of neighbour `index`: of its seed, then of its mask key.
    static func held(_ index: Int, degree: Int) -> Range<Int> {
      let start = 6 + degree + 2 * index
      return start..<start + 2
    }
    static func count(degree: Int) -> Int { 6 + 3 * degree }
  }
}

extension MaskingClient.State {
  /// Masks `values` in place, wipes the keys of the masks, and signs.
  fileprivate mutating func mask(
    _ values: inout [UInt32], client: MaskingClient
  ) throws -> MaskedUpdate {
    guard let roster, let sharers else { throw MaskingRefusal.outOfOrder }
    var masks = [MaskGenerator.Mask(row: MaskingClient.Row.seed, isSubtracted: false)]
    for (index, neighbour) in neighbours.enumerated() where sharers.contains(neighbour) {
      // + towards larger ids, - towards smaller ones; places are in the order of ids.
      masks.append(
        MaskGenerator.Mask(
          row: MaskingClient.Row.pair(index), isSubtracted: neighbour < position))
    }
    var span = values.mutableSpan
    try MaskGenerator.add(masks, keys: secrets, to: &span)
    // From here on only the shares of others are needed.
    secrets.wipe(rows: 0..<MaskingClient.Row.pair(neighbours.count))
    var digest = SHA256()
    digest.update(values.span)
    var header = MaskedUpdateHeader(digest: digest.finalize().bytes, signature: [])
    header.signature = try client.identity.sign(
      MaskingTranscript.maskedUpdate(
        rosterContext: roster.rosterContext, sharers: sharers, clientID: client.advert.clientID,
        digest: header.digest, dimension: client.dimension))
    phase = .masked
    return MaskedUpdate(values: values, header: header)
  }
}
