package import Cryptography
package import VectorMath

/// The coordinator's part in one masked round: collects and forwards what members send, adds masked
/// updates, and removes the masks of the sum (secure aggregation §3.5).
///
/// No I/O and no clock: the caller closes phases at its deadlines. Memory is one vector, whatever
/// the number of members, and their encrypted shares until they are delivered. Nothing in it can
/// unmask a single update as long as members follow their rules.
package struct MaskingCoordinator: ~Copyable, Sendable {
  enum Phase: Equatable {
    case advertising, sharing, masking, agreeing, unmasking, ended
  }

  /// ctx0, 32 bytes.
  package let context: [UInt8]
  package let policy: MaskingPolicy
  package let mode: AggregationMode
  package let dimension: Int
  package let encoding: FixedPointEncoding

  var phase = Phase.advertising
  private var adverts: [UInt32: MaskingAdvert] = [:]
  private var identityKeys: [UInt32: VerifyingKey] = [:]
  /// Set when adverts are closed.
  package private(set) var roster: MaskingRoster?
  /// By place in the roster, as are all arrays below.
  private var keys: [VerifyingKey] = []
  private var bundles: [ShareBundle?] = []
  /// To the seed of each member that dealt shares.
  private(set) var seedCommitments: [[UInt8]?] = []
  /// U2, set when shares are closed.
  package private(set) var sharers: MemberSet?
  private var headers: [MaskedUpdateHeader?] = []
  /// The sum of masked updates; the masks are removed in place.
  let runningSum: RunningSum
  /// U3, set when masked updates are closed.
  package private(set) var survivors: MemberSet?
  private var agreements: [AgreementSignature?] = []
  var revealed: [RevealedShares?] = []
  /// Coordinates whose masks have been removed.
  var unmaskedCount = 0

  /// - Parameters:
  ///   - context: ctx0 of the offer, 32 bytes.
  ///   - policy: what the federation fixed.
  ///   - mode: a masked one.
  ///   - dimension: number of coordinates, at least 1.
  ///   - encoding: grid and clip norm.
  package init(
    context: [UInt8], policy: MaskingPolicy, mode: AggregationMode, dimension: Int,
    encoding: FixedPointEncoding
  ) {
    precondition(mode.isMasked, "a mode without masks")
    precondition(dimension >= 1, "a sum has at least one coordinate")
    precondition(context.count == BLAKE2b.byteCount, "a context is a hash")
    self.context = context
    self.policy = policy
    self.mode = mode
    self.dimension = dimension
    self.encoding = encoding
    runningSum = RunningSum(dimension: dimension)
  }

  // MARK: - Messages 1 and 2

  /// Takes an advert.
  /// - Parameters:
  ///   - advert: as received.
  ///   - clientID: the authenticated sender.
  ///   - key: the sender's enrolled identity key.
  package mutating func receive(
    _ advert: MaskingAdvert, from clientID: UInt32, key: VerifyingKey
  ) throws(MaskingRejection) {
    guard phase == .advertising else { throw .wrongPhase }
    guard advert.isWellFormed, advert.clientID == clientID else { throw .malformed }
    if let first = adverts[clientID] {
      throw first == advert ? .duplicate : .conflictingDuplicate
    }
    let signed = MaskingTranscript.advert(context: context, advert)
    guard key.isValidSignature(advert.signature, for: signed) else { throw .badSignature }
    adverts[clientID] = advert
    identityKeys[clientID] = key
  }

  /// Number of adverts so far.
  package var advertCount: Int { adverts.count }

  /// Ends the first phase: who is in the roster now takes part.
  /// - Returns: message 2.
  /// - Throws: `MaskingAbort.unsupportedCohort`, `.repeatedKey`; nothing is charged then.
  package mutating func closeAdverts() throws(MaskingAbort) -> MaskingRoster {
    precondition(phase == .advertising, "adverts are closed once")
    phase = .ended
    let sorted = adverts.values.sorted { $0.clientID < $1.clientID }
    let roster: MaskingRoster
    do throws(MaskingRefusal) {
      let parameters: MaskingParameters
      do {
        parameters = try MaskingParameters(cohortSize: sorted.count, policy: policy)
      } catch {
        throw MaskingRefusal.unsupportedCohort
      }
      roster = try MaskingRoster(
        context: context, parameters: parameters, checking: sorted, policy: policy)
    } catch {
      throw error == .repeatedKey ? .repeatedKey : .unsupportedCohort
    }
    keys = sorted.compactMap { identityKeys[$0.clientID] }
    bundles = [ShareBundle?](repeating: nil, count: sorted.count)
    seedCommitments = [[UInt8]?](repeating: nil, count: sorted.count)
    headers = [MaskedUpdateHeader?](repeating: nil, count: sorted.count)
    agreements = [AgreementSignature?](repeating: nil, count: sorted.count)
    revealed = [RevealedShares?](repeating: nil, count: sorted.count)
    adverts = [:]
    identityKeys = [:]
    self.roster = roster
    phase = .sharing
    return roster
  }

  // MARK: - Messages 3 and 4

  /// Takes a member's encrypted shares.
  package mutating func receive(
    _ bundle: ShareBundle, from clientID: UInt32
  ) throws(MaskingRejection) {
    let (roster, position) = try member(clientID, in: .sharing)
    guard bundle.clientID == clientID, bundle.shares.allSatisfy(\.isWellFormed),
      bundle.seedCommitment.count == BLAKE2b.byteCount
    else { throw .malformed }
    if let first = bundles[position] {
      throw first == bundle ? .duplicate : .conflictingDuplicate
    }
    let recipients = roster.neighbours(of: position).map { roster.adverts[$0].clientID }
    guard bundle.shares.map(\.peerID) == recipients else { throw .wrongRecipients }
    let signed = MaskingTranscript.bundle(rosterContext: roster.rosterContext, bundle)
    guard keys[position].isValidSignature(bundle.signature, for: signed) else {
      throw .badSignature
    }
    bundles[position] = bundle
    seedCommitments[position] = bundle.seedCommitment
  }

  /// Number of members that dealt shares so far.
  package var sharerCount: Int { bundles.count { $0 != nil } }

  /// Ends the second phase.
  /// - Returns: U2.
  /// - Throws: `MaskingAbort.tooFewSharers`; nothing is charged then.
  package mutating func closeShares() throws(MaskingAbort) -> MemberSet {
    precondition(phase == .sharing, "shares are closed once")
    phase = .ended
    guard let roster else { throw .coordinatorFault }
    let sharers = MemberSet(
      positions: bundles.indices.filter { bundles[$0] != nil }, memberCount: bundles.count)
    guard sharers.count >= roster.parameters.minimumSurvivors else { throw .tooFewSharers }
    self.sharers = sharers
    phase = .masking
    return sharers
  }

  /// Message 4 for one member that dealt shares; nil for anybody else.
  package func delivery(for clientID: UInt32) -> ShareDelivery? {
    guard let roster, let sharers, let position = roster.position(of: clientID),
      sharers.contains(position)
    else { return nil }
    var shares: [EncryptedShare] = []
    for dealer in roster.neighbours(of: position) where sharers.contains(dealer) {
      guard let bundle = bundles[dealer],
        let index = roster.graph.index(of: position, amongNeighboursOf: dealer)
      else { continue }
      var share = bundle.shares[index]
      share.peerID = bundle.clientID
      shares.append(share)
    }
    return ShareDelivery(shares: shares, sharers: sharers)
  }

  // MARK: - Messages 5 and 6

  /// Checks the signature of a masked update before its values are taken in.
  package func check(
    _ header: MaskedUpdateHeader, from clientID: UInt32
  ) throws(MaskingRejection) {
    let (roster, position) = try member(clientID, in: .masking)
    guard let sharers, sharers.contains(position) else { throw .notMember }
    guard header.digest.count == SHA256Digest.byteCount else { throw .malformed }
    if let first = headers[position] {
      throw first == header ? .duplicate : .conflictingDuplicate
    }
    let signed = MaskingTranscript.maskedUpdate(
      rosterContext: roster.rosterContext, sharers: sharers, clientID: clientID,
      digest: header.digest, dimension: dimension)
    guard keys[position].isValidSignature(header.signature, for: signed) else {
      throw .badSignature
    }
  }

  /// Adds a masked update to the sum. A rejected update leaves the sum as it was.
  package mutating func add(
    _ update: MaskedUpdate, from clientID: UInt32
  ) throws(MaskingRejection) {
    guard update.values.count == dimension else { throw .wrongLength }
    try check(update.header, from: clientID)
    var digest = SHA256()
    digest.update(update.values.span)
    guard digest.finalize().bytes == update.header.digest else { throw .wrongDigest }
    guard let position = roster?.position(of: clientID) else { throw .notMember }
    runningSum.add(update.values, to: 0..<dimension)
    headers[position] = update.header
  }

  /// Number of masked updates in the sum so far.
  package var maskedCount: Int { headers.count { $0 != nil } }

  /// Ends the third phase. No update is taken from here on, and what is missing stays hidden.
  /// - Returns: U3.
  /// - Throws: `MaskingAbort` when members would refuse U3; nothing is charged then.
  package mutating func closeMasked() throws(MaskingAbort) -> MemberSet {
    precondition(phase == .masking, "masked updates are closed once")
    phase = .ended
    guard let roster, let sharers else { throw .coordinatorFault }
    bundles = []
    let survivors = MemberSet(
      positions: headers.indices.filter { headers[$0] != nil }, memberCount: headers.count)
    let parameters = roster.parameters
    guard survivors.count >= parameters.minimumSurvivors else { throw .tooFewSurvivors }
    // Whoever is in U2 has a secret that its surviving neighbours must give.
    let isRecoverable = sharers.positions.allSatisfy {
      roster.neighbours(of: $0).count(where: survivors.contains) >= parameters.shamirThreshold
    }
    guard isRecoverable else { throw .tooFewSurvivingNeighbours }
    guard roster.graph.windowsHold(survivors: survivors) else { throw .windowExposed }
    self.survivors = survivors
    phase = .agreeing
    return survivors
  }

  // MARK: - Messages 7 and 8

  /// Takes a signature over the survivor set.
  package mutating func receive(
    _ agreement: AgreementSignature, from clientID: UInt32
  ) throws(MaskingRejection) {
    let (roster, position) = try member(clientID, in: .agreeing)
    guard let sharers, let survivors, survivors.contains(position) else { throw .notMember }
    guard agreement.clientID == clientID else { throw .malformed }
    guard roster.maySign(position) else { throw .notSigner }
    if let first = agreements[position] {
      throw first == agreement ? .duplicate : .conflictingDuplicate
    }
    let signed = MaskingTranscript.agreement(
      rosterContext: roster.rosterContext, sharers: sharers, survivors: survivors)
    guard keys[position].isValidSignature(agreement.signature, for: signed) else {
      throw .badSignature
    }
    agreements[position] = agreement
  }

  /// Message 8 once T members have signed: exactly T signatures in the order of ids. Nil before.
  package var proof: [AgreementSignature]? {
    guard let roster else { return nil }
    let signed = agreements.compactMap { $0 }.prefix(roster.parameters.signatureThreshold)
    return signed.count == roster.parameters.signatureThreshold ? Array(signed) : nil
  }

  /// The member's place, if the round is in `phase`.
  func member(
    _ clientID: UInt32, in phase: Phase
  ) throws(MaskingRejection) -> (roster: MaskingRoster, position: Int) {
    guard self.phase == phase else { throw .wrongPhase }
    guard let roster, let position = roster.position(of: clientID) else { throw .notMember }
    return (roster, position)
  }
}
