import Cryptography
import Privacy
import Testing

@testable import SecureAggregation

/// A coordinator that lies in messages 2 and 4. Each lie has a check of its own, and a name.
@Suite("A lying coordinator: roster and shares")
struct MaskingRosterAttackTests {
  static func cohort(_ size: Int = 8) throws -> MaskedCohort {
    try MaskedCohort(
      size: size, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
  }

  /// `advert` signed again by the member at `index`, who colludes.
  static func signed(
    _ advert: MaskingAdvert, _ cohort: MaskedCohort, by key: SigningKey
  ) throws -> MaskingAdvert {
    var advert = advert
    advert.signature = try key.sign(
      MaskingTranscript.advert(context: cohort.context, advert))
    return advert
  }

  static func expectRefusal(
    _ refusal: MaskingRefusal, _ client: MaskingClient, _ body: () throws -> Void
  ) {
    #expect(throws: refusal) { try body() }
    #expect(client.isEnded)
    // A refusal ends the client: whatever comes next finds no secrets.
    #expect(throws: MaskingRefusal.outOfOrder) { try client.reveal(after: []) }
  }

  @Test("a neighbour's key replaced by the coordinator's own is refused")
  func swappedKeys() throws {
    for swap in [\MaskingAdvert.channelKey, \MaskingAdvert.maskKey] {
      let cohort = try Self.cohort()
      var adverts = cohort.adverts
      adverts[3][keyPath: swap] = try AgreementKey().publicKey
      let roster = try cohort.roster(of: adverts)
      Self.expectRefusal(.badAdvertSignature, cohort.client(0)) {
        _ = try cohort.client(0).accept(roster)
      }
      // The member whose advert it was sees more.
      Self.expectRefusal(.ownAdvertChanged, cohort.client(3)) {
        _ = try cohort.client(3).accept(roster)
      }
    }
  }

  @Test("a roster without this member is refused")
  func leftOut() throws {
    let cohort = try Self.cohort()
    let roster = try cohort.roster(of: Array(cohort.adverts.dropFirst()))
    Self.expectRefusal(.ownAdvertChanged, cohort.client(0)) {
      _ = try cohort.client(0).accept(roster)
    }
  }

  @Test("sybils that the enrolment authority never signed are refused")
  func sybils() throws {
    let cohort = try Self.cohort()
    let sybil = try MaskingClient(
      clientID: 1000, identity: SigningKey(), context: cohort.context, policy: cohort.policy,
      mode: .secagg, dimension: cohort.dimension, identityKey: { _ in nil })
    let roster = try cohort.roster(of: cohort.adverts + [sybil.advert])
    Self.expectRefusal(.notEnrolled, cohort.client(2)) {
      _ = try cohort.client(2).accept(roster)
    }
  }

  @Test("a roster in which this member is known by another key is refused")
  func otherKeyForOneself() throws {
    let cohort = try Self.cohort()
    let keys = cohort.identities.mapValues(\.verifyingKey)
    let client = try MaskingClient(
      clientID: cohort.ids[0], identity: SigningKey(), context: cohort.context,
      policy: cohort.policy, mode: .secagg, dimension: cohort.dimension,
      identityKey: { keys[$0] })
    let roster = try cohort.roster(of: [client.advert] + cohort.adverts.dropFirst())
    Self.expectRefusal(.notEnrolled, client) { _ = try client.accept(roster) }
  }

  @Test("members with different models, and adverts of another round, do not meet in one sum")
  func differentContexts() throws {
    let cohort = try Self.cohort()
    // The same identities under another model hash, hence another ctx0.
    let other = try MaskedCohort(
      size: 8, policy: cohort.policy, identities: cohort.ids.indices.map(cohort.identity))
    #expect(cohort.context != other.context)
    var adverts = cohort.adverts
    adverts[5] = other.adverts[5]
    let mixed = try cohort.roster(of: adverts)
    Self.expectRefusal(.badAdvertSignature, cohort.client(0)) {
      _ = try cohort.client(0).accept(mixed)
    }
    let foreign = try other.roster(of: other.adverts)
    Self.expectRefusal(.wrongContext, cohort.client(1)) {
      _ = try cohort.client(1).accept(foreign)
    }
  }

  @Test("a roster under a laxer policy is refused")
  func laxerPolicy() throws {
    let cohort = try Self.cohort()
    let lax = try MaskingParametersTests.policy("0.01", "0.3", from: 5)
    let parameters = try MaskingParameters(cohortSize: 8, policy: lax)
    let roster = try MaskingRoster(
      context: cohort.context, statedParameters: parameters.bytes, adverts: cohort.adverts,
      policy: lax)
    Self.expectRefusal(.wrongContext, cohort.client(0)) {
      _ = try cohort.client(0).accept(roster)
    }
  }

  @Test("a wrong degree, threshold or survivor bound is refused, whichever byte says it")
  func wrongParameters() throws {
    let cohort = try Self.cohort()
    let right = try MaskingParameters(cohortSize: 8, policy: cohort.policy).bytes
    #expect(right.count == MaskingParameters.byteCount)
    for index in right.indices {
      var wrong = right
      wrong[index] ^= 1
      #expect(throws: MaskingRefusal.wrongParameters) {
        try MaskingRoster(
          context: cohort.context, statedParameters: wrong, adverts: cohort.adverts,
          policy: cohort.policy)
      }
    }
  }

