import Cryptography
import Ledger
import Testing

@Suite struct ObservedLedgerTests {
  /// Every checkpoint that a coordinator could have signed while it wrote `text`.
  private func checkpoints(_ text: LedgerText) throws -> [Checkpoint] {
    var state = try LedgerState(genesis: LedgerEntry(decoding: text.lines[0], at: 0))
    var checkpoints = [try Checkpoint(signing: state, with: text.fixture.signingKey)]
    for index in 1..<text.lines.count {
      try state.apply(LedgerEntry(decoding: text.lines[index], at: index))
      checkpoints.append(try Checkpoint(signing: state, with: text.fixture.signingKey))
    }
    return checkpoints
  }

  private func observer(_ text: LedgerText, at checkpoint: Checkpoint? = nil) -> ObservedLedger {
    ObservedLedger(
      ledgerID: text.fixture.ledgerID, coordinatorKey: text.fixture.signingKey.verifyingKey,
      checkpoint: checkpoint)
  }

  private func receipt(_ text: LedgerText, of index: Int) throws -> LedgerReceipt {
    LedgerReceipt(
      line: text.lines[index], index: index, tree: MerkleTree(lines: text.lines),
      checkpoint: try text.checkpoint())
  }

  @Test("a ledger is followed from any checkpoint to any later one, and never back")
  func followed() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let tree = MerkleTree(lines: text.lines)
    let all = try checkpoints(text)
    for held in all {
      for shown in all {
        var observed = observer(text, at: held)
        guard shown.size >= held.size else {
          let proof = ConsistencyProof(path: [])
          #expect(
            throws: LedgerError.rolledBack(heldSize: held.size, shownSize: shown.size)
          ) { try observed.accept(shown, proof: proof) }
          #expect(observed.checkpoint == held)
          continue
        }
        let proof = tree.consistencyProof(from: held.size, to: shown.size)
        try observed.accept(shown, proof: proof)
        #expect(observed.checkpoint == shown)
      }
    }
  }

  @Test("a second view of the ledger is refused wherever it forks, whatever proof comes with it")
  func splitView() throws {
    let fixture = try LedgerFixture()
    let one = try LedgerText.sample(fixture)
    var other = try LedgerText(fixture)
    for _ in 0..<4 { try other.appendReleasedRound() }
    let (mine, theirs) = (try checkpoints(one), try checkpoints(other))
    let trees = [MerkleTree(lines: one.lines), MerkleTree(lines: other.lines)]
    // The views share GENESIS, OFFER, CHARGE and RELEASE of round 1.
    let shared = 4
    #expect(one.lines[..<shared] == other.lines[..<shared] && one.lines[4] == other.lines[4])
    for held in mine where held.size > shared + 1 {
      for shown in theirs where shown.size >= held.size {
        for tree in trees where shown.size <= tree.size {
          var observed = observer(one, at: held)
          let proof = tree.consistencyProof(from: held.size, to: shown.size)
          let error = #expect(throws: LedgerError.self) { try observed.accept(shown, proof: proof) }
          guard case .splitView(held.size, shown.size, _) = error else {
            Issue.record("\(held.size) to \(shown.size): \(String(describing: error))")
            continue
          }
          #expect(observed.checkpoint == held)
        }
      }
    }
  }

  @Test("a checkpoint of another signer is refused before its proof is looked at") func signer()
    throws
  {
    let text = try LedgerText.sample(LedgerFixture())
    let stranger = try LedgerText.sample(LedgerFixture(seed: 8))
    var observed = observer(text)
    let error = #expect(throws: LedgerError.self) {
      try observed.accept(stranger.checkpoint(), proof: ConsistencyProof(path: []))
    }
    guard case .checkpointRefused = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("an offer must be the public one: model, catalogue, policy and round") func offer() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let observed = observer(text, at: try text.checkpoint())
    let receipt = try receipt(text, of: 4)
    let (model, catalogue) = (SHA256Digest(hashing: [1]), SHA256Digest(hashing: [2]))
    let (policy, other) = (text.state.genesis.policyHash, SHA256Digest(hashing: [9]))
    func check(
      _ round: UInt64, _ model: SHA256Digest, _ catalogue: SHA256Digest, _ policy: SHA256Digest
    ) throws -> OfferRecord {
      try observed.offer(
        provenBy: receipt, round: round, modelHash: model, catalogueHash: catalogue,
        policyHash: policy)
    }
    #expect(try check(2, model, catalogue, policy).round == 2)
    #expect(throws: LedgerError.roundMismatch(entry: 4, round: 2, open: 1)) {
      try check(1, model, catalogue, policy)
    }
    let wrong = [
      ("model_in", other, catalogue, policy), ("catalogue_hash", model, other, policy),
      ("policy_hash", model, catalogue, other),
    ]
    for (field, model, catalogue, policy) in wrong {
      let error = #expect(throws: LedgerError.self) { try check(2, model, catalogue, policy) }
      guard case .mismatch(4, field, _, _) = error else {
        Issue.record("\(field): \(String(describing: error))")
        continue
      }
    }
  }

  @Test("a round has ended by RELEASE, VOID or BURNED of that round, by nothing else")
  func outcome() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let observed = observer(text, at: try text.checkpoint())
    let ends: [Int: (UInt64, LedgerRecordKind)] = [
      3: (1, .release), 5: (2, .void), 8: (3, .burned),
    ]
    for index in text.lines.indices {
      let receipt = try receipt(text, of: index)
      guard let (round, kind) = ends[index] else {
        #expect(throws: LedgerError.self) {
          try observed.outcome(provenBy: receipt, of: receipt.verifiedRound(of: text) ?? 1)
        }
        continue
      }
      #expect(try observed.outcome(provenBy: receipt, of: round) == kind)
      #expect(throws: LedgerError.roundMismatch(entry: index, round: round, open: round + 1)) {
        try observed.outcome(provenBy: receipt, of: round + 1)
      }
    }
  }

  @Test("a charge is proven by its own entry only") func charge() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let observed = observer(text, at: try text.checkpoint())
    #expect(try observed.charge(provenBy: receipt(text, of: 2), round: 1).round == 1)
    #expect(throws: LedgerError.self) {
      try observed.charge(provenBy: receipt(text, of: 7), round: 1)
    }
    #expect(throws: LedgerError.self) {
      try observed.charge(provenBy: receipt(text, of: 3), round: 1)
    }
  }

  @Test("a receipt counts only under the checkpoint that was accepted") func unacceptedCheckpoint()
    throws
  {
    let text = try LedgerText.sample(LedgerFixture())
    let receipt = try receipt(text, of: 3)
    let older = try checkpoints(text)[6]
    for held in [nil, older] {
      let error = #expect(throws: LedgerError.self) {
        try observer(text, at: held).outcome(provenBy: receipt, of: 1)
      }
      guard case .checkpointRefused = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }
}

extension LedgerReceipt {
  fileprivate func verifiedRound(of text: LedgerText) throws -> UInt64? {
    try verify(
      ledgerID: text.fixture.ledgerID, key: text.fixture.signingKey.verifyingKey
    ).record.round
  }
}
