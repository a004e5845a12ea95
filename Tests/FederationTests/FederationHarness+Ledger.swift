import CanonicalJSON
import Cryptography
import Federation
import Ledger
import Privacy
import WireProtocol

/// The ledger of the harness, shown and continued by a test that plays the coordinator.
extension FederationHarness {
  /// What a coordinator shows customer `index`: the newest checkpoint, and these entries.
  func shown(_ indices: [Int], to index: Int) throws -> LedgerShown {
    let held = customers[index].device.newestCheckpoint()?.size ?? 0
    return LedgerShown(
      heldSize: UInt64(held), checkpoint: try storage.checkpointText(),
      consistency: try storage.consistencyProof(from: held)?.bytes ?? [],
      entries: try indices.map { index in
        let receipt = try storage.receipt(of: index)
        return .init(index: UInt64(index), line: receipt.line, path: receipt.proof.pathBytes)
      })
  }

  /// Writes `offer` down, unless that was done, and proves it to a customer.
  func prove(_ offer: Offer, to index: Int) throws {
    if storage.ledgerState.lastRound < offer.round {
      _ = try storage.append(
        .offer(
          OfferRecord(
            round: offer.round, planIndex: Int(offer.planIndex),
            stage: policy.plan[Int(offer.planIndex)].stage, mode: policy.mode,
            modelIn: try SHA256Digest(bytes: offer.modelHash),
            catalogueHash: try SHA256Digest(bytes: offer.catalogueHash),
            policyHash: try SHA256Digest(bytes: offer.policyHash),
            deadlineSeconds: Int(offer.deadlineSeconds))))
    }
    let entry = storage.records.lastIndex { $0.kind == .offer && $0.round == offer.round }
    try deliver(.ledgerShown(shown([entry ?? 0], to: index)), to: index)
  }

  /// Ends the round of `offer`, which is written down and open, and returns the entries that prove it.
  func end(
    _ offer: Offer, _ outcome: RoundClosed.Outcome, scale: UInt64? = nil
  ) throws -> [Int] {
    guard outcome != .void else {
      return [try storage.append(.void(VoidRecord(round: offer.round, reason: "quorum"))).index]
    }
    var charged = offer
    if let scale { charged.noiseScale = scale }
    let charge = try storage.append(
      .charge(ChargeRecord(offer: charged, policy: policy, parameters: nil, rng: .system))
    ).index
    let end: LedgerRecord =
      outcome == .burned
      ? .burned(BurnedRecord(round: offer.round, chargeIndex: charge))
      : .release(
        ReleaseRecord(
          round: offer.round, chargeIndex: charge, modelOut: SHA256Digest(hashing: [7]),
          claims: storage.ledgerState.claims))
    return [charge, try storage.append(end).index]
  }

  /// What the tests of the ledger's rules agree to.
  static let policyTerms = (mode: "sealed", minimumCohort: 4)

  /// What a coordinator shows that writes down what no rule of a ledger admits: the ledger as it is, or the lines given,
  /// and these records behind it.
  func forged(
    _ records: [LedgerRecord], after lines: [[UInt8]]? = nil, to index: Int
  ) throws -> (shown: LedgerShown, lines: [[UInt8]]) {
    var lines = lines ?? storage.lines
    let entries = lines.count..<lines.count + records.count
    for record in records {
      let previous = MerkleHash.leaf(lines[lines.count - 1])
      lines.append(try LedgerEntry(index: lines.count, previous: previous, record: record).line)
    }
    let tree = MerkleTree(lines: lines)
    let honest = try Checkpoint(parsing: storage.checkpointText())
    let root = Base64.encode(tree.root(ofSize: tree.size).bytes)
    let body = "\(honest.origin)\n\(tree.size)\n\(root)\n"
    let signature = try keys.coordinator.sign(Array(body.utf8))
    let note = Base64.encode(honest.signatures[0].keyHash + signature)
    let held = customers[index].device.newestCheckpoint()?.size ?? 0
    let shown = LedgerShown(
      heldSize: UInt64(held),
      checkpoint: Array("\(body)\n\u{2014} \(honest.origin) \(note)\n".utf8),
      consistency: tree.consistencyProof(from: held, to: tree.size).bytes,
      entries: entries.map { entry in
        .init(
          index: UInt64(entry), line: lines[entry],
          path: tree.inclusionProof(of: entry, inTreeOfSize: tree.size).pathBytes)
      })
    return (shown, lines)
  }

  /// As `forged`, with CHARGE and RELEASE of `offer` in this mode and for so many contributions.
  func forged(
    chargeOf offer: Offer, mode: String, cohortMinimum: Int, to index: Int
  ) throws -> (shown: LedgerShown, closed: RoundClosed) {
    let planned = policy.plan[Int(offer.planIndex)]
    let records: [LedgerRecord] = [
      .charge(
        ChargeRecord(
          round: offer.round, noiseMultiplier: planned.noiseMultiplier, clipNorm: planned.clipNorm,
          scale: offer.noiseScale,
          sensitivity: try policy.sensitivity(
            ofPlanned: Int(offer.planIndex), fractionBits: Int(offer.fractionBits)),
          fractionBits: Int(offer.fractionBits), dimension: Int(offer.dimension), mode: mode,
          relation: policy.relation, unit: policy.unit, cohortMinimum: cohortMinimum, rng: .system)),
      .release(
        ReleaseRecord(
          round: offer.round, chargeIndex: storage.lines.count,
          modelOut: SHA256Digest(hashing: [7]),
          claims: SpendClaims(epsilonAfter: "8", muSquaredAfter: "8"))),
    ]
    let shown = try forged(records, to: index).shown
    return (shown, try closed(offer.round, .released, checkpoint: shown.checkpoint))
  }

  /// `RoundClosed` as the coordinator would sign it, under the newest checkpoint.
  func closed(
    _ round: UInt64, _ outcome: RoundClosed.Outcome, checkpoint: [UInt8]? = nil
  ) throws -> RoundClosed {
    var closed = RoundClosed(
      round: round, outcome: outcome, modelHash: [UInt8](repeating: 0, count: 32),
      checkpoint: try checkpoint ?? storage.checkpointText(), reason: "", signature: [])
    closed.signature = try keys.coordinator.sign(closed.signedBytes)
    return closed
  }
}
