package import Cryptography
package import Ledger
package import Privacy
package import SecureAggregation
package import VectorMath

/// What a client brings into a masked round: who it is, whom it knows, and what was consented to.
package struct MaskedClientSetup: Sendable {
  package let clientID: ClientID
  package let identity: SigningKey
  /// `RoundContext.digest` of the offer, 32 bytes.
  package let context: [UInt8]
  package let mode: AggregationMode
  package let policy: PrivacyPolicy
  package let maskingPolicy: MaskingPolicy
  package let encoding: FixedPointEncoding
  package let ledgerID: LedgerID
  package let coordinatorKey: VerifyingKey
  package let enrolmentKey: VerifyingKey
  /// By the newest list of the enrolment authority that this device has seen.
  package let revoked: Set<ClientID>
  package let rosters: RosterCache

  /// - Parameters:
  ///   - mode: `secagg` or `secagg-ddp`.
  ///   - policy: consented to; the offer's plan index is one of its.
  ///   - maskingPolicy: that of `policy`.
  ///   - coordinatorKey: the key pinned at enrolment, which signs checkpoints.
  ///   - enrolmentKey: the key pinned at enrolment, which admits members.
  ///   - revoked: members of whom it took that back.
  ///   - rosters: shared by the clients of one process.
  package init(
    clientID: ClientID, identity: SigningKey, context: [UInt8], mode: AggregationMode,
    policy: PrivacyPolicy, maskingPolicy: MaskingPolicy, encoding: FixedPointEncoding,
    ledgerID: LedgerID, coordinatorKey: VerifyingKey, enrolmentKey: VerifyingKey,
    revoked: Set<ClientID>, rosters: RosterCache
  ) {
    self.clientID = clientID
    self.identity = identity
    self.context = context
    self.mode = mode
    self.policy = policy
    self.maskingPolicy = maskingPolicy
    self.encoding = encoding
    self.ledgerID = ledgerID
    self.coordinatorKey = coordinatorKey
    self.enrolmentKey = enrolmentKey
    self.revoked = revoked
    self.rosters = rosters
  }

  /// Message 2 without its members' credentials.
  ///
  /// - Throws: `wrongRoster` for other bytes than announced; what `MaskingRoster` refuses;
  ///   `revokedMember`.
  func roster(chunks: [[UInt8]], header: RoundRoster) throws(RoundRefusal) -> MaskingRoster {
    var writer = ByteWriter()
    header.write(to: &writer)
    // The digest of the entries in the header is compared when they are read, so the key must
    // hold what they are, not what they are said to be.
    let key = RosterCache.Key(context: context, header: writer.bytes, chunks: chunks)
    let roster = try rosters.roster(for: key) { () throws(RoundRefusal) in
      try read(chunks.flatMap { $0 }, header: header)
    }
    // Not part of what is shared: another client of this process may have seen an older list.
    guard revoked.allSatisfy({ roster.position(of: $0) == nil }) else { throw .revokedMember }
    return roster
  }

  private func read(
    _ entries: [UInt8], header: RoundRoster
  ) throws(RoundRefusal) -> MaskingRoster {
    guard SHA256Digest(hashing: entries).bytes == header.digest else { throw .wrongRoster }
    let adverts: [MaskingAdvert]
    do throws(WireError) {
      adverts = try RosterEntries.decode(entries)
    } catch {
      throw .wrongRoster
    }
    guard adverts.count == Int(header.memberCount) else { throw .wrongRoster }
    do throws(MaskingRefusal) {
      return try MaskingRoster(
        context: context, statedParameters: header.parameters, adverts: adverts,
        policy: maskingPolicy)
    } catch {
      throw .masking(error)
    }
  }

  private var scope: KnownMembers.Scope {
    KnownMembers.Scope(ledgerID: ledgerID.bytes, authority: enrolmentKey)
  }

  /// `roster` with its members' keys, if another client of this process has checked them.
  func checkedRoster(_ roster: MaskingRoster) -> CheckedRoster? {
    rosters.checked(roster, in: scope)
  }

  /// The members' identity keys, by position; nil for those of whom this process does not know that they
  /// were admitted.
  func knownKeys(of roster: MaskingRoster) -> [VerifyingKey?] {
    rosters.members.identityKeys(of: roster.adverts.lazy.map(\.clientID), in: scope)
  }

  /// The key of member `id`, if the enrolment authority admitted it under that one.
  func admit(_ identity: MemberIdentity, as id: ClientID) -> VerifyingKey? {
    rosters.members.admit(identity, as: id, in: scope)
  }

  /// `roster` with its members' keys, of which this client's own may be missing: that one it takes from
  /// itself.
  ///
  /// - Parameter keys: by position.
  /// - Throws: `masking(.notEnrolled)` for another member without a key.
  func check(
    _ roster: MaskingRoster, keys: [VerifyingKey?]
  ) throws(RoundRefusal) -> CheckedRoster {
    var complete: [VerifyingKey] = []
    complete.reserveCapacity(keys.count)
    for (advert, key) in zip(roster.adverts, keys) {
      guard let key = key ?? (advert.clientID == clientID ? identity.verifyingKey : nil) else {
        throw .masking(.notEnrolled)
      }
      complete.append(key)
    }
    let checked = CheckedRoster(masking: roster, keys: complete)
    // Others share only what the authority's signature stands for.
    if !keys.contains(nil) { rosters.keep(checked, in: scope) }
    return checked
  }

  /// Checks that CHARGE of this round is in a ledger that extends the one whose checkpoint is held
  /// (ruling 11).
  ///
  /// - Returns: the receipt of it, which the device keeps before it unmasks: under `held`, or under a checkpoint that
  ///   extends it.
  /// - Throws: `chargeNotProven`, `wrongCharge` or `ledgerNotExtended`.
  func charge(
    provenBy proof: Proof, extending held: Checkpoint, offer: Offer,
    parameters: MaskingParameters, noiseSource: ChargeRecord.RandomSource
  ) throws(RoundRefusal) -> LedgerReceipt {
    let receipt: LedgerReceipt
    let entry: LedgerEntry
    do throws(LedgerError) {
      receipt = try LedgerReceipt(parsing: proof.receipt)
      entry = try receipt.verify(ledgerID: ledgerID, key: coordinatorKey)
    } catch {
      throw .chargeNotProven
    }
    let due: ChargeRecord
    do throws(PrivacyError) {
      due = try ChargeRecord(
        offer: offer, policy: policy, parameters: parameters, rng: noiseSource)
    } catch {
      throw .wrongCharge
    }
    guard entry.record == .charge(due) else { throw .wrongCharge }
    // Where the charge was shown before its proof, as `LedgerShown` or at a login, there is no step
    // left to take.
    if receipt.checkpoint.isSameTree(as: held) {
      return LedgerReceipt(line: receipt.line, proof: receipt.proof, checkpoint: held)
    }
    guard proof.heldSize == UInt64(held.size) else { throw .ledgerNotExtended }
    do throws(LedgerError) {
      try receipt.checkpoint.requireExtension(
        of: held, proof: ConsistencyProof(decoding: proof.consistency))
    } catch {
      throw .ledgerNotExtended
    }
    return receipt
  }
}
