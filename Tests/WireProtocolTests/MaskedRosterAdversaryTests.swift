import Cryptography
import SecureAggregation
import Testing
import WireProtocol

/// A coordinator that lies to a member about who the others are.
@Suite("Masked round against a false roster")
struct MaskedRosterAdversaryTests {
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
      .rosterChunk(RoundChunk(round: header.round, index: 0, data: entries)),
      .credentials(
        RoundChunk(round: header.round, index: 0, data: MemberIdentity.encode(identities))),
    ]
  }

  /// Runs a round in which the roster that member 2 sees is `change` of the true one.
  private func rosterRefusal(
    _ change: @escaping (MaskedRoundHarness, inout [RosterMember]) throws -> Void
  ) throws -> String? {
    var header: RoundRoster?
    return try MaskedRoundHarness.refusal { harness, message in
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

  @Test("other sizes than follow from the policy are refused")
  func wrongParameters() throws {
    for byte in 0..<MaskingParameters.byteCount {
      let name = try MaskedRoundHarness.refusal { _, message in
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
      try MaskedRoundHarness.refusal { _, message in
        guard case .rosterChunk(var chunk) = message else { return [message] }
        chunk.data[100] ^= 1
        return [.rosterChunk(chunk)]
      } == "wrong-roster")
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .rosterChunk(var chunk) = message else { return [message] }
        chunk.data.removeLast()
        return [.rosterChunk(chunk)]
      } == "wrong-roster")
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .roundRoster(var roster) = message else { return [message] }
        roster.digest[0] ^= 1
        return [message, .roundRoster(roster)]
      } == "second-roster")
    var header: Message?
    #expect(
      try MaskedRoundHarness.refusal { _, message in
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
    func refusal(_ change: @escaping (inout RoundChunk) -> Void) throws -> String? {
      try MaskedRoundHarness.refusal { _, message in
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
      try MaskedRoundHarness.refusal { _, message in
        guard case .roundRoster = message else { return [message] }
        return [message, .credentials(RoundChunk(round: 1, index: 0, data: []))]
      } == "out-of-order")
  }

  @Test("a process that forgets members beyond its capacity asks again, and refuses nobody")
  func forgottenMembers() throws {
    let rosters = RosterCache(memberCapacity: 3)
    for _ in 0..<2 {
      let harness = try MaskedRoundHarness()
      harness.members[2]?.round = try harness.clientRound(
        2, offer: harness.offer, rosters: rosters)
      try harness.start()
      #expect(harness.ending == "released")
      let log = try #require(harness.members[2]?.log)
      #expect(log.contains { $0.hasPrefix("accepted") } && !log.contains { $0.hasPrefix("left") })
    }
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
        .rosterChunk(RoundChunk(round: 1, index: 0, data: entries)),
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
}
