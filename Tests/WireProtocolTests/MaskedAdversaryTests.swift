import SecureAggregation
import Testing
import WireProtocol

/// A coordinator that breaks the rules: each breach is refused by the member with its name. What it
/// says of the members is in `MaskedRosterAdversaryTests`, what it says of the ledger in
/// `MaskedChargeProofTests`.
@Suite("Masked round against a malicious coordinator")
struct MaskedAdversaryTests {
  @Test("an honest coordinator is refused by nobody")
  func honest() throws {
    #expect(try MaskedRoundHarness.refusal { _, message in [message] } == nil)
  }

  @Test("a second, different delivery of shares is refused; the same again is not")
  func secondDelivery() throws {
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .deliver(var deliver) = message else { return [message] }
        deliver.shares.removeLast()
        return [message, .deliver(deliver)]
      } == "second-delivery")
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        message.kind == .deliver ? [message, message] : [message]
      } == nil)
  }

  @Test("two survivor sets are refused, before and after the first was signed")
  func twoSurvivorSets() throws {
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .survivors(var survivors) = message else { return [message] }
        survivors.survivors[0] &= 0b01_1111
        return [message, .survivors(survivors)]
      } == "second-survivor-set")
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .survivors(let survivors) = message else { return [message] }
        return [message, .survivors(survivors)]
      } == nil)
  }

  @Test("too small a survivor set, bits beyond the roster, and strangers to U2 are refused")
  func badSurvivors() throws {
    func refusal(of set: UInt8) throws -> String? {
      try MaskedRoundHarness.refusal { _, message in
        guard case .survivors(var survivors) = message else { return [message] }
        survivors.survivors = [set]
        return [.survivors(survivors)]
      }
    }
    #expect(try refusal(of: 0b00_0111) == "too-few-survivors")
    #expect(try refusal(of: 0b1011_1111) == "malformed")
    #expect(try refusal(of: 0b00_1111) == "too-few-surviving-neighbours")
  }

  @Test("no share is revealed without T signatures over the set that this member signed")
  func fewSignatures() throws {
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .proof(var proof) = message else { return [message] }
        proof.signatures.removeLast()
        return [.proof(proof)]
      } == "too-few-signatures")
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .proof(var proof) = message else { return [message] }
        proof.signatures[1] = proof.signatures[0]
        return [.proof(proof)]
      } == "repeated-signer")
    #expect(
      try MaskedRoundHarness.refusal { _, message in
        guard case .proof(var proof) = message else { return [message] }
        proof.signatures[0].signature[3] ^= 1
        return [.proof(proof)]
      } == "bad-agreement-signature")
  }

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
      try MaskedRoundHarness.refusal { _, message in
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
