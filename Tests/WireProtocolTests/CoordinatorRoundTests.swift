import Cryptography
import Glibc
import SecureAggregation
import Testing
import VectorMath
import WireProtocol

@Suite("Coordinator round")
struct CoordinatorRoundTests {
  @Test("offer, join, slot, upload, charge, release")
  func happyPath() throws {
    let harness = try RoundHarness()
    for id: ClientID in 1...3 {
      let effects = try harness.connect(id)
      #expect(effects == [.send(id, .offer(harness.offer))])
    }
    for id: ClientID in 1...3 {
      #expect(harness.answer(id) == [.send(id, .proceed(Proceed(round: 7)))])
    }
    let accepted = Message.updateResult(UpdateResult(round: 7, rejection: nil))
    for id: ClientID in 1...2 {
      let effects = try harness.upload(harness.oneHot(Int(id)), from: id)
      #expect(effects == [.send(id, accepted)])
    }
    #expect(harness.isCollecting)
    #expect(harness.pendingCount == 1)
    let last = try harness.upload(harness.oneHot(0), from: 3)
    #expect(last == [.send(3, accepted), .charge])
    #expect(!harness.isCollecting)
    #expect(harness.contributorCount == 3)
    let sum = try harness.releaseExactSum()
    #expect(sum == [1, 1, 1, 0])
  }

  @Test("one-hot contributions sum to exactly the accepted roster")
  func rosterIsCountedExactly() throws {
    let harness = try RoundHarness(dimension: 60, uploadSlots: 7)
    for id: ClientID in 0..<60 { try harness.connect(id) }
    // Some decline, some send garbage, some leave before or after they joined, some never answer.
    var granted = Set<ClientID>()
    for id: ClientID in 0..<60 where id % 5 != 0 {
      granted.formUnion(harness.answer(id, joins: id % 7 != 0).granted)
    }
    for id: ClientID in 0..<60 where id % 11 == 0 {
      granted.formUnion(harness.disconnect(id).granted)
    }
    var accepted = Set<Int>()
    var served = Set<ClientID>()
    while let id = granted.subtracting(served).min() {
      served.insert(id)
      if id % 11 == 0 { continue }
      var update = harness.oneHot(Int(id))
      if id % 3 == 0 { update[(Int(id) + 1) % 60] = .infinity }
      let effects = try harness.upload(update, from: id)
      granted.formUnion(effects.granted)
      #expect(effects.results == ["\(id) \(id % 3 == 0 ? "non-finite" : "accepted")"])
      if id % 3 != 0 { accepted.insert(Int(id)) }
    }
    #expect(harness.clock(seconds: 60).last == .charge)
    #expect(accepted.count > 20)
    #expect(harness.contributorCount == accepted.count)
    let sum = try harness.releaseExactSum()
    #expect(sum == (0..<60).map { accepted.contains($0) ? 1 : 0 })
  }

  @Test("the order in which members upload does not change the sum")
  func orderDoesNotMatter() throws {
    var random = SeededRandom(seed: 5)
    let updates: [ClientID: [Float]] = Dictionary(
      uniqueKeysWithValues: (1...12).map { id in
        (id, (0..<4).map { _ in Float.random(in: -1...1, using: &random) })
      })
    func run(_ order: [ClientID]) throws -> [Double] {
      let harness = try RoundHarness()
      for id in order { try harness.join(id) }
      for id in order { try harness.upload(updates[id] ?? [], from: id) }
      return try harness.release().values
    }
    let ascending = try run(Array(1...12))
    #expect(try run((1...12).reversed()) == ascending)
    #expect(try run(Array(1...12).shuffled(using: &random)) == ascending)
  }

  @Test("an update above the clip norm counts as one of norm C")
  func coordinatorClips() throws {
    let harness = try RoundHarness()
    for id: ClientID in 1...2 { try harness.join(id) }
    try harness.upload([0, 3e30, 0, 0], from: 1)
    try harness.upload([300, 0, 400, 0], from: 2)
    let sum = try harness.releaseExactSum()
    for (value, expected) in zip(sum, [0.6, 1, 0.8, 0]) {
      // One grid step of 2^-20.
      #expect(abs(value - expected) <= 0x1p-20)
    }
  }

