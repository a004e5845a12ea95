internal import Cryptography

extension MaskingClient {
  /// Checks message 2 and deals shares of this member's secrets to its neighbours: message 3.
  ///
  /// Membership is checked for everybody, signatures for those on whom this member depends: its
  /// neighbours and the signers of the survivor set (ruling 30).
  /// - Throws: `MaskingRefusal.wrongContext`, `.ownAdvertChanged`, `.notEnrolled`,
  ///   `.badAdvertSignature`, `.weakKey`, `.outOfOrder`, `.localFault`.
  package func accept(_ roster: MaskingRoster) throws(MaskingRefusal) -> ShareBundle {
    try step(from: [.advertised]) { (state) throws(MaskingRefusal) -> ShareBundle in
      guard roster.context == context, roster.policy == policy else { throw .wrongContext }
      guard let position = roster.position(of: advert.clientID),
        roster.adverts[position] == advert
      else { throw .ownAdvertChanged }
      state.position = position
      state.neighbours = roster.neighbours(of: position)
      state.isHeld = [Bool](repeating: false, count: state.neighbours.count)
      try checkMembers(of: roster, neighbours: state.neighbours, position: position)
      state.roster = roster
      let bundle = try state.deal(roster, clientID: advert.clientID, identity: identity)
      state.phase = .dealt
      return bundle
    }
  }

  private func checkMembers(
    of roster: MaskingRoster, neighbours: [Int], position: Int
  ) throws(MaskingRefusal) {
    guard identityKey(advert.clientID) == identity.verifyingKey else { throw .notEnrolled }
    let depended =
      neighbours + (roster.committee?.positions.filter { $0 != position } ?? [])
    let isDependedOn = MemberSet(positions: depended, memberCount: roster.adverts.count)
    for (place, member) in roster.adverts.enumerated() {
      guard let key = identityKey(member.clientID) else { throw .notEnrolled }
      if isDependedOn.contains(place), !roster.isSigned(place, by: key) {
        throw .badAdvertSignature
      }
    }
  }

  /// Checks message 4 and opens the shares in it.
  /// - Returns: the dealers whose share is missing or does not open, to be reported: the round goes
  ///   on without these shares (ruling 31).
  /// - Throws: `MaskingRefusal.malformed`, `.ownSharesMissing`, `.tooFewSharers`,
  ///   `.tooFewNeighbours`, `.unexpectedShare`, `.tooFewShares`, `.weakKey`, `.outOfOrder`,
  ///   `.localFault`.
  package func accept(_ delivery: ShareDelivery) throws(MaskingRefusal) -> [UInt32] {
    try step(from: [.dealt]) { (state) throws(MaskingRefusal) -> [UInt32] in
      guard let roster = state.roster else { throw .outOfOrder }
      let parameters = roster.parameters
      let sharers = delivery.sharers
      guard sharers.memberCount == parameters.cohortSize else { throw .malformed }
      guard sharers.contains(state.position) else { throw .ownSharesMissing }
      guard sharers.count >= parameters.minimumSurvivors else { throw .tooFewSharers }
      let dealers = state.neighbours.filter(sharers.contains)
      guard dealers.count >= parameters.shamirThreshold else { throw .tooFewNeighbours }
      try state.open(delivery.shares, dealers: dealers, roster: roster, holder: advert.clientID)
      guard state.isHeld.count(where: { $0 }) >= parameters.shamirThreshold else {
        throw .tooFewShares
      }
      try state.deriveMasks(roster, sharers: sharers, clientID: advert.clientID)
      state.sharers = sharers
      state.phase = .holding
      let missing = zip(state.neighbours, state.isHeld).filter {
        sharers.contains($0.0) && !$0.1
      }
      return missing.map { roster.adverts[$0.0].clientID }
    }
  }
}

extension MaskingClient.State {
  private typealias Row = MaskingClient.Row