  @Test("rosters of a size outside of the policy, or not in order, or with a key twice")
  func structure() throws {
    let cohort = try Self.cohort()
    let adverts = cohort.adverts
    func refusal(_ adverts: [MaskingAdvert]) throws -> MaskingRefusal? {
      let stated = try MaskingParameters(cohortSize: 8, policy: cohort.policy).bytes
      do throws(MaskingRefusal) {
        _ = try MaskingRoster(
          context: cohort.context, statedParameters: stated, adverts: adverts,
          policy: cohort.policy)
        return nil
      } catch {
        return error
      }
    }
    #expect(try refusal(adverts) == nil)
    #expect(try refusal(Array(adverts.prefix(4))) == .unsupportedCohort)
    #expect(try refusal(adverts.reversed()) == .repeatedMember)
    #expect(try refusal(Array(adverts.prefix(7)) + [adverts[6]]) == .repeatedMember)
    var repeated = adverts
    repeated[2].channelKey = adverts[1].maskKey
    #expect(try refusal(repeated) == .repeatedKey)
    var short = adverts
    short[2].maskKey.removeLast()
    #expect(try refusal(short) == .malformed)
  }

  @Test("a colluding neighbour's key of small order is refused")
  func weakKey() throws {
    let cohort = try Self.cohort()
    var adverts = cohort.adverts
    adverts[3].channelKey = [UInt8](repeating: 0, count: 32)
    adverts[3] = try Self.signed(adverts[3], cohort, by: cohort.identity(3))
    let roster = try cohort.roster(of: adverts)
    Self.expectRefusal(.weakKey, cohort.client(0)) { _ = try cohort.client(0).accept(roster) }
  }

  @Test("a roster is accepted once")
  func secondRoster() throws {
    let cohort = try Self.cohort()
    let roster = try cohort.roster()
    _ = try cohort.client(0).accept(roster)
    Self.expectRefusal(.outOfOrder, cohort.client(0)) { _ = try cohort.client(0).accept(roster) }
  }

  @Test("lies about who dealt shares are refused")
  func deliveries() throws {
    // n_s = 6 of 8, t = 5.
    let cohort = try Self.cohort()
    let roster = try cohort.roster()
    let bundles = try cohort.deal(roster)
    func delivery(_ index: Int, _ sharers: [Int]) -> ShareDelivery {
      cohort.delivery(index, bundles, roster: roster, sharers: sharers)
    }
    func expect(_ refusal: MaskingRefusal, _ index: Int, _ delivery: ShareDelivery) {
      Self.expectRefusal(refusal, cohort.client(index)) {
        _ = try cohort.client(index).accept(delivery)
      }
    }
    expect(.ownSharesMissing, 0, delivery(0, Array(1..<8)))
    expect(.tooFewSharers, 1, delivery(1, Array(0..<5)))
    var wrongSize = delivery(2, Array(0..<8))
    wrongSize.sharers = MemberSet(positions: 0..<9, memberCount: 9)
    expect(.malformed, 2, wrongSize)
    // A share of somebody who is said to have dealt none.
    var unexpected = delivery(3, Array(0..<8))
    unexpected.sharers = cohort.set(0..<7)
    expect(.unexpectedShare, 3, unexpected)
    var twice = delivery(4, Array(0..<8))
    twice.shares.insert(twice.shares[0], at: 0)
    expect(.unexpectedShare, 4, twice)
    var short = delivery(5, Array(0..<8))
    short.shares[0].ciphertext.removeLast()
    expect(.malformed, 5, short)
    // Shares that were meant for somebody else open for nobody.
    var foreign = delivery(0, Array(0..<8))
    foreign.sharers = cohort.set(0..<8)
    foreign.shares = foreign.shares.map { share in
      var share = share
      if share.peerID == cohort.ids[6] { share.peerID = cohort.ids[0] }
      return share
    }.sorted { $0.peerID < $1.peerID }
    expect(.tooFewShares, 6, foreign)
  }

