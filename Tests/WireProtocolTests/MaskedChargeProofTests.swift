import Ledger
import Privacy
import SecureAggregation
import Testing
import WireProtocol

/// A coordinator that shows a member another charge, or another ledger, than it has (ruling 11).
@Suite("Proof of a masked round's charge")
struct MaskedChargeProofTests {
  /// Runs a round in which the proof that member 2 sees is `change` of the true one.
  private func proofRefusal(
    _ change: @escaping (MaskedRoundHarness, inout Proof) throws -> Void
  ) throws -> String? {
    try MaskedRoundHarness.refusal { harness, message in
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
      let name = try MaskedRoundHarness.refusal(
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
}