  @Test("an update of several chunks arrives whole")
  func severalChunks() throws {
    let harness = try RoundHarness(dimension: 70_000, minimumCohort: 1)
    try harness.join(1)
    let messages = try harness.sealed(harness.oneHot(69_999), from: 1)
    #expect(messages.count == 3)
    #expect(harness.send(Array(messages.dropLast()), from: 1).isEmpty)
    #expect(harness.send([messages[2]], from: 1).last == .charge)
    #expect(try harness.releaseExactSum()[69_999] == 1)
  }

  // MARK: - Slots

  @Test("no more uploads are under way than there are slots", arguments: [1, 2, 5])
  func slotsAreBounded(slots: Int) throws {
    let harness = try RoundHarness(uploadSlots: slots)
    var granted: [ClientID] = []
    for id: ClientID in 1...12 {
      try harness.connect(id)
      granted += harness.answer(id).granted
    }
    #expect(granted == Array(1...ClientID(slots)))
    var done = 0
    while done < granted.count {
      let id = granted[done]
      let effects = try harness.upload([0, 0, 0, 0], from: id)
      granted += effects.granted
      done += 1
      #expect(granted.count - done <= slots)
    }
    #expect(granted == Array(1...12))
  }

  @Test("a member without a slot cannot upload")
  func uploadBeforeTurn() throws {
    let harness = try RoundHarness(uploadSlots: 1)
    for id: ClientID in 1...2 { try harness.join(id) }
    let early = try harness.upload([1, 0, 0, 0], from: 2)
    #expect(early.results == ["2 not-offered", "2 not-offered"])
    #expect(harness.contributorCount == 0)
    // It keeps its place in the queue.
    #expect(try harness.upload([1, 0, 0, 0], from: 1).granted == [2])
    #expect(try harness.upload([0, 1, 0, 0], from: 2).results == ["2 accepted"])
  }

  @Test("an upload that takes too long gives its slot to the next member")
  func slowUpload() throws {
    let harness = try RoundHarness(minimumCohort: 1, uploadSlots: 1, uploadSeconds: 30)
    for id: ClientID in 1...2 { try harness.join(id) }
    let messages = try harness.sealed([1, 0, 0, 0], from: 1)
    harness.send([messages[0]], from: 1)
    #expect(harness.clock(seconds: 29).isEmpty)
    let effects = harness.clock(seconds: 30)
    #expect(effects.results == ["1 too-slow"])
    #expect(effects.granted == [2])
    // Its last chunk was on the way already: it counts for nothing and is not answered again.
    #expect(harness.send([messages[1]], from: 1).isEmpty)
    #expect(try harness.upload([0, 1, 0, 0], from: 2).last == .charge)
    #expect(try harness.releaseExactSum() == [0, 1, 0, 0])
  }

  @Test("a clock that goes back moves no deadline")
  func clockGoesBack() throws {
    let harness = try RoundHarness(uploadSeconds: 30)
    harness.clock(seconds: 20)
    harness.clock(seconds: 0)
    try harness.join(1)
    #expect(harness.clock(seconds: 49).isEmpty)
    #expect(harness.clock(seconds: 50).results == ["1 too-slow"])
  }

  // MARK: - The end

  @Test("at the deadline the round goes on with who is there, and the rest are told")
  func deadline() throws {
    let harness = try RoundHarness(deadlineSeconds: 60, uploadSlots: 2, uploadSeconds: 100)
    for id: ClientID in 1...5 { try harness.connect(id) }
    for id: ClientID in 1...4 { harness.answer(id) }
    try harness.upload(harness.oneHot(1), from: 1)
    try harness.upload(harness.oneHot(2), from: 2)
    #expect(harness.clock(seconds: 59).isEmpty)
    let effects = harness.clock(seconds: 60)
    #expect(effects.results == ["3 round-closed", "4 round-closed"])
    #expect(effects.last == .charge)
    #expect(try harness.upload(harness.oneHot(3), from: 3).results.first == "3 round-closed")
    #expect(try harness.releaseExactSum() == [0, 1, 1, 0])
  }

