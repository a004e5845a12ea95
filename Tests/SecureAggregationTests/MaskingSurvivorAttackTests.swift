import Cryptography
import Privacy
import Testing

@testable import SecureAggregation

/// A coordinator that lies in messages 6 and 8.
@Suite("A lying coordinator: survivors and signatures")
struct MaskingSurvivorAttackTests {
  typealias Roster = MaskingRosterAttackTests

  @Test("a survivor set that the rules forbid is not signed")
  func survivors() throws {
    // n = 9: n_s = 7, T = 6.
    let cohort = try MaskedCohort(
      size: 9, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    let roster = try cohort.roster()
    let bundles = try cohort.deal(roster)
    // Member 8 dealt no shares.
    for index in 0..<8 {
      _ = try cohort.client(index).accept(
        cohort.delivery(index, bundles, roster: roster, sharers: 0..<8))
      _ = try cohort.client(index).mask(
        cohort.update(index), encoding: cohort.encoding, noise: nil)
    }
    func expect(_ refusal: MaskingRefusal, _ index: Int, _ survivors: MemberSet) {
      Roster.expectRefusal(refusal, cohort.client(index)) {
        _ = try cohort.client(index).agree(to: survivors)
      }
    }
    expect(.ownUpdateMissing, 0, cohort.set(1..<8))
    expect(.tooFewSurvivors, 1, cohort.set(0..<6))
    expect(.survivorWithoutShares, 2, cohort.set(0..<9))
    expect(.malformed, 3, MemberSet(positions: 0..<8, memberCount: 8))
    #expect(throws: Never.self) { try cohort.client(4).agree(to: cohort.set(0..<8)) }
    // A second survivor set, though it is allowed in itself.
    expect(.secondSurvivorSet, 4, cohort.set(0..<7))
    // The same set again gives the same bytes.
    let first = try cohort.client(5).agree(to: cohort.set(0..<8))
    #expect(try cohort.client(5).agree(to: cohort.set(0..<8)) == first)
    // Survivors before the update was masked.
    Roster.expectRefusal(.outOfOrder, cohort.client(8)) {
      _ = try cohort.client(8).agree(to: cohort.set(0..<9))
    }
  }

  @Test("the ring is not cut: neither one member's neighbours nor a window may be dropped")
  func ringPartition() throws {
    // 10 % and 20 %: k = 88, t = 55, and 40 of 200 may drop.
    let cohort = try MaskedCohort(
      size: 200, policy: MaskingParametersTests.policy("0.1", "0.2", from: 100), dimension: 4)
    let roster = try cohort.maskAll()
    let everyone = Set(cohort.ids.indices)
    // 34 of the 88 neighbours are spared one more than the threshold allows to lose.
    let neighbours = roster.neighbours(of: 0)
    Roster.expectRefusal(.tooFewSurvivingNeighbours, cohort.client(0)) {
      _ = try cohort.client(0).agree(to: cohort.set(everyone.subtracting(neighbours.prefix(34))))
    }
    // A stretch of the ring: members that follow each other have most neighbours in common. Found
    // from the outside, by walking to the next member that shares all but one neighbour.
    let window = Self.stretch(of: roster.parameters.windowDropoutLimit + 1, from: 1, roster)
    let far = try #require(
      everyone.subtracting(window).first { member in
        member > 1
          && roster.neighbours(of: member).count { window.contains($0) } == 0
      })
    Roster.expectRefusal(.windowExposed, cohort.client(far)) {
      _ = try cohort.client(far).agree(to: cohort.set(everyone.subtracting(window)))
    }
    // One less may go.
    let allowed = everyone.subtracting(window.dropLast())
    let other = try #require(
      allowed.first { $0 != far && $0 > 1 })
    #expect(throws: Never.self) { try cohort.client(other).agree(to: cohort.set(allowed)) }
  }

  /// Members in `count` consecutive places of the ring, starting at `first`.
  static func stretch(of count: Int, from first: Int, _ roster: MaskingRoster) -> [Int] {
    var stretch = [first]
    while stretch.count < count, let last = stretch.last {
      // Neighbours at distance d share k - 1 - d neighbours or so; the next place shares most.
      let own = Set(roster.neighbours(of: last) + [last])
      let next = roster.neighbours(of: last).filter { !stretch.contains($0) }.max { left, right in
        own.intersection(roster.neighbours(of: left)).count
          < own.intersection(roster.neighbours(of: right)).count
      }
      guard let next else { break }
      stretch.append(next)
    }
    return stretch
  }

  /// Members that agreed to `survivors`, and their signatures in order.
  static func agreed(
    _ cohort: MaskedCohort, to survivors: MemberSet
  ) throws -> [AgreementSignature] {
    try cohort.ids.indices.filter(survivors.contains).compactMap {
      try cohort.client($0).agree(to: survivors)
    }
  }

  @Test("nothing is revealed without T signatures of distinct members in the sum")
  func proofs() throws {
    // n = 9: T = 6.
    let cohort = try MaskedCohort(
      size: 9, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    let roster = try cohort.maskAll()
    #expect(roster.parameters.signatureThreshold == 6)
    let survivors = cohort.set(0..<8)
    let proof = try Self.agreed(cohort, to: survivors)
    func expect(_ refusal: MaskingRefusal, _ index: Int, _ proof: [AgreementSignature]) {
      Roster.expectRefusal(refusal, cohort.client(index)) {
        _ = try cohort.client(index).reveal(after: proof)
      }
    }
    expect(.tooFewSignatures, 0, Array(proof.prefix(5)))
    expect(.repeatedSigner, 1, Array(proof.prefix(5)) + [proof[4]])
    // Member 8 is not in the sum; its signature is over the right bytes.
    let sharers = cohort.set(0..<9)
    let outsider = AgreementSignature(
      clientID: cohort.ids[8],
      signature: try cohort.identity(8).sign(
        MaskingTranscript.agreement(
          rosterContext: roster.rosterContext, sharers: sharers, survivors: survivors)))
    expect(.signerNotEligible, 2, Array(proof.prefix(5)) + [outsider])
    expect(
      .signerNotEligible, 3,
      Array(proof.prefix(5)) + [AgreementSignature(clientID: 9999, signature: proof[0].signature)])
    var forged = Array(proof.prefix(6))
    forged[2].signature[0] ^= 1
    expect(.badAgreementSignature, 4, forged)
    #expect(throws: Never.self) { try cohort.client(5).reveal(after: Array(proof.prefix(6))) }
    // Revealing happens once.
    #expect(throws: MaskingRefusal.outOfOrder) {
      try cohort.client(5).reveal(after: Array(proof.prefix(6)))
    }
  }

  @Test("signatures over one survivor set do not open another")
  func equivocation() throws {
    let cohort = try MaskedCohort(
      size: 9, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    let roster = try cohort.maskAll()
    // Two halves see different sets: neither gets T = 6 signatures over its own.
    let first = cohort.set(0..<8)
    let second = cohort.set([0, 1, 2, 3, 4, 5, 6, 8])
    var proof: [AgreementSignature] = []
    for index in 0..<4 { proof += try [cohort.client(index).agree(to: first)].compactMap { $0 } }
    for index in [4, 5, 6, 8] {
      proof += try [cohort.client(index).agree(to: second)].compactMap { $0 }
    }
    #expect(roster.parameters.signatureThreshold == 6)
    Roster.expectRefusal(.badAgreementSignature, cohort.client(0)) {
      _ = try cohort.client(0).reveal(after: proof.filter { $0.clientID != cohort.ids[8] })
    }
    Roster.expectRefusal(.tooFewSignatures, cohort.client(1)) {
      _ = try cohort.client(1).reveal(after: Array(proof.prefix(4)))
    }
  }

  @Test("only committee members sign, and only their signatures count")
  func committee() throws {
    let cohort = try MaskedCohort(
      size: 140, policy: MaskingParametersTests.policy("0.02", "0.05", from: 100), dimension: 4)
    let roster = try cohort.maskAll()
    let committee = try #require(roster.committee)
    #expect(committee.count == roster.parameters.committeeSize)
    #expect(committee.count < 140)
    let everyone = cohort.set(cohort.ids.indices)
    let proof = try Self.agreed(cohort, to: everyone)
    #expect(proof.map(\.clientID) == committee.positions.map { cohort.ids[$0] })
    let layman = try #require(cohort.ids.indices.first { !committee.contains($0) })
    let signature = try cohort.identity(layman).sign(
      MaskingTranscript.agreement(
        rosterContext: roster.rosterContext, sharers: everyone, survivors: everyone))
    let withLayman =
      (proof.dropLast() + [AgreementSignature(clientID: cohort.ids[layman], signature: signature)])
      .sorted { $0.clientID < $1.clientID }
    Roster.expectRefusal(.signerNotEligible, cohort.client(0)) {
      _ = try cohort.client(0).reveal(after: withLayman)
    }
    let threshold = roster.parameters.signatureThreshold
    #expect(throws: Never.self) {
      try cohort.client(1).reveal(after: Array(proof.prefix(threshold)))
    }
  }

  @Test("one share of each neighbour is revealed: of its seed or of its mask key, never both")
  func oneShareEach() throws {
    let cohort = try MaskedCohort(
      size: 9, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    let roster = try cohort.roster()
    let bundles = try cohort.deal(roster)
    // Member 7 dealt none: it is no neighbour for anybody from here on.
    let sharers = [0, 1, 2, 3, 4, 5, 6, 8]
    for index in sharers {
      _ = try cohort.client(index).accept(
        cohort.delivery(index, bundles, roster: roster, sharers: sharers))
      _ = try cohort.client(index).mask(
        cohort.update(index), encoding: cohort.encoding, noise: nil)
    }
    let survivors = cohort.set(sharers.dropLast())
    let proof = try Self.agreed(cohort, to: survivors)
    var revealed: [RevealedShares] = []
    for index in sharers.dropLast() {
      let shares = try cohort.client(index).reveal(after: proof)
      #expect(
        shares.shares.map(\.ownerID) == sharers.filter { $0 != index }.map { cohort.ids[$0] })
      revealed.append(shares)
    }
    // What was revealed of member 8 gives its mask key, and of member 0 its seed.
    var table = try SecretTable(rowCount: 1)
    for (owner, isSeed) in [(8, false), (0, true)] {
      let held = revealed.compactMap { message -> (UInt8, [UInt8])? in
        guard let share = message.shares.first(where: { $0.ownerID == cohort.ids[owner] }),
          let holder = roster.position(of: message.clientID),
          let index = roster.neighbours(of: owner).firstIndex(of: holder)
        else { return nil }
        return (UInt8(index + 1), share.share)
      }.prefix(roster.parameters.shamirThreshold)
      ShamirSharing.combine(
        held.map(\.1), coefficients: ShamirSharing.coefficients(points: held.map(\.0)), to: 0,
        of: &table)
      let publicKey = try table.agreementPublicKey(row: 0)
      let commitment = table.hash256(
        prefix: MaskingTranscript.seedCommitment(
          context: cohort.context, clientID: cohort.ids[owner]), row: 0)
      #expect((publicKey == roster.adverts[owner].maskKey) == !isSeed)
      #expect((commitment == bundles[cohort.ids[owner]]?.seedCommitment) == isSeed)
    }
  }

  @Test("a member is told apart from the sum only by T signatures")
  func exclusion() throws {
    let cohort = try MaskedCohort(
      size: 9, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    _ = try cohort.maskAll()
    let survivors = cohort.set(0..<8)
    let proof = try Self.agreed(cohort, to: survivors)
    #expect(cohort.client(8).isExcluded(from: survivors, by: Array(proof.prefix(6))))
    #expect(!cohort.client(8).isExcluded(from: survivors, by: Array(proof.prefix(5))))
    #expect(!cohort.client(8).isExcluded(from: cohort.set(0..<7), by: Array(proof.prefix(6))))
    // Who is in the set is not excluded, whoever signs.
    #expect(!cohort.client(0).isExcluded(from: survivors, by: proof))
    // The answer outlives the client's secrets.
    cohort.client(8).erase()
    #expect(cohort.client(8).isExcluded(from: survivors, by: proof))
  }

  @Test("an update is masked once, and bad ones end the client")
  func maskOnce() throws {
    let cohort = try MaskedCohort(
      size: 8, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    let roster = try cohort.roster()
    let bundles = try cohort.deal(roster)
    func hold(_ index: Int) throws -> MaskingClient {
      let client = cohort.client(index)
      _ = try client.accept(
        cohort.delivery(index, bundles, roster: roster, sharers: cohort.ids.indices))
      return client
    }
    let client = try hold(0)
    _ = try client.mask(cohort.update(0), encoding: cohort.encoding, noise: nil)
    Roster.expectRefusal(.outOfOrder, client) {
      _ = try client.mask(cohort.update(1), encoding: cohort.encoding, noise: nil)
    }
    let short = try hold(1)
    Roster.expectRefusal(.wrongLength, short) {
      _ = try short.mask([1], encoding: cohort.encoding, noise: nil)
    }
    let infinite = try hold(2)
    Roster.expectRefusal(.nonFinite, infinite) {
      _ = try infinite.mask(
        [Float](repeating: .infinity, count: 8), encoding: cohort.encoding, noise: nil)
    }
  }
}
