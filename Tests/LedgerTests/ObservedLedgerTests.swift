import Cryptography
import Ledger
import Privacy
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

  @Test("of one statement under many signatures the first stays, and receipts are under it")
  func signedAgain() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let held = try text.checkpoint()
    var observed = observer(text, at: held)
    let seed = [UInt8](repeating: 7, count: SigningKey.seedByteCount)
    let again = try held.signedAgain(seed: seed, nonce: 5)
    #expect(again != held && again.isSameTree(as: held))
    try again.verify(ledgerID: text.fixture.ledgerID, key: text.fixture.signingKey.verifyingKey)
    #expect(try observed.accept(again, proof: ConsistencyProof(path: [])) == held)
    #expect(observed.checkpoint == held)
    try observed.take(receipt(text, of: 2))
    // By anybody else it is no statement.
    let stranger = try held.signedAgain(seed: [UInt8](repeating: 8, count: 32), nonce: 5)
    #expect(throws: LedgerError.self) {
      try observed.accept(stranger, proof: ConsistencyProof(path: []))
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
          #expect(observed.checkpoint == held)
          // Two roots of one size contradict each other; between two sizes only the proof is missing.
          switch error {
          case .splitView(held.size) where held.size == shown.size: continue
          case .extensionNotProven(held.size, shown.size, _) where held.size < shown.size: continue
          default: Issue.record("\(held.size) to \(shown.size): \(String(describing: error))")
          }
        }
      }
    }
  }

  @Test("an honest ledger whose proof is lost or damaged is not said to be two")
  func proofLost() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let all = try checkpoints(text)
    let tree = MerkleTree(lines: text.lines)
    let (held, shown) = (all[3], all[all.count - 1])
    let proof = tree.consistencyProof(from: held.size, to: shown.size)
    for path in [[], Array(proof.path.dropLast()), Array(proof.path.reversed())] {
      var observed = observer(text, at: held)
      let error = #expect(throws: LedgerError.self) {
        try observed.accept(shown, proof: ConsistencyProof(path: path))
      }
      guard case .extensionNotProven(held.size, shown.size, _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      try observed.accept(shown, proof: proof)
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

  @Test("an offer must be the public one, field by field") func offer() throws {
    let text = try LedgerText.sample(LedgerFixture())
    var observed = observer(text, at: try text.checkpoint())
    let policy = text.state.genesis.policyHash
    let (model, catalogue, other) = (
      SHA256Digest(hashing: [1]), SHA256Digest(hashing: [2]), SHA256Digest(hashing: [9])
    )
    func offer(
      round: UInt64 = 2, plan: Int = 1, stage: String = "gram", mode: String = "sealed",
      model: SHA256Digest = model, catalogue: SHA256Digest = catalogue,
      policy: SHA256Digest = policy, deadline: Int = 60
    ) -> OfferRecord {
      OfferRecord(
        round: round, planIndex: plan, stage: stage, mode: mode, modelIn: model,
        catalogueHash: catalogue, policyHash: policy, deadlineSeconds: deadline)
    }
    #expect(throws: LedgerError.notProven(round: 2, kind: "offer")) {
      try observed.requireOffer(offer())
    }
    try observed.take(receipt(text, of: 4))
    try observed.requireOffer(offer())
    #expect(throws: LedgerError.notProven(round: 3, kind: "offer")) {
      try observed.requireOffer(offer(round: 3))
    }
    let wrong = [
      ("plan_index", offer(plan: 0)), ("stage", offer(stage: "popularity")),
      ("mode", offer(mode: "secagg")), ("model_in", offer(model: other)),
      ("catalogue_hash", offer(catalogue: other)), ("policy_hash", offer(policy: other)),
      ("deadline_seconds", offer(deadline: 61)),
    ]
    for (field, record) in wrong {
      let error = #expect(throws: LedgerError.self) { try observed.requireOffer(record) }
      guard case .mismatch(4, field, _, _) = error else {
        Issue.record("\(field): \(String(describing: error))")
        continue
      }
    }
  }

  @Test("a round has ended by RELEASE, VOID or BURNED of that round, with the CHARGE that it names")
  func outcome() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let ends: [(UInt64, [Int], LedgerRecordKind)] = [
      (1, [2, 3], .release), (2, [5], .void), (3, [7, 8], .burned),
    ]
    for (round, indices, kind) in ends {
      var observed = observer(text, at: try text.checkpoint())
      #expect(throws: LedgerError.notProven(round: round, kind: "release, void or burned")) {
        try observed.outcome(of: round)
      }
      if indices.count == 2 {
        try observed.take(receipt(text, of: indices[1]))
        #expect(throws: LedgerError.notProven(round: round, kind: "charge")) {
          try observed.outcome(of: round)
        }
      }
      for index in indices { try observed.take(receipt(text, of: index)) }
      let outcome = try observed.outcome(of: round)
      #expect(outcome.record.kind == kind && outcome.charge?.round == (kind == .void ? nil : round))
      #expect(throws: LedgerError.self) { try observed.outcome(of: round + 1) }
      // What is proven under one checkpoint is no proof under the next.
      try observed.accept(text.checkpoint(), proof: ConsistencyProof(path: []))
      #expect(throws: LedgerError.self) { try observed.outcome(of: round) }
    }
    var observed = observer(text, at: try text.checkpoint())
    #expect(throws: LedgerError.self) { try observed.take(receipt(text, of: 0)) }
  }

  @Test("a receipt counts only under the checkpoint that was accepted, at its own place")
  func unacceptedCheckpoint() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let receipt = try receipt(text, of: 3)
    let older = try checkpoints(text)[6]
    for held in [nil, older] {
      var observed = observer(text, at: held)
      let error = #expect(throws: LedgerError.self) { try observed.take(receipt) }
      guard case .checkpointRefused = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    var observed = observer(text, at: try text.checkpoint())
    let moved = LedgerReceipt(
      line: text.lines[2], proof: receipt.proof, checkpoint: receipt.checkpoint)
    #expect(throws: LedgerError.self) { try observed.take(moved) }
  }

  @Test(
    "what is proven to be charged adds up; a RELEASE may say more, and lies if it says less"
  )
  func spend() throws {
    let fixture = try LedgerFixture()
    var text = try LedgerText(fixture)
    for _ in 0..<4 { try text.appendReleasedRound() }
    var (whole, late) = (
      observer(text, at: try text.checkpoint()), observer(text, at: try text.checkpoint())
    )
    for index in [2, 3, 5, 6, 8, 9, 11, 12] { try whole.take(receipt(text, of: index)) }
    #expect(whole.spend.muSquared == text.state.filter.spent && whole.spend.chargeCount == 4)
    // It was away for three rounds: the claim of the fourth stands for them.
    for index in [11, 12] { #expect(try late.take(receipt(text, of: index)).isKept) }
    let missed = text.state.filter.spentMuSquared - late.spend.muSquared.doubleValue
    #expect(abs(missed) < 1e-12)
    // Shown again, nothing counts or is kept twice.
    for index in [11, 12] { #expect(try !late.take(receipt(text, of: index)).isKept) }
    #expect(late.spend.chargeCount == 1 && abs(missed) < 1e-12)

    var spend = ProvenSpend()
    try spend.add(LedgerEntry(decoding: text.lines[2], at: 2))
    guard case .release(let release) = try LedgerEntry(decoding: text.lines[3], at: 3).record else {
      return
    }
    let lie = ReleaseRecord(
      round: 1, chargeIndex: 2, modelOut: release.modelOut,
      claims: SpendClaims(epsilonAfter: "0.1", muSquaredAfter: "0.01"))
    let entry = try LedgerEntry(
      index: 3, previous: SHA256Digest(hashing: []), record: .release(lie))
    let error = #expect(throws: LedgerError.self) { try spend.add(entry) }
    guard case .falseClaim(3, "mu_squared_after", _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("what is spent depends on which entries are proven, not on the order in which they are")
  func orderOfProofs() throws {
    var text = try LedgerText(LedgerFixture())
    for _ in 0..<4 { try text.appendReleasedRound() }
    func spend(_ indices: [Int]) throws -> ProvenSpend {
      var spend = ProvenSpend()
      for index in indices {
        try spend.add(LedgerEntry(decoding: text.lines[index], at: index))
      }
      return spend
    }
    let inOrder = try spend([2, 11, 12])
    #expect(inOrder.chargeCount == 2)
    for indices in [[11, 12, 2], [12, 11, 2], [2, 12, 11], [11, 2, 12, 11, 2]] {
      #expect(try spend(indices) == inOrder, "\(indices)")
    }
    // The charge alone, without a claim that stands for what was not shown.
    let charges = [2, 5, 8, 11]
    #expect(try spend(charges.reversed()).muSquared == text.state.filter.spent)
    #expect(try spend(charges.reversed()) == spend(charges))

    var observed = observer(text, at: try text.checkpoint())
    for index in [11, 12, 2] { try observed.take(receipt(text, of: index)) }
    #expect(observed.spend == inOrder)
  }

  @Test("a RELEASE that said too little is found by the late proof of a charge before it")
  func lateCharge() throws {
    var text = try LedgerText(LedgerFixture())
    for _ in 0..<4 { try text.appendReleasedRound() }
    var spend = ProvenSpend()
    try spend.add(LedgerEntry(decoding: text.lines[11], at: 11))
    let ofLast = spend.muSquared.doubleValue
    let lie = ReleaseRecord(
      round: 4, chargeIndex: 11, modelOut: SHA256Digest(hashing: [3]),
      claims: SpendClaims(epsilonAfter: "1", muSquaredAfter: "\(1.01 * ofLast)"))
    try spend.add(
      LedgerEntry(index: 12, previous: SHA256Digest(hashing: []), record: .release(lie)))
    let before = spend
    let error = #expect(throws: LedgerError.self) {
      try spend.add(LedgerEntry(decoding: text.lines[2], at: 2))
    }
    guard case .falseClaim(12, "mu_squared_after", _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(spend == before)
  }

  /// Lines behind those of `text`, which no rule of a ledger admits.
  private func following(_ text: LedgerText, _ records: [LedgerRecord]) throws -> [LedgerReceipt] {
    var lines = text.lines
    for record in records {
      let previous = MerkleHash.leaf(lines[lines.count - 1])
      lines.append(try LedgerEntry(index: lines.count, previous: previous, record: record).line)
    }
    let tree = MerkleTree(lines: lines)
    let honest = try text.checkpoint()
    let root = Base64.encode(tree.root(ofSize: tree.size).bytes)
    let body = "\(honest.origin)\n\(tree.size)\n\(root)\n"
    let signature = try text.fixture.signingKey.sign(Array(body.utf8))
    let note = Base64.encode(honest.signatures[0].keyHash + signature)
    let checkpoint = try Checkpoint(
      parsing: Array("\(body)\n\u{2014} \(honest.origin) \(note)\n".utf8))
    return lines.indices.map { index in
      LedgerReceipt(
        line: lines[index],
        proof: tree.inclusionProof(of: index, inTreeOfSize: tree.size), checkpoint: checkpoint)
    }
  }

  @Test("a round has one charge and one end; what says otherwise names what is kept")
  func contradiction() throws {
    let text = try LedgerText.sample(LedgerFixture())
    let size = text.lines.count
    guard case .charge(let charge) = try LedgerEntry(decoding: text.lines[2], at: 2).record,
      case .release(let release) = try LedgerEntry(decoding: text.lines[3], at: 3).record
    else {
      Issue.record("the sample begins otherwise")
      return
    }
    // Round 1 of the sample is released by entries 2 and 3, round 2 void by entry 5.
    let lies: [(record: LedgerRecord, kept: [Int], round: UInt64)] = [
      (.charge(charge), [2], 1), (.release(release), [3], 1), (.release(release), [2, 3], 1),
      (.void(VoidRecord(round: 1, reason: "quorum")), [2], 1),
      (.void(VoidRecord(round: 1, reason: "quorum")), [3], 1),
      (.burned(BurnedRecord(round: 1, chargeIndex: 2)), [2, 3], 1),
      (.void(VoidRecord(round: 2, reason: "again")), [5], 2),
      (.burned(BurnedRecord(round: 2, chargeIndex: 2)), [5], 2),
    ]
    for (record, kept, round) in lies {
      let receipts = try following(text, [record])
      for isRestored in [false, true] {
        var observed = observer(text, at: receipts[0].checkpoint)
        for index in kept {
          let taken = try observed.take(receipts[index], unsettled: [round])
          #expect(taken.isKept)
        }
        if isRestored {
          observed = observer(text, at: receipts[0].checkpoint)
          for index in kept {
            try observed.restore(LedgerEntry(decoding: receipts[index].line, at: index))
          }
        }
        for index in kept { try observed.take(receipts[index], unsettled: [round]) }
        let error = #expect(throws: LedgerError.self) {
          try observed.take(receipts[size], unsettled: [round])
        }
        guard case .contradiction(round, size, let held) = error, kept.contains(held) else {
          Issue.record("\(record) after \(kept): \(String(describing: error))")
          continue
        }
      }
    }
    // The charge that comes after: of a round of others nothing is kept that it could contradict.
    let receipts = try following(text, [.void(VoidRecord(round: 1, reason: "quorum"))])
    for isOwn in [false, true] {
      var observed = observer(text, at: receipts[0].checkpoint)
      let unsettled: Set<UInt64> = isOwn ? [1] : []
      #expect(try observed.take(receipts[size], unsettled: unsettled).isKept == isOwn)
      if isOwn {
        #expect(throws: LedgerError.contradiction(round: 1, entry: 2, held: size)) {
          try observed.take(receipts[2], unsettled: unsettled)
        }
      } else {
        #expect(try observed.take(receipts[2]).isKept)
      }
    }
  }
}
