import Cryptography
import Ledger
import Privacy
import SecureAggregation
import Testing
import VectorMath
import WireProtocol

@Suite("Masked round")
struct MaskedRoundTests {
  @Test("everyone's updates are summed, to the bit, and the round is charged before it is proven")
  func everyone() throws {
    let harness = try MaskedRoundHarness()
    try harness.start()
    #expect(harness.ending == "released")
    #expect(try harness.exactSum() == harness.oneHotSum(of: [1, 2, 3, 4, 5, 6]))
    let charge = try #require(harness.log.firstIndex(of: "append charge"))
    let proof = try #require(harness.log.firstIndex { $0.hasPrefix("proof") })
    let survivors = try #require(harness.log.firstIndex { $0.hasPrefix("survivors") })
    #expect(survivors < charge && charge < proof)
    for id in 1...6 as ClosedRange<ClientID> {
      #expect(
        harness.members[id]?.log == [
          "send advertise", "send askCredentials", "send shares", "journal", "send maskedHeader",
          "send updateChunk",
          "accepted", "send agree", "keep 3", "send unmask",
        ])
    }
  }

  @Test("in secagg-ddp the sum carries the clients' shares of the noise, and nothing else")
  func distributedNoise() throws {
    let harness = try MaskedRoundHarness(mode: .secaggDDP)
    try harness.start()
    let released = try #require(harness.released)
    // n = 6: c = 1, n_s = 4, N_h = 3; a share has the variance s^2 / 3.
    let share = try DiscreteGaussian(
      varianceNumerator: MaskedRoundHarness.noiseScale * MaskedRoundHarness.noiseScale,
      varianceDenominator: 3)
    var expected = harness.oneHotSum(of: [1, 2, 3, 4, 5, 6])
    let step = Double(sign: .plus, exponent: -MaskedRoundHarness.fractionBits, significand: 1)
    for id in 1...6 as ClosedRange<UInt64> {
      var generator = SeededRandom(seed: id)
      var noise = [UInt32](repeating: 0, count: harness.dimension)
      share.addNoise(to: &noise, using: &generator)
      for index in expected.indices {
        expected[index] += Double(Int32(bitPattern: noise[index])) * step
      }
    }
    // Both are multiples of one grid step far below 2^53: equal, not close.
    #expect(released.values == expected)
    guard case .charge(let charge) = harness.ledger[2].record else {
      Issue.record("entry 2 is no charge")
      return
    }
    #expect(charge.scale == MaskedRoundHarness.noiseScale)
    #expect(charge.masked?.noiseShares?.honestShares == 3)
  }

  /// Where a member falls silent.
  enum Silence: CaseIterable {
    case advert, shares, half, agree, unmask
  }

  @Test(
    "whoever falls silent wherever, the sum is that of the survivors or there is none",
    arguments: Silence.allCases)
  func dropouts(silence: Silence) throws {
    for first in 1...6 as ClosedRange<ClientID> {
      for second in first...6 as ClosedRange<ClientID> {
        let silent: Set<ClientID> = [first, second]
        // Two chunks an update, where half of one matters.
        let harness = try MaskedRoundHarness(dimension: silence == .half ? 65_538 : 8)
        harness.delivers = { id, message in
          guard silent.contains(id) else { return true }
          switch (silence, message) {
          case (.advert, _), (.shares, .shares), (.agree, .agree), (.agree, .unmask),
            (.unmask, .unmask):
            return false
          // The second chunk of the update does not arrive.
          case (.half, .updateChunk(let chunk)): return chunk.index == 0
          default: return true
          }
        }
        try harness.start()
        try harness.runOut()
        let left = (1...6).filter { !silent.contains($0) }
        switch silence {
        case .advert:
          // The roster itself is smaller: n = 5 or 4, and n_s stays at 4.
          #expect(harness.ending == "released", "\(silent)")
          #expect(try harness.exactSum() == harness.oneHotSum(of: left), "\(silent)")
        case .shares, .half:
          // At least t = 4 of every member's five neighbours must survive.
          let isRecoverable = silent.count == 1
          #expect(harness.ending?.hasPrefix("released") == isRecoverable, "\(silent)")
          if isRecoverable {
            #expect(try harness.exactSum() == harness.oneHotSum(of: left), "\(silent)")
          } else {
            #expect(harness.ending?.hasPrefix("void: too-few-surv") == true)
            #expect(!harness.log.contains("append charge"))
          }
        case .agree, .unmask:
          // They are in the sum already. Every member needs t = 4 others that unmask.
          #expect(harness.log.contains("append charge"))
          if silent.count == 1 {
            #expect(
              try harness.exactSum() == harness.oneHotSum(of: [1, 2, 3, 4, 5, 6]), "\(silent)")
          } else {
            #expect(harness.ending?.hasPrefix("burned") == true, "\(silent)")
            #expect(harness.culprits == silent.sorted())
            #expect(harness.released == nil)
          }
        }
      }
    }
  }

  @Test("too few adverts, and too few agreements, end the round before its charge")
  func freeAborts() throws {
    let few = try MaskedRoundHarness(count: 3)
    try few.start()
    #expect(few.ending == "void: unsupported-cohort")

    let harness = try MaskedRoundHarness()
    harness.delivers = { id, message in message.kind != .agree || id < 4 }
    try harness.start()
    #expect(harness.ending == nil)
    try harness.runOut()
    #expect(harness.ending == "void: too few members signed the survivor set")
    #expect(!harness.log.contains("append charge"))
    // What left under a mask counts as spent, whatever the coordinator says.
    for id in 1...6 as ClosedRange<ClientID> {
      #expect(harness.members[id]?.log.contains("journal") == true)
      #expect(harness.members[id]?.log.contains("give back") == false)
    }
  }

  @Test("a masked update that comes after the survivors are fixed is refused and changes nothing")
  func lateMasked() throws {
    let harness = try MaskedRoundHarness()
    var late: [Message] = []
    harness.delivers = { id, message in
      guard id == 6, message.kind == .maskedHeader || message.kind == .updateChunk else {
        return true
      }
      late.append(message)
      return false
    }
    try harness.start()
    harness.delivers = { _, message in message.kind != .unmask }
    try harness.clock(seconds: 61)
    #expect(harness.isBeforeCharge == false)
    for message in late { try harness.coordinate(.message(6, message)) }
    try harness.pump()
    #expect(harness.log.filter { $0 == "updateResult to 6" }.count == 2)
    for id in 1...5 as ClosedRange<ClientID> {
      for message in harness.sent(.unmask, by: id) {
        try harness.coordinate(.message(id, message))
      }
    }
    #expect(try harness.exactSum() == harness.oneHotSum(of: [1, 2, 3, 4, 5]))
  }

  @Test("who is left out takes its journal entry back on a proof, and only on a proof")
  func giveBack() throws {
    let harness = try MaskedRoundHarness()
    harness.delivers = { id, message in id != 6 || message.kind != .updateChunk }
    try harness.start()
    try harness.runOut()
    #expect(harness.ending == "released")
    let log = try #require(harness.members[6]?.log)
    #expect(log.contains("journal"))
    #expect(log.filter { $0 == "give back" }.count == 1)
    #expect(!log.contains("send unmask"))

    // The same, but one signature of the proof is not by its signer.
    let forged = try MaskedRoundHarness()
    forged.delivers = harness.delivers
    forged.tamper = { id, message in
      guard id == 6, case .proof(var proof) = message else { return [message] }
      proof.signatures[0].signature[0] ^= 1
      return [.proof(proof)]
    }
    try forged.start()
    try forged.runOut()
    #expect(forged.ending == "released")
    #expect(forged.members[6]?.log.contains("give back") == false)
  }

  @Test("a member that was away goes on where the round is, with the same bytes")
  func reconnections() throws {
    for lost: Message.Kind in [
      .roundRoster, .credentials, .deliver, .proceed, .survivors, .proof,
    ] {
      let harness = try MaskedRoundHarness()
      var hasFailed = false
      harness.tamper = { id, message in
        guard id == 3, message.kind == lost, !hasFailed else { return [message] }
        hasFailed = true
        try harness.disconnect(3)
        return []
      }
      // Somebody else keeps the phase open until the member is back.
      var kept: [(ClientID, Message)] = []
      harness.delivers = { id, message in
        guard id == 5, hasFailed, harness.members[3]?.isConnected == false else { return true }
        kept.append((id, message))
        return false
      }
      try harness.start()
      #expect(hasFailed, "\(lost)")
      try harness.reconnect(3)
      try harness.pump()
      for (id, message) in kept { try harness.coordinate(.message(id, message)) }
      try harness.pump()
      try harness.runOut()
      #expect(harness.ending == "released", "\(lost)")
      for kind: Message.Kind in [.advertise, .shares, .maskedHeader, .unmask] {
        let messages = harness.sent(kind, by: 3)
        #expect(messages.allSatisfy { $0 == messages.first }, "\(lost) \(kind)")
      }
    }
  }

  @Test("a member is told who the others are once a connection, and only of members of the roster")
  func credentialsOnce() throws {
    let harness = try MaskedRoundHarness()
    // Member 3 keeps the phase open while 2 is away.
    harness.delivers = { id, message in ![2, 3].contains(id) || message.kind != .shares }
    try harness.start()
    let ask = try #require(harness.sent(.askCredentials, by: 2).first)
    func answers() -> Int { harness.log.filter { $0 == "credentials to 2" }.count }
    #expect(answers() == 1)
    try harness.coordinate(.message(2, ask))
    #expect(answers() == 1)
    try harness.disconnect(2)
    try harness.connect(2)
    try harness.coordinate(.message(2, ask))
    #expect(answers() == 2)
    // Seven members of six.
    try harness.coordinate(
      .message(2, .askCredentials(AskCredentials(round: 1, members: [0b0111_1111]))))
    #expect(harness.log.last == "updateResult to 2")
  }

  @Test("whose share does not open is told to the coordinator, and the round goes on")
  func unreadableShare() throws {
    let harness = try MaskedRoundHarness()
    harness.tamper = { id, message in
      guard id == 2, case .deliver(var deliver) = message else { return [message] }
      deliver.shares[1].ciphertext[5] ^= 1
      return [.deliver(deliver)]
    }
    harness.delivers = { _, message in message.kind != .unmask }
    try harness.start()
    // Of the dealers 1, 3, 4, 5, 6.
    let told = try #require(harness.sent(.unreadableShares, by: 2).first)
    #expect(told == .unreadableShares(UnreadableShares(round: 1, dealers: [0b0000_0100])))
    #expect(harness.unreadableShares?.dealers == [3])
    #expect(harness.unreadableShares?.holders == [2])
    for id in [1, 3, 4, 5, 6] as [ClientID] {
      #expect(harness.sent(.unreadableShares, by: id).isEmpty)
    }
    for id in 1...6 as ClosedRange<ClientID> {
      for message in harness.sent(.unmask, by: id) {
        try harness.coordinate(.message(id, message))
      }
    }
    #expect(try harness.exactSum() == harness.oneHotSum(of: [1, 2, 3, 4, 5, 6]))
  }

  @Test("slots bound the updates in flight")
  func slots() throws {
    let harness = try MaskedRoundHarness(uploadSlots: 2)
    var inFlight = 0
    var most = 0
    harness.tamper = { _, message in
      if message.kind == .proceed {
        inFlight += 1
        most = max(most, inFlight)
      }
      if message.kind == .updateResult { inFlight -= 1 }
      return [message]
    }
    try harness.start()
    #expect(harness.ending == "released")
    #expect(most == 2)
  }

  @Test("what a member sends has the same sizes whatever its update is")
  func sizes() throws {
    func sizes(_ update: (MaskedRoundHarness) -> [Float]) throws -> [[Int]] {
      let harness = try MaskedRoundHarness(dimension: 70_000)
      for id in harness.members.keys { harness.members[id]?.update = update(harness) }
      try harness.start()
      #expect(harness.ending == "released")
      return harness.members.sorted { $0.key < $1.key }.map {
        $0.value.sent.map { $0.encoded().count }
      }
    }
    let empty = try sizes { [Float](repeating: 0, count: $0.dimension) }
    let full = try sizes { (0..<$0.dimension).map { Float($0) } }
    #expect(empty == full)
    #expect(Set(empty).count == 1)
  }

  @Test("every advert, bundle, header and revelation is bound to its sender")
  func wrongSenders() throws {
    for kind: Message.Kind in [.advertise, .shares, .maskedHeader] {
      let harness = try MaskedRoundHarness()
      var isReplayed = false
      harness.delivers = { id, message in
        guard id == 2, message.kind == kind, let other = harness.sent(kind, by: 1).first,
          !isReplayed
        else { return true }
        isReplayed = true
        do { try harness.coordinate(.message(2, other)) } catch { Issue.record("\(error)") }
        return false
      }
      try harness.start()
      try harness.runOut()
      #expect(isReplayed, "\(kind)")
      #expect(
        harness.members[2]?.log.contains { $0.hasPrefix("rejected") } == true, "\(kind)")
      #expect(try harness.exactSum() == harness.oneHotSum(of: [1, 3, 4, 5, 6]), "\(kind)")
    }
  }
}
