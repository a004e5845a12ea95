import Cryptography
import Ledger
import Privacy
import SecureAggregation
import Testing
import VectorMath
import WireProtocol

/// A coordinator that breaks the rules: each breach is refused by the member with its name.
@Suite("Masked round against a malicious coordinator")
struct MaskedAdversaryTests {
  /// Runs a round in which member 2 is shown `change` of what it should see, and returns the name
  /// under which it left.
  private func refusal(
    mode: AggregationMode = .secagg,
    _ change: @escaping (MaskedRoundHarness, Message) throws -> [Message]
  ) throws -> String? {
    let harness = try MaskedRoundHarness(mode: mode)
    harness.tamper = { [unowned harness] id, message in
      id == 2 ? try change(harness, message) : [message]
    }
    try harness.start()
    // What it refuses, it tells with a signature of its own, and it reveals nothing afterwards.
    if let name = harness.refusal(of: 2) {
      let refusals = harness.sent(.refuseRound, by: 2)
      #expect(refusals.count == 1)
      if case .refuseRound(let refuse) = try #require(refusals.first) {
        #expect(refuse.reason.name == name)
        #expect(
          try RoundHarness.identity(2).verifyingKey.isValidSignature(
            refuse.signature,
            for: refuse.signedBytes(context: harness.context, clientID: 2)))
      }
      #expect(harness.members[2]?.log.last == "left \(name)")
      #expect(harness.members[2]?.log.contains("send unmask") == false)
    }
    return harness.refusal(of: 2)
  }

  /// A member as the roster and the answer to its credentials show it.
  private struct RosterMember {
    var identityKey: [UInt8]
    var credential: [UInt8]
    var advert: MaskingAdvert
  }

  /// The roster with other entries, as header and chunk, and what answers the question of member 2, who
  /// knows nobody but itself.
  private func roster(
    _ harness: MaskedRoundHarness, header: RoundRoster, _ members: [RosterMember]
  ) throws -> [Message] {
    let entries = RosterEntries.encode(members.map(\.advert))
    let identities = members.filter { $0.advert.clientID != 2 }.map {
      MemberIdentity(identityKey: $0.identityKey, credential: $0.credential)
    }
    let parameters = try MaskingParameters(
      cohortSize: members.count, policy: harness.maskingPolicy)
    return [
      .roundRoster(
        RoundRoster(
          round: header.round, memberCount: UInt32(members.count), parameters: parameters.bytes,
          digest: SHA256Digest(hashing: entries).bytes)),
      .rosterChunk(RosterChunk(round: header.round, index: 0, data: entries)),
      .credentials(
        Credentials(round: header.round, index: 0, data: MemberIdentity.encode(identities))),
    ]
  }

  /// Runs a round in which the roster that member 2 sees is `change` of the true one.
  private func rosterRefusal(
    _ change: @escaping (MaskedRoundHarness, inout [RosterMember]) throws -> Void
  ) throws -> String? {
    var header: RoundRoster?
    return try refusal { harness, message in
      switch message {
      case .roundRoster(let roster):
        header = roster
        return []
      case .rosterChunk(let chunk):
        var members = try RosterEntries.decode(chunk.data).map { advert in
          RosterMember(
            identityKey: try RoundHarness.identity(advert.clientID).verifyingKey.bytes,
            credential: try harness.credential(of: advert.clientID), advert: advert)
        }
        try change(harness, &members)
        return try roster(harness, header: try #require(header), members)
      default: return [message]
      }
    }
  }

  @Test("an honest coordinator is refused by nobody")
  func honest() throws {
    #expect(try refusal { _, message in [message] } == nil)
  }

  @Test("other sizes than follow from the policy are refused")
  func wrongParameters() throws {
    for byte in 0..<MaskingParameters.byteCount {
      let name = try refusal { _, message in
        guard case .roundRoster(var roster) = message else { return [message] }
        roster.parameters[byte] ^= 1
        return [.roundRoster(roster)]
      }
      #expect(name == "wrong-parameters", "byte \(byte)")
    }
  }

  @Test("a roster of other bytes, of part of its bytes, or a second one is refused")
  func rosterBytes() throws {
    #expect(
      try refusal { _, message in
        guard case .rosterChunk(var chunk) = message else { return [message] }
        chunk.data[100] ^= 1
        return [.rosterChunk(chunk)]
      } == "wrong-roster")
    #expect(
      try refusal { _, message in
        guard case .rosterChunk(var chunk) = message else { return [message] }
        chunk.data.removeLast()
        return [.rosterChunk(chunk)]
      } == "wrong-roster")
    #expect(
      try refusal { _, message in
        guard case .roundRoster(var roster) = message else { return [message] }
        roster.digest[0] ^= 1
        return [message, .roundRoster(roster)]
      } == "second-roster")
    var header: Message?
    #expect(
      try refusal { _, message in
        if case .roundRoster = message { header = message }
        guard case .deliver = message, case .roundRoster(var roster) = header else {
          return [message]
        }
        roster.memberCount += 1
        return [message, .roundRoster(roster)]
      } == "second-roster")
  }

  @Test("a member that the enrolment key did not admit is refused: no sybils")
  func sybils() throws {
    #expect(
      try rosterRefusal({ harness, members in
        let sybil = try RoundHarness.identity(77)
        let client = try MaskingClient(
          clientID: 77, identity: sybil, context: harness.context, policy: harness.maskingPolicy,
          mode: harness.mode, dimension: harness.dimension, identityKey: { _ in nil })
        members.append(
          RosterMember(
            identityKey: sybil.verifyingKey.bytes,
            credential: try harness.credential(of: 77, by: harness.coordinator),
            advert: client.advert))
      }) == "not-enrolled")
    // The authority's voucher for one member, taken by a key that its token did not choose.
    #expect(
      try rosterRefusal({ harness, members in
        let credential = try harness.credential(
          of: 4, key: try RoundHarness.identity(77).verifyingKey)
        members[3].credential = credential
      }) == "not-enrolled")
    // A true credential, of another member.
    #expect(
      try rosterRefusal({ _, members in members[3].credential = members[4].credential })
        == "not-enrolled")
  }

  @Test("credentials of other members than asked for, fewer, or unasked ones are refused")
  func credentials() throws {
    func refusal(_ change: @escaping (inout Credentials) -> Void) throws -> String? {
      try self.refusal { _, message in
        guard case .credentials(var answer) = message else { return [message] }
        change(&answer)
        return [.credentials(answer)]
      }
    }
    #expect(try refusal { _ in } == nil)
    #expect(try refusal { $0.data.removeLast(MemberIdentity.byteCount) } == "wrong-roster")
    #expect(try refusal { $0.index = 1 } == "wrong-roster")
    #expect(
      try refusal { answer in
        let first = answer.data.prefix(MemberIdentity.byteCount)
        answer.data = Array(answer.data.dropFirst(MemberIdentity.byteCount) + first)
      } == "not-enrolled")
    #expect(
      try self.refusal { _, message in
        guard case .roundRoster = message else { return [message] }
        return [message, .credentials(Credentials(round: 1, index: 0, data: []))]
      } == "out-of-order")
  }

  @Test("a member's key that this device knows is not taken from anybody again, and not asked for")
  func knownMembers() throws {
    let rosters = RosterCache()
    for round in 0..<2 {
      let harness = try MaskedRoundHarness()
      harness.members[2]?.round = try harness.clientRound(
        2, offer: harness.offer, rosters: rosters)
      try harness.start()
      #expect(harness.ending == "released")
      #expect(harness.sent(.askCredentials, by: 2).count == 1 - round)
    }
    // A coordinator that puts a key of its own in the place of a known member is found by the advert.
    let harness = try MaskedRoundHarness()
    harness.members[2]?.round = try harness.clientRound(
      2, offer: harness.offer, rosters: rosters)
    harness.tamper = { [unowned harness] id, message in
      guard id == 2, case .rosterChunk(let chunk) = message else { return [message] }
      var adverts = try RosterEntries.decode(chunk.data)
      let impostor = try MaskingClient(
        clientID: 4, identity: RoundHarness.identity(77), context: harness.context,
        policy: harness.maskingPolicy, mode: harness.mode, dimension: harness.dimension,
        identityKey: { _ in nil })
      adverts[3] = impostor.advert
      let entries = RosterEntries.encode(adverts)
      let parameters = try MaskingParameters(
        cohortSize: adverts.count, policy: harness.maskingPolicy)
      return [
        .roundRoster(
          RoundRoster(
            round: 1, memberCount: 6, parameters: parameters.bytes,
            digest: SHA256Digest(hashing: entries).bytes)),
        .rosterChunk(RosterChunk(round: 1, index: 0, data: entries)),
      ]
    }
    let relay = harness.tamper
    harness.tamper = { id, message in
      if id == 2, case .roundRoster = message { return [] }
      return try relay(id, message)
    }
    try harness.start()
    #expect(harness.refusal(of: 2) == "bad-advert-signature")
    #expect(harness.sent(.askCredentials, by: 2).isEmpty)
  }

  @Test("one token gives one member: a second key under its number is refused")
  func oneTokenTwice() throws {
    #expect(
      try rosterRefusal({ harness, members in
        let second = try RoundHarness.identity(77)
        let client = try MaskingClient(
          clientID: 4, identity: second, context: harness.context, policy: harness.maskingPolicy,
          mode: harness.mode, dimension: harness.dimension, identityKey: { _ in nil })
        members.insert(
          RosterMember(
            identityKey: second.verifyingKey.bytes,
            credential: try harness.credential(of: 4, key: second.verifyingKey),
            advert: client.advert), at: 4)
      }) == "repeated-member")
  }

  @Test("a member that this device has seen revoked is refused, by this device alone")
  func revokedMember() throws {
    let harness = try MaskedRoundHarness()
    harness.members[2]?.round = try harness.clientRound(
      2, offer: harness.offer, revoked: [5, 99])
    try harness.start()
    #expect(harness.refusal(of: 2) == "revoked-member")
    #expect(harness.members[2]?.log.contains("send shares") == false)
    #expect(harness.refusal(of: 3) == nil)
  }

  @Test("swapped keys, and an own advert that was changed, are refused")
  func swappedKeys() throws {
    #expect(
      try rosterRefusal({ _, members in
        let key = members[3].advert.maskKey
        members[3].advert.maskKey = members[4].advert.maskKey
        members[4].advert.maskKey = key
      }) == "bad-advert-signature")
    #expect(
      try rosterRefusal({ _, members in members[1].advert.maskKey[0] ^= 1 })
        == "own-advert-changed")
    #expect(try rosterRefusal({ _, members in members.swapAt(3, 4) }) == "repeated-member")
  }

  @Test("different models to different clients: their adverts are of another context")
  func differentModels() throws {
    #expect(
      try rosterRefusal({ harness, members in
        // Member 5 was offered another model under the same round and joined that.
        var other = harness.offer
        other.modelHash = SampleMessages.ramp(32, from: 200)
        other.signature = try harness.coordinator.sign(other.signedBytes)
        var round = try harness.clientRound(5, offer: other)
        guard case .send(.advertise(let advertise))? = try round.handle(.decided(joins: true)).first
        else { return }
        members[4].advert = advertise.advert
      }) == "bad-advert-signature")
  }

  @Test("a second, different delivery of shares is refused; the same again is not")
  func secondDelivery() throws {
    #expect(
      try refusal { _, message in
        guard case .deliver(var deliver) = message else { return [message] }
        deliver.shares.removeLast()
        return [message, .deliver(deliver)]
      } == "second-delivery")
    #expect(
      try refusal { _, message in
        message.kind == .deliver ? [message, message] : [message]
      } == nil)
  }

  @Test("two survivor sets are refused, before and after the first was signed")
  func twoSurvivorSets() throws {
    #expect(
      try refusal { _, message in
        guard case .survivors(var survivors) = message else { return [message] }
        survivors.survivors[0] &= 0b01_1111
        return [message, .survivors(survivors)]
      } == "second-survivor-set")
    #expect(
      try refusal { _, message in
        guard case .survivors(let survivors) = message else { return [message] }
        return [message, .survivors(survivors)]
      } == nil)
  }

  @Test("too small a survivor set, bits beyond the roster, and strangers to U2 are refused")
  func badSurvivors() throws {
    func refusal(_ set: UInt8) throws -> String? {
      try self.refusal { _, message in
        guard case .survivors(var survivors) = message else { return [message] }
        survivors.survivors = [set]
        return [.survivors(survivors)]
      }
    }
    #expect(try refusal(0b00_0111) == "too-few-survivors")
    #expect(try refusal(0b1011_1111) == "malformed")
    #expect(try refusal(0b00_1111) == "too-few-surviving-neighbours")
  }

  @Test("no share is revealed without T signatures over the set that this member signed")
  func fewSignatures() throws {
    #expect(
      try refusal { _, message in
        guard case .proof(var proof) = message else { return [message] }
        proof.signatures.removeLast()
        return [.proof(proof)]
      } == "too-few-signatures")
    #expect(
      try refusal { _, message in
        guard case .proof(var proof) = message else { return [message] }
        proof.signatures[1] = proof.signatures[0]
        return [.proof(proof)]
      } == "repeated-signer")
    #expect(
      try refusal { _, message in
        guard case .proof(var proof) = message else { return [message] }
        proof.signatures[0].signature[3] ^= 1
        return [.proof(proof)]
      } == "bad-agreement-signature")
  }

  // MARK: - Ruling 11

  /// Runs a round in which the proof that member 2 sees is `change` of the true one.
  private func proofRefusal(
    _ change: @escaping (MaskedRoundHarness, inout Proof) throws -> Void
  ) throws -> String? {
    try refusal { harness, message in
      guard case .proof(var proof) = message else { return [message] }
      try change(harness, &proof)
      return [.proof(proof)]
    }
  }

  @Test("no share is revealed before CHARGE is shown to be in the ledger")
  func missingCharge() throws {
    #expect(try proofRefusal({ $1.receipt = [] }) == "charge-not-proven")
    #expect(try proofRefusal({ $1.receipt[60] ^= 1 }) == "charge-not-proven")
    // Another entry of the ledger.
    #expect(
      try proofRefusal({ $1.receipt = try $0.receipt(of: 1).text }) == "wrong-charge")
    // Signed by somebody else.
    #expect(
      try proofRefusal({ harness, proof in
        let index = try #require(harness.chargeIndex)
        proof.receipt =
          LedgerReceipt(
            line: harness.ledger[index].line, index: index, tree: harness.tree,
            checkpoint: try Checkpoint(signing: harness.state, with: harness.enrolment)
          ).text
      }) == "charge-not-proven")
  }

  @Test("a charge that is cheaper, of another round, or of another noise is refused")
  func wrongCharge() throws {
    for change: (MaskedRoundHarness, MaskingParameters) throws -> ChargeRecord? in [
      { harness, parameters in
        var offer = harness.offer
        offer.noiseScale *= 2
        return try ChargeRecord(
          offer: offer, policy: harness.policy, parameters: parameters, rng: .seeded)
      },
      { harness, parameters in
        try ChargeRecord(
          offer: harness.offer, policy: harness.policy, parameters: parameters, rng: .system)
      },
      { harness, _ in
        try ChargeRecord(
          offer: harness.offer, policy: harness.policy,
          parameters: try MaskingParameters(cohortSize: 7, policy: harness.maskingPolicy),
          rng: .seeded)
      },
    ] {
      let name = try refusal(
        mode: .secaggDDP
      ) { harness, message in
        guard case .proof(var proof) = message else { return [message] }
        // A ledger of its own for this member, with the other charge in it.
        let parameters = try MaskingParameters(cohortSize: 6, policy: harness.maskingPolicy)
        let record = try #require(try change(harness, parameters))
        var state = try LedgerState(genesis: harness.ledger[0])
        try state.apply(harness.ledger[1])
        let (entry, next) = try state.appending(.charge(record))
        let tree = MerkleTree(lines: [harness.ledger[0].line, harness.ledger[1].line, entry.line])
        proof.receipt =
          LedgerReceipt(
            line: entry.line, index: 2, tree: tree,
            checkpoint: try Checkpoint(signing: next, with: harness.coordinator)
          ).text
        proof.consistency = tree.consistencyProof(from: 2, to: 3).bytes
        return [.proof(proof)]
      }
      #expect(name == "wrong-charge")
    }
  }

  @Test("a ledger that does not extend the one this member knows is refused")
  func forkedLedger() throws {
    #expect(try proofRefusal({ $1.consistency = [] }) == "ledger-not-extended")
    #expect(try proofRefusal({ $1.consistency[0] ^= 1 }) == "ledger-not-extended")
    #expect(try proofRefusal({ $1.heldSize -= 1 }) == "ledger-not-extended")
    // The checkpoint that this member was shown earlier is of another ledger with the same genesis.
    let harness = try MaskedRoundHarness()
    let genesis = try #require(harness.ledger.first)
    var fork = try LedgerState(genesis: genesis)
    guard case .offer(let offer) = harness.ledger[1].record else { return }
    try fork.apply(
      fork.appending(
        .offer(
          OfferRecord(
            round: 9, planIndex: 0, stage: offer.stage, mode: offer.mode, modelIn: offer.modelIn,
            catalogueHash: offer.catalogueHash, policyHash: offer.policyHash, deadlineSeconds: 60))
      ).entry)
    harness.members[2]?.held = try Checkpoint(signing: fork, with: harness.coordinator)
    try harness.start()
    #expect(harness.refusal(of: 2) == "ledger-not-extended")
    #expect(harness.members[2]?.log.contains("send unmask") == false)
    // The others are enough: the round is not lost with one member.
    try harness.runOut()
    #expect(harness.ending == "released")
  }

  // MARK: - Out of turn

  @Test("messages that come before their time are refused, those of another round are not heard")
  func outOfTurn() throws {
    for kind: Message.Kind in [.survivors, .proof, .deliver] {
      let harness = try MaskedRoundHarness()
      let recorded = try MaskedRoundHarness()
      var found: Message?
      recorded.tamper = { id, message in
        if id == 2, message.kind == kind { found = message }
        return [message]
      }
      try recorded.start()
      var round = try harness.clientRound(2, offer: harness.offer)
      _ = try round.handle(.decided(joins: true))
      let early = try #require(found)
      let effects = try round.handle(.message(early))
      #expect(effects.last == .left(.masking(.outOfOrder)), "\(early.kind)")
      #expect(round.isSettled)
      // It is over: nothing makes it speak again.
      let again = try round.handle(.message(early))
      #expect(again.isEmpty)
    }
    #expect(
      try refusal { _, message in
        guard case .survivors(let survivors) = message else { return [message] }
        var other = survivors
        other.round += 1
        other.survivors = [1]
        return [.survivors(other), message]
      } == nil)
  }

  @Test("a member that was removed from its own survivor set reveals nothing and waits for proof")
  func leftOut() throws {
    let harness = try MaskedRoundHarness()
    harness.tamper = { id, message in
      guard id == 2, case .survivors(var survivors) = message else { return [message] }
      survivors.survivors[0] &= ~0b10
      return [.survivors(survivors)]
    }
    try harness.start()
    try harness.runOut()
    #expect(harness.ending == "released")
    let log = try #require(harness.members[2]?.log)
    #expect(!log.contains("send agree") && !log.contains("send unmask"))
    // The proof is of the true set, with this member in it: nothing is taken back.
    #expect(!log.contains("give back"))
  }

  @Test("a message of another round has no effect")
  func otherRound() throws {
    let harness = try MaskedRoundHarness()
    harness.tamper = { id, message in
      guard id == 3, case .proceed = message else { return [message] }
      return [.proceed(Proceed(round: 2))]
    }
    try harness.start()
    #expect(harness.sent(.shares, by: 3).count == 1)
    #expect(harness.sent(.maskedHeader, by: 3).isEmpty)
    #expect(harness.sent(.maskedHeader, by: 4).count == 1)
  }
}