  @Test("a share that does not open is a missing share, and its dealer is named")
  func brokenShare() throws {
    let cohort = try Self.cohort()
    let roster = try cohort.roster()
    let bundles = try cohort.deal(roster)
    var delivery = cohort.delivery(0, bundles, roster: roster, sharers: cohort.ids.indices)
    delivery.shares[1].ciphertext[40] ^= 1
    delivery.shares[3].ciphertext[0] ^= 1
    #expect(
      try cohort.client(0).accept(delivery) == [
        delivery.shares[1].peerID, delivery.shares[3].peerID,
      ])
    // A share that is left out counts the same; t = 5 of 7 must be held.
    var shorter = cohort.delivery(1, bundles, roster: roster, sharers: cohort.ids.indices)
    let missing = shorter.shares.remove(at: 2).peerID
    #expect(try cohort.client(1).accept(shorter) == [missing])
    var tooShort = cohort.delivery(2, bundles, roster: roster, sharers: cohort.ids.indices)
    tooShort.shares.removeLast(3)
    Self.expectRefusal(.tooFewShares, cohort.client(2)) {
      _ = try cohort.client(2).accept(tooShort)
    }
  }

  @Test(
    "a share for another place than the holder's is not held, though it opens",
    arguments: [true, false])
  func share(isItsPlace: Bool) throws {
    let cohort = try Self.cohort()
    // Member 1 deals by hand: the tag of its share is right, the place in it is not.
    var keys = try SecretTable(rowCount: 5)
    keys.randomize(rows: 0..<4)
    var advert = cohort.adverts[1]
    advert.channelKey = try keys.agreementPublicKey(row: 0)
    advert.maskKey = try keys.agreementPublicKey(row: 1)
    var adverts = cohort.adverts
    adverts[1] = try Self.signed(advert, cohort, by: cohort.identity(1))
    let roster = try cohort.roster(of: adverts)
    let (dealer, holder) = (cohort.ids[1], cohort.ids[0])
    try keys.deriveKeys(
      secretRow: 0, peer: adverts[0].channelKey,
      targets: [
        (
          4,
          MaskingTranscript.channelKey(
            rosterContext: roster.rosterContext, dealer: dealer, holder: holder)
        )
      ])
    var bundles: [UInt32: ShareBundle] = [:]
    for index in [0] + Array(2..<8) {
      bundles[cohort.ids[index]] = try cohort.client(index).accept(roster)
    }
    let place = try #require(roster.graph.index(of: 0, amongNeighboursOf: 1))
    let ciphertext = keys.seal(
      prefix: [UInt8(place + (isItsPlace ? 1 : 2))], rows: 2..<4, keyRow: 4,
      nonce: EncryptedShare.nonce,
      additionalData: MaskingTranscript.shares(
        rosterContext: roster.rosterContext, dealer: dealer, holder: holder))
    bundles[dealer] = ShareBundle(
      clientID: dealer,
      shares: [EncryptedShare(peerID: holder, ciphertext: ciphertext)], seedCommitment: [],
      signature: [])
    let delivery = cohort.delivery(0, bundles, roster: roster, sharers: 0..<8)
    #expect(try cohort.client(0).accept(delivery) == (isItsPlace ? [] : [dealer]))
  }

  @Test("too few neighbours among those that dealt is refused")
  func tooFewNeighbours() throws {
    // c = 1, n_s = 3, t = 3 of 3 neighbours: of three sharers, two are neighbours.
    let cohort = try MaskedCohort(
      size: 4, policy: MaskingParametersTests.policy("0.1", "0.25", from: 2))
    let roster = try cohort.roster()
    let bundles = try cohort.deal(roster)
    let delivery = cohort.delivery(0, bundles, roster: roster, sharers: 0..<3)
    Self.expectRefusal(.tooFewNeighbours, cohort.client(0)) {
      _ = try cohort.client(0).accept(delivery)
    }
  }
}