  @Test("a missed quorum is void: nothing is charged", arguments: [0, 1, 2])
  func missedQuorum(contributors: Int) throws {
    let harness = try RoundHarness(minimumCohort: 3)
    for id: ClientID in 1...3 { try harness.join(id) }
    for id in 1..<ClientID(contributors + 1) {
      try harness.upload(harness.oneHot(0), from: id)
    }
    let effects = harness.clock(seconds: 60)
    #expect(effects.last == .void(reason: "quorum not met: \(contributors) of at least 3"))
    #expect(!effects.contains(.charge))
    #expect(try harness.upload(harness.oneHot(0), from: 3).results.first == "3 round-closed")
    #expect(harness.clock(seconds: 1_000).isEmpty)
  }

  @Test("a round that nobody was offered is void at its deadline")
  func nobody() throws {
    let harness = try RoundHarness(minimumCohort: 1)
    #expect(harness.clock(seconds: 59).isEmpty)
    #expect(harness.clock(seconds: 60) == [.void(reason: "quorum not met: 0 of at least 1")])
  }

  @Test("the round does not wait for who declined")
  func declined() throws {
    let harness = try RoundHarness()
    for id: ClientID in 1...3 { try harness.connect(id) }
    for id: ClientID in 1...2 { harness.answer(id) }
    #expect(harness.answer(3, joins: false).isEmpty)
    try harness.upload(harness.oneHot(0), from: 1)
    #expect(try harness.upload(harness.oneHot(0), from: 2).last == .charge)
    #expect(harness.joinedCount == 2)
  }

  @Test("no more contributions are taken than the sum was sized for")
  func maximumCohort() throws {
    let harness = try RoundHarness(minimumCohort: 1, maximumCohort: 2)
    for id: ClientID in 1...3 { try harness.join(id) }
    for id: ClientID in 1...2 { try harness.upload(harness.oneHot(1), from: id) }
    #expect(try harness.upload(harness.oneHot(2), from: 3).results == ["3 round-closed"])
    #expect(try harness.releaseExactSum() == [0, 2, 0, 0])
  }

  @Test("a release before the quorum was decided traps")
  func releaseWhileCollecting() async {
    await #expect(processExitsWith: .failure) {
      Self.expectTrap {
        let harness = try RoundHarness(minimumCohort: 1)
        try harness.join(1)
        _ = try harness.release()
      }
    }
  }

  @Test("a release of a void round traps")
  func releaseOfVoidRound() async {
    await #expect(processExitsWith: .failure) {
      Self.expectTrap {
        let harness = try RoundHarness(minimumCohort: 2)
        try harness.join(1)
        try harness.upload(harness.oneHot(0), from: 1)
        _ = try harness.release()
      }
    }
  }

  @Test("a second release traps")
  func secondRelease() async {
    await #expect(processExitsWith: .failure) {
      Self.expectTrap {
        let harness = try RoundHarness(minimumCohort: 1)
        try harness.join(1)
        try harness.upload(harness.oneHot(0), from: 1)
        _ = try harness.release()
        _ = try harness.release()
      }
    }
  }

  @Test("a release after the charge of another round traps")
  func chargeOfAnotherRound() async {
    await #expect(processExitsWith: .failure) {
      Self.expectTrap {
        let harness = try RoundHarness(minimumCohort: 1)
        try harness.join(1)
        try harness.upload(harness.oneHot(0), from: 1)
        var noise = FixedSeedNoise(seed: 1)
        let charge = DurableCharge(ledgerIndex: 2, round: harness.offer.round + 1)
        var block: CorrelatedAggregation?
        _ = try harness.round.release(after: charge, noise: &noise, block: &block)
      }
    }
  }

  /// Ends this process well when `body` throws: only a trap counts as a failure.
  private static func expectTrap(_ body: () throws -> Void) {
    do {
      try body()
    } catch {
      exit(EXIT_SUCCESS)
    }
  }
}
