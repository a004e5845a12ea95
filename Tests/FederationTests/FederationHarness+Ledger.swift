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

  /// `RoundClosed` as the coordinator would sign it, under the newest checkpoint.
  func closed(_ round: UInt64, _ outcome: RoundClosed.Outcome) throws -> RoundClosed {
    var closed = RoundClosed(
      round: round, outcome: outcome, modelHash: [UInt8](repeating: 0, count: 32),
      checkpoint: try storage.checkpointText(), reason: "", signature: [])
    closed.signature = try keys.coordinator.sign(closed.signedBytes)
    return closed
  }
}
