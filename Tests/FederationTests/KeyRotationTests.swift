import Cryptography
import Federation
import Ledger
import Privacy
import Testing
import WireProtocol

/// A coordinator that replaces its key, and devices that know only the old one.
@Suite("A coordinator whose key changes")
struct KeyRotationTests {
  static let modes = ["sealed", "secagg", "secagg-ddp"]

  private func harness(mode: String = "sealed", trainings: Int = 2) throws -> FederationHarness {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(minimumCohort: 4, targetCohort: 5, mode: mode),
      settings: CoordinatorSettings(trainings: trainings, gatherSeconds: 1, phaseSeconds: 20))
    try harness.enrolEveryone(count: 5)
    return harness
  }

  private func connectAll(_ harness: FederationHarness) throws {
    for index in harness.customers.indices { try harness.connect(index) }
    try harness.pump()
  }

  private func key(_ number: UInt8) throws -> SigningKey {
    try FederationHarness.signingKey(number)
  }

  private func failure(_ harness: FederationHarness, of index: Int = 0) -> FederationError? {
    harness.customers[index].failure as? FederationError
  }

  @Test(
    "a device that was away follows by a proof, and rounds go on under all rules", arguments: modes)
  func follows(mode: String) throws {
    let harness = try harness(mode: mode)
    let old = harness.keys.coordinator
    try harness.runUntilOffer(of: 1)
    try harness.pump { harness.customers[1].notes.contains(.contributed(round: 1)) }
    // Customer 0 hears neither how the round ended nor of the key.
    try harness.lose(0)
    for _ in 0..<100 where harness.storage.ledgerState.phase != .idle {
      try harness.tick()
      try harness.pump()
    }
    try harness.rotateKey(to: key(50))
    try connectAll(harness)
    for customer in harness.customers {
      #expect(customer.failure == nil)
      #expect(customer.keysShown.map(\.changes.count) == [1])
      let note = try #require(customer.device.newestCheckpoint())
      try Checkpoint(parsing: note.text).verify(
        ledgerID: LedgerID(bytes: FederationHarness.ledgerID), key: key(50).verifyingKey)
      #expect(customer.device.refusals.isEmpty)
    }
    // R9 holds across it: what the device journalled under the old key is settled under the new one.
    #expect(harness.customers[0].device.unsettledRounds().isEmpty)
    try harness.run()
    #expect(harness.finished == .planComplete)
    #expect(harness.storage.ledgerState.rounds.released == 2)
    #expect(harness.customers.allSatisfy { $0.failure == nil })
    #expect(harness.customers.count { $0.device.outcome(of: 2) == .released } >= 4)
    // The evidence that it keeps holds for whoever knows the old key only.
    let kept = try harness.customers[0].device.receipts().map(LedgerReceipt.init(parsing:))
    let handover = try #require(
      try kept.first { receipt in
        try LedgerEntry(decoding: receipt.line, at: receipt.proof.index).record.kind == .key
      })
    let (_, change) = try handover.handover(
      ledgerID: LedgerID(bytes: FederationHarness.ledgerID), from: old.verifyingKey)
    #expect(change.nextKey == (try key(50).verifyingKey))
    // Another process on the same device knows the key already.
    try harness.restartCustomer(0)
    try harness.connect(0)
    try harness.pump()
    #expect(harness.customers[0].failure == nil)
    #expect(harness.customers[0].keysShown.count == 1)
  }

  @Test("a device that missed many changes follows them all, in as many questions as it takes")
  func manyChanges() throws {
    let harness = try harness()
    let count = KeysShown.maximumChanges + 3
    for number in 1...count { try harness.rotateKey(to: key(UInt8(100 + number))) }
    try connectAll(harness)
    #expect(harness.customers.allSatisfy { $0.failure == nil })
    #expect(
      harness.customers[0].keysShown.map(\.changes.count) == [KeysShown.maximumChanges, 3])
    try harness.run()
    #expect(harness.storage.ledgerState.rounds.released == 2)
  }

  @Test("a token that names the old key still admits, and the device pins the new one")
  func oldToken() throws {
    let harness = try harness()
    let token = try harness.token(6)
    try harness.rotateKey(to: key(50))
    let index = try harness.addCustomer()
    #expect(token.address.coordinatorKey != harness.keys.coordinator.verifyingKey.bytes)
    try harness.connect(index)
    try harness.pump()
    #expect(harness.customers[index].failure == nil)
    #expect(harness.customers[index].keysShown.count == 1)
    let enrolment = try #require(harness.customers[index].enrolments.last)
    #expect(enrolment.coordinatorKey == harness.keys.coordinator.verifyingKey)
    // Its next process, and the change after that.
    try harness.restartCustomer(index)
    try harness.rotateKey(to: key(51))
    try harness.connect(index)
    try harness.pump()
    #expect(harness.customers[index].failure == nil)
    #expect(harness.customers[index].keysShown.map(\.changes.count) == [1, 1])
  }

  // MARK: - What is refused

  @Test("a key without a KEY entry is nobody's") func skippedEntry() throws {
    let harness = try harness()
    let held = harness.customers[0].device.newestCheckpoint()
    harness.storage.sign(with: try key(50))
    try harness.restart(with: key(50))
    try harness.connect(0)
    try harness.pump()
    guard case .wrongCoordinator? = failure(harness) else {
      Issue.record("\(String(describing: harness.customers[0].failure))")
      return
    }
    #expect(harness.customers[0].device.newestCheckpoint() == held)
    #expect(harness.connectedMembers == 0)
  }

  @Test("a change that the old key did not agree to is refused, listed, and changes nothing")
  func notAgreed() throws {
    for signers in 0..<4 {
      let harness = try harness()
      let held = harness.customers[0].device.newestCheckpoint()
      let (next, thief) = (try key(50), try key(60))
      try harness.rotateKey(to: next) { state, previous in
        switch signers {
        case 0: try Checkpoint(signing: state, with: next)
        case 1: try Checkpoint(signing: state, with: next, after: thief)
        case 2: try Checkpoint(signing: state, with: previous)
        default: try Checkpoint(signing: state, with: thief, after: previous)
        }
      }
      try harness.connect(0)
      try harness.pump()
      guard case .keyNotProven? = failure(harness) else {
        Issue.record("\(signers): \(String(describing: harness.customers[0].failure))")
        continue
      }
      let device = harness.customers[0].device
      #expect(device.newestCheckpoint() == held && device.receipts().isEmpty)
      #expect(device.refusals.count == 1)
      #expect(harness.connectedMembers == 0)
    }
  }

  @Test("of two changes neither can be left out, nor shown in another place")
  func changedProof() throws {
    typealias Refusal = (FederationHarness) throws -> FederationError
    let known = try key(1).verifyingKey
    let anotherKey: Refusal = { _ in
      .keyNotProven(
        "\(LedgerError.checkpointRefused(problem: "it names another key than \(known)"))")
    }
    // GENESIS, OFFER and VOID come before the two changes; `moved` are the lines that the lie speaks of.
    func wrongRoot(_ moved: @escaping (inout [[UInt8]]) -> Void) -> Refusal {
      { harness in
        let lines = harness.storage.lines
        var others = lines
        moved(&others)
        let (found, signed) = (
          MerkleTree(lines: others).root(ofSize: 4), MerkleTree(lines: lines).root(ofSize: 4)
        )
        let problem = "the path leads to \(found.hex), the root is \(signed.hex)"
        return .keyNotProven("\(LedgerError.proofInvalid(problem: problem))")
      }
    }
    let shortPath: Refusal = { _ in
      .keyNotProven(
        "\(LedgerError.proofInvalid(problem: "the path is shorter than the tree's"))")
    }
    let notExtended: Refusal = { harness in
      .extensionNotProven(
        kept: 4, shown: 5, evidence: try harness.storage.handover(at: 4).checkpoint.text)
    }
    let lies: [(change: (inout KeysShown) -> Void, refusal: Refusal)] = [
      ({ $0.changes.removeFirst() }, anotherKey),
      ({ $0.changes[0].line[20] ^= 1 }, wrongRoot { $0[3][20] ^= 1 }),
      ({ $0.changes[0].index -= 1 }, wrongRoot { $0.swapAt(2, 3) }),
      ({ $0.changes[0].path = [] }, shortPath),
      ({ $0.changes[1].consistency = [] }, notExtended),
      ({ $0.changes[0].checkpoint = $0.changes[1].checkpoint }, anotherKey),
    ]
    for (number, (change, refusal)) in lies.enumerated() {
      let harness = try harness()
      try harness.runUntilOffer(of: 1)
      try harness.rotateKey(to: key(50))
      try harness.rotateKey(to: key(51))
      harness.rewritesReceived = { _, message in
        guard case .keysShown(var shown) = message else { return message }
        change(&shown)
        return .keysShown(shown)
      }
      try harness.connect(0)
      try harness.pump()
      let expected = try refusal(harness)
      #expect(failure(harness) == expected, "\(number)")
      #expect(harness.connectedMembers == 0, "\(number)")
      // Without the lie it gets there, from wherever it stands.
      harness.rewritesReceived = nil
      try harness.connect(0)
      try harness.pump()
      #expect(harness.customers[0].failure == nil, "\(number)")
      #expect(harness.connectedMembers == 1, "\(number)")
    }
  }

  @Test("after a change nothing that the old key signs is taken")
  func signsOn() throws {
    let harness = try harness()
    let old = harness.keys.coordinator
    try harness.rotateKey(to: key(50))
    try harness.connect(0)
    try harness.pump()
    let held = harness.customers[0].device.newestCheckpoint()
    // Its greeting is the new key's, its checkpoint the old one's.
    harness.storage.sign(with: old)
    _ = try harness.storage.append(
      .offer(
        OfferRecord(
          round: 1, planIndex: 0, stage: "popularity", mode: harness.policy.mode,
          modelIn: SHA256Digest(hashing: [9]), catalogueHash: SHA256Digest(hashing: [9]),
          policyHash: harness.identity.policyHash, deadlineSeconds: 60)))
    try harness.lose(0)
    try harness.connect(0)
    try harness.pump()
    guard case .badCheckpoint? = failure(harness) else {
      Issue.record("\(String(describing: harness.customers[0].failure))")
      return
    }
    #expect(harness.customers[0].device.newestCheckpoint() == held)
    // The greeting is the old key's too, in the same process and in another one.
    for isNew in [false, true] {
      if isNew { try harness.restartCustomer(0) }
      try harness.restart(with: old)
      try harness.connect(0)
      try harness.pump()
      // It is shown the same change again, which leads nowhere from the new key.
      guard case .wrongCoordinator? = failure(harness) else {
        Issue.record("\(String(describing: harness.customers[0].failure))")
        return
      }
      #expect(harness.customers[0].device.newestCheckpoint() == held)
    }
  }

  @Test("a thief of the old key who writes a change into a ledger of its own leaves evidence")
  func forked() throws {
    let harness = try harness()
    try harness.runUntilOffer(of: 1)
    try harness.pump()
    let held = try #require(harness.customers[0].device.newestCheckpoint())
    // The same key, the same ledger id, another history.
    let thief = try FederationHarness(policy: harness.policy)
    for round in 1...3 as ClosedRange<UInt64> {
      _ = try thief.storage.append(
        .offer(
          OfferRecord(
            round: round, planIndex: 0, stage: "popularity", mode: harness.policy.mode,
            modelIn: SHA256Digest(hashing: [9]), catalogueHash: SHA256Digest(hashing: [9]),
            policyHash: harness.identity.policyHash, deadlineSeconds: 60)))
      _ = try thief.storage.append(.void(VoidRecord(round: round, reason: "quorum")))
    }
    try thief.storage.rotate(to: key(66)) { state, previous in
      try Checkpoint(signing: state, with: key(66), after: previous)
    }
    try harness.rotateKey(to: key(66))
    let entry = thief.storage.records.count - 1
    let shown = try thief.storage.handover(at: entry)
    harness.rewritesReceived = { _, message in
      guard case .keysShown = message else { return message }
      return .keysShown(
        KeysShown(changes: [
          .init(
            index: UInt64(entry), line: shown.line, path: shown.proof.pathBytes,
            checkpoint: shown.checkpoint.text, consistency: [])
        ]))
    }
    try harness.connect(0)
    try harness.pump()
    guard
      case .extensionNotProven(held.size, shown.checkpoint.size, shown.checkpoint.text)? =
        failure(harness)
    else {
      Issue.record("\(String(describing: harness.customers[0].failure))")
      return
    }
    #expect(
      harness.customers[0].device.refusals.last?.evidence
        == .init(refused: shown.checkpoint.text, held: held.text, convicts: false))
    #expect(harness.customers[0].device.newestCheckpoint() == held)
  }

  @Test("a change that a device cannot keep is not followed; the next try begins where it stands")
  func notKept() throws {
    let harness = try harness()
    try harness.rotateKey(to: key(50))
    let device = harness.customers[0].device
    device.failLedger(true)
    try harness.connect(0)
    try harness.pump()
    #expect(harness.customers[0].failure is DiskFailure)
    #expect(device.receipts().isEmpty)
    device.failLedger(false)
    try harness.connect(0)
    try harness.pump()
    #expect(harness.customers[0].failure == nil && device.receipts().count == 1)
  }

  /// A connection of nobody that the coordinator knows.
  private func connectStranger(
    _ harness: FederationHarness, _ number: UInt64
  ) throws -> ConnectionID {
    let connection = ConnectionID(number)
    let bytes = [UInt8](repeating: 3, count: 32)
    _ = try harness.handle(.connected(connection, exporter: bytes, nonce: bytes))
    return connection
  }

  private func asking(_ key: [UInt8], on connection: ConnectionID) -> CoordinatorEvent {
    .received(
      connection,
      Message.askKeys(AskKeys(coordinatorKey: key, checkpointSize: 1)).encoded())
  }

  @Test("one connection may ask as often as the longest way takes, and is refused after that")
  func asksTooOften() throws {
    let harness = try harness()
    try harness.rotateKey(to: key(50))
    let known = try key(1).verifyingKey.bytes
    #expect(
      AskKeys.maximumPerConnection * KeysShown.maximumChanges == CheckpointKeys.maximumChanges)
    for number in [9_000, 9_001] as [UInt64] {
      let connection = try connectStranger(harness, number)
      for _ in 0..<AskKeys.maximumPerConnection {
        let effects = try harness.handle(asking(known, on: connection))
        #expect(effects.count == 1)
      }
      let effects = try harness.handle(asking(known, on: connection))
      #expect(effects.contains(.close(connection)))
      #expect(effects.contains(.note(.loginRefused(.unexpectedMessage))))
      // It is nobody's connection any more.
      #expect(try harness.handle(asking(known, on: connection)).isEmpty)
    }
  }

  @Test("a peer that is not logged in learns of the changes of the key, and of nothing else")
  func stranger() throws {
    let harness = try harness()
    try harness.rotateKey(to: key(50))
    let connection = try connectStranger(harness, 9_000)
    func answer(_ key: [UInt8]) throws -> KeysShown? {
      for case .send(connection, let payload) in try harness.handle(asking(key, on: connection)) {
        if case .keysShown(let shown) = try Message(decoding: payload) { return shown }
      }
      return nil
    }
    #expect(try answer(key(1).verifyingKey.bytes)?.changes.count == 1)
    #expect(try answer(key(50).verifyingKey.bytes)?.changes.isEmpty == true)
    #expect(try answer(key(77).verifyingKey.bytes)?.changes.isEmpty == true)
    // No point of the curve.
    #expect(try answer([UInt8](repeating: 0xFF, count: 32))?.changes.isEmpty == true)
    // Who is a member has another way to say things.
    try harness.connect(0)
    try harness.pump()
    let member = try #require(harness.customers[0].connection)
    let effects = try harness.handle(asking(key(1).verifyingKey.bytes, on: member))
    #expect(effects.contains(.note(.loginRefused(.unexpectedMessage))))
  }
}
