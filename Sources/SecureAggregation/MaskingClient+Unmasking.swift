internal import Cryptography
internal import Synchronization

extension MaskingClient {
  /// Checks message 6 and signs it: message 7.
  ///
  /// One survivor set is signed in a round; asked for the same one again, the same bytes are given.
  /// - Parameter survivors: U3.
  /// - Returns: the signature, or nil if this member is not on the committee.
  /// - Throws: `MaskingRefusal.malformed`, `.survivorWithoutShares`, `.ownUpdateMissing`,
  ///   `.tooFewSurvivors`, `.tooFewSurvivingNeighbours`, `.windowExposed`, `.secondSurvivorSet`,
  ///   `.outOfOrder`, `.localFault`.
  package func agree(to survivors: MemberSet) throws(MaskingRefusal) -> AgreementSignature? {
    try step(from: [.masked, .agreed]) { (state) throws(MaskingRefusal) -> AgreementSignature? in
      if let first = state.survivors {
        guard first == survivors else { throw .secondSurvivorSet }
        return state.agreement
      }
      guard let roster = state.roster, let sharers = state.sharers else { throw .outOfOrder }
      try Self.check(survivors, sharers: sharers, roster: roster)
      guard survivors.contains(state.position) else { throw .ownUpdateMissing }
      guard
        state.neighbours.count(where: survivors.contains) >= roster.parameters.shamirThreshold
      else { throw .tooFewSurvivingNeighbours }
      guard roster.graph.windowsHold(survivors: survivors) else { throw .windowExposed }
      if roster.maySign(state.position) {
        do {
          let signature = try identity.sign(
            MaskingTranscript.agreement(
              rosterContext: roster.rosterContext, sharers: sharers, survivors: survivors))
          state.agreement = AgreementSignature(
            clientID: advert.clientID, signature: signature)
        } catch {
          throw .localFault
        }
      }
      state.survivors = survivors
      state.phase = .agreed
      return state.agreement
    }
  }

  /// Checks message 8 and reveals what unmasking needs: message 9.
  ///
  /// For a neighbour in the sum the share of its seed, for one that dropped out the share of its
  /// mask key, never both, and once; then all secrets are erased. The caller has checked the proof
  /// of the charge and journalled it before (ruling 11), and keeps the result for sending it again.
  /// - Parameter proof: at least T signatures in ascending order of ids.
  /// - Throws: `MaskingRefusal.repeatedSigner`, `.signerNotEligible`, `.badAgreementSignature`,
  ///   `.tooFewSignatures`, `.outOfOrder`.
  package func reveal(
    after proof: [AgreementSignature]
  ) throws(MaskingRefusal) -> RevealedShares {
    try step(from: [.agreed]) { (state) throws(MaskingRefusal) -> RevealedShares in
      guard let roster = state.roster, let sharers = state.sharers,
        let survivors = state.survivors
      else { throw .outOfOrder }
      try check(proof, of: survivors, sharers: sharers, roster: roster)
      var revealed = RevealedShares(clientID: advert.clientID, shares: [])
      for (index, neighbour) in state.neighbours.enumerated() where state.isHeld[index] {
        let rows = Row.held(index, degree: state.neighbours.count)
        let row = survivors.contains(neighbour) ? rows.lowerBound : rows.lowerBound + 1
        let share = state.secrets.withRow(row) { bytes in bytes.indices.map { bytes[$0] } }
        revealed.shares.append(
          RevealedShare(ownerID: roster.adverts[neighbour].clientID, share: share))
      }
      state.end()
      return revealed
    }
  }

  /// Whether T members signed a survivor set without this client: only then did its update not
  /// enter the sum, and its journal may give the round back (ruling 12).
  ///
  /// Any time after message 4, also when the round has ended for this client.
  package func isExcluded(
    from survivors: MemberSet, by proof: [AgreementSignature]
  ) -> Bool {
    state.withLock { state in
      guard let roster = state.roster, let sharers = state.sharers,
        !survivors.contains(state.position)
      else { return false }
      do throws(MaskingRefusal) {
        try Self.check(survivors, sharers: sharers, roster: roster)
        try check(proof, of: survivors, sharers: sharers, roster: roster)
        return true
      } catch {
        return false
      }
    }
  }

  private static func check(
    _ survivors: MemberSet, sharers: MemberSet, roster: MaskingRoster
  ) throws(MaskingRefusal) {
    guard survivors.memberCount == roster.adverts.count else { throw .malformed }
    guard survivors.isSubset(of: sharers) else { throw .survivorWithoutShares }
    guard survivors.count >= roster.parameters.minimumSurvivors else { throw .tooFewSurvivors }
  }

  /// T distinct eligible members signed the very same sets.
  private func check(
    _ proof: [AgreementSignature], of survivors: MemberSet, sharers: MemberSet,
    roster: MaskingRoster
  ) throws(MaskingRefusal) {
    guard proof.count >= roster.parameters.signatureThreshold else { throw .tooFewSignatures }
    guard zip(proof, proof.dropFirst()).allSatisfy({ $0.clientID < $1.clientID }) else {
      throw .repeatedSigner
    }
    let signed = MaskingTranscript.agreement(
      rosterContext: roster.rosterContext, sharers: sharers, survivors: survivors)
    for agreement in proof {
      guard let position = roster.position(of: agreement.clientID),
        survivors.contains(position), roster.maySign(position)
      else { throw .signerNotEligible }
      guard let key = identityKey(agreement.clientID),
        roster.signatures.isValid(agreement.signature, of: signed, by: key)
      else { throw .badAgreementSignature }
    }
  }
}