  /// Shares b and the mask key among the neighbours, and agrees on a key with each of them.
  fileprivate mutating func deal(
    _ roster: MaskingRoster, clientID: UInt32, identity: SigningKey
  ) throws(MaskingRefusal) -> ShareBundle {
    let threshold = roster.parameters.shamirThreshold
    do {
      var table = try SecretTable(rowCount: Row.count(degree: neighbours.count))
      for row in 0..<Row.ownCount { table.copyRow(row, of: secrets, to: row) }
      var polynomials = try SecretTable(rowCount: 2 * threshold)
      for (first, secret) in [(0, Row.seed), (threshold, Row.mask)] {
        polynomials.copyRow(secret, of: secrets, to: first)
        ShamirSharing.drawPolynomial(in: &polynomials, first: first, threshold: threshold)
      }
      let commitment = secrets.hash256(
        prefix: MaskingTranscript.seedCommitment(context: roster.context, clientID: clientID),
        row: Row.seed)
      var bundle = ShareBundle(
        clientID: clientID, shares: [], seedCommitment: commitment, signature: [])
      bundle.shares.reserveCapacity(neighbours.count)
      for (index, neighbour) in neighbours.enumerated() {
        let peer = roster.adverts[neighbour]
        try table.deriveKeys(
          secretRow: Row.channel, peer: peer.channelKey,
          targets: [
            (
              Row.dealingKey,
              MaskingTranscript.channelKey(
                rosterContext: roster.rosterContext, dealer: clientID, holder: peer.clientID)
            ),
            (
              Row.pair(index),
              MaskingTranscript.channelKey(
                rosterContext: roster.rosterContext, dealer: peer.clientID, holder: clientID)
            ),
          ])
        // Degrees are at most 254.
        let point = UInt8(index + 1)
        for (first, row) in zip([0, threshold], Row.dealtShares) {
          ShamirSharing.evaluate(
            polynomials, first: first, threshold: threshold, at: point, to: row, of: &table)
        }
        let ciphertext = table.seal(
          prefix: [point], rows: Row.dealtShares, keyRow: Row.dealingKey,
          nonce: EncryptedShare.nonce,
          additionalData: MaskingTranscript.shares(
            rosterContext: roster.rosterContext, dealer: clientID, holder: peer.clientID))
        bundle.shares.append(
          EncryptedShare(peerID: peer.clientID, ciphertext: ciphertext))
      }
      table.wipe(rows: Row.channel..<Row.channel + 1)
      table.wipe(rows: Row.dealingKey..<Row.dealtShares.upperBound)
      secrets = table
      bundle.signature = try identity.sign(
        MaskingTranscript.bundle(rosterContext: roster.rosterContext, bundle))
      return bundle
    } catch {
      throw error == .weakAgreementKey ? .weakKey : .localFault
    }
  }

  /// Opens the delivered shares; one that does not open is a share that is not held.
  fileprivate mutating func open(
    _ shares: [EncryptedShare], dealers: [Int], roster: MaskingRoster, holder: UInt32
  ) throws(MaskingRefusal) {
    guard zip(shares, shares.dropFirst()).allSatisfy({ $0.peerID < $1.peerID }) else {
      throw .unexpectedShare
    }
    let expected = MemberSet(positions: dealers, memberCount: roster.adverts.count)
    for share in shares {
      guard share.isWellFormed else { throw .malformed }
      guard let dealer = roster.position(of: share.peerID), expected.contains(dealer),
        let index = neighbours.firstIndex(of: dealer),
        let ownIndex = roster.graph.index(of: position, amongNeighboursOf: dealer)
      else { throw .unexpectedShare }
      let rows = Row.held(index, degree: neighbours.count)
      do {
        let prefix = try secrets.open(
          share.ciphertext, prefixByteCount: 1, rows: rows, keyRow: Row.pair(index),
          nonce: EncryptedShare.nonce,
          additionalData: MaskingTranscript.shares(
            rosterContext: roster.rosterContext, dealer: share.peerID, holder: holder))
        isHeld[index] = prefix == [UInt8(ownIndex + 1)]
      } catch {
        isHeld[index] = false
      }
    }
  }

  /// Replaces the channel keys by the keys of the masks shared with those who dealt.
  fileprivate mutating func deriveMasks(
    _ roster: MaskingRoster, sharers: MemberSet, clientID: UInt32
  ) throws(MaskingRefusal) {
    secrets.wipe(rows: Row.pair(0)..<Row.pair(neighbours.count))
    for (index, neighbour) in neighbours.enumerated() where sharers.contains(neighbour) {
      let peer = roster.adverts[neighbour]
      do {
        try secrets.deriveKeys(
          secretRow: Row.mask, peer: peer.maskKey,
          targets: [
            (
              Row.pair(index),
              MaskingTranscript.pairwiseMask(
                rosterContext: roster.rosterContext, clientID, peer.clientID)
            )
          ])
      } catch {
        throw error == .weakAgreementKey ? .weakKey : .localFault
      }
    }
    secrets.wipe(rows: Row.mask..<Row.mask + 1)
  }
}
