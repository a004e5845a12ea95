import SecureAggregation
import Testing
import WireProtocol

/// Members who come late, leave, and come back.
@Suite("Coordinator round: members")
struct CoordinatorRoundMemberTests {
  enum Step: CaseIterable {
    case offered, waiting, granted, headerSent, chunkSent, accepted
  }

  @Test("a member may leave at every step; the sum is that of the others", arguments: Step.allCases)
  func disconnect(at step: Step) throws {
    let harness = try RoundHarness(dimension: 70_000, uploadSlots: 3)
    for id: ClientID in 1...2 { try harness.join(id) }
    try harness.connect(9)
    let messages = try harness.sealed(harness.oneHot(9), from: 9)
    if step == .waiting { try harness.join(3) }
    if step != .offered { harness.answer(9) }
    switch step {
    case .offered, .waiting, .granted: break
    case .headerSent: harness.send([messages[0]], from: 9)
    case .chunkSent: harness.send(Array(messages[0...1]), from: 9)
    case .accepted: #expect(harness.send(messages, from: 9).results == ["9 accepted"])
    }
    harness.disconnect(9)
    harness.disconnect(3)
    // What is still under way of it counts for nothing.
    #expect(!harness.send([messages[2]], from: 9).results.contains("9 accepted"))
    try harness.upload(harness.oneHot(1), from: 1)
    #expect(try harness.upload(harness.oneHot(2), from: 2).last == .charge)
    let expected = step == .accepted ? [1, 2, 9] : [1, 2]
    let sum = try harness.releaseExactSum()
    #expect(sum.indices.filter { sum[$0] != 0 } == expected)
    #expect(harness.contributorCount == expected.count)
  }

  @Test("a member who comes back contributes once", arguments: Step.allCases)
  func reconnect(after step: Step) throws {
    let harness = try RoundHarness(dimension: 70_000, minimumCohort: 1, uploadSlots: 1)
    try harness.join(1)
    try harness.connect(9)
    let messages = try harness.sealed(harness.oneHot(9), from: 9)
    if step != .offered { harness.answer(9) }
    if step == .granted || step == .headerSent || step == .chunkSent || step == .accepted {
      #expect(try harness.upload(harness.oneHot(1), from: 1).granted == [9])
      // Another member keeps the round open.
      try harness.connect(4)
    }
    switch step {
    case .offered, .waiting, .granted: break
    case .headerSent: harness.send([messages[0]], from: 9)
    case .chunkSent: harness.send(Array(messages[0...1]), from: 9)
    case .accepted: harness.send(messages, from: 9)
    }
    harness.disconnect(9)
    #expect(try harness.connect(9).offered == [9])
    let effects = harness.answer(9)
    if step == .accepted {
      #expect(effects.results == ["9 accepted"])
      #expect(harness.send(messages, from: 9).results.first == "9 replayed")
    } else {
      if effects.granted.isEmpty {
        #expect(try harness.upload(harness.oneHot(1), from: 1).granted == [9])
      }
      #expect(harness.send(messages, from: 9).results == ["9 accepted"])
    }
    if harness.isCollecting { harness.clock(seconds: 60) }
    let sum = try harness.releaseExactSum()
    #expect(sum[1] == 1 && sum[9] == 1)
    #expect(harness.contributorCount == 2)
  }

  @Test("a connection that replaces a live one starts the upload again")
  func replacedConnection() throws {
    let harness = try RoundHarness(dimension: 70_000, uploadSlots: 1)
    for id: ClientID in 1...2 { try harness.join(id) }
    let messages = try harness.sealed(harness.oneHot(1), from: 1)
    harness.send(Array(messages[0...1]), from: 1)
    #expect(try harness.connect(1).offered == [1])
    #expect(harness.answer(1).granted == [])
    try harness.upload(harness.oneHot(2), from: 2)
    #expect(harness.send(messages, from: 1).last == .charge)
    #expect(try harness.releaseExactSum()[1] == 1)
  }

  @Test("a rejected member has no second try, not even over a new connection")
  func noSecondTry() throws {
    let harness = try RoundHarness()
    for id: ClientID in [1, 2, 9] { try harness.join(id) }
    #expect(try harness.upload([.nan, 0, 0, 0], from: 9).results == ["9 non-finite"])
    for reconnects in [false, true] {
      if reconnects {
        harness.disconnect(9)
        try harness.connect(9)
        #expect(harness.answer(9).isEmpty)
      }
      #expect(try harness.upload([1, 0, 0, 0], from: 9).results.first == "9 not-offered")
    }
    #expect(harness.contributorCount == 0)
  }

  @Test("a member who declined cannot change its mind")
  func declineIsFinal() throws {
    let harness = try RoundHarness()
    for id: ClientID in [1, 2] { try harness.join(id) }
    try harness.connect(9)
    harness.answer(9, joins: false)
    #expect(harness.answer(9).isEmpty)
    #expect(try harness.upload([1, 0, 0, 0], from: 9).results.first == "9 not-offered")
  }

  @Test("a member who comes while the round collects is offered it; one who comes later is not")
  func lateMembers() throws {
    let harness = try RoundHarness()
    for id: ClientID in 1...2 { try harness.join(id) }
    try harness.upload(harness.oneHot(1), from: 1)
    harness.clock(seconds: 20)
    #expect(try harness.connect(3).offered == [3])
    #expect(harness.answer(3).granted == [3])
    try harness.upload(harness.oneHot(2), from: 2)
    #expect(try harness.upload(harness.oneHot(3), from: 3).last == .charge)
    #expect(try harness.connect(4).isEmpty)
    #expect(harness.answer(4).results == ["4 not-enrolled"])
    #expect(try harness.releaseExactSum() == [0, 1, 1, 1])
  }

  @Test("a member who answers twice has one place in the queue")
  func answersTwice() throws {
    let harness = try RoundHarness(uploadSlots: 1)
    for id: ClientID in 1...3 { try harness.connect(id) }
    harness.answer(1)
    for _ in 0..<3 { harness.answer(2) }
    harness.answer(3)
    #expect(try harness.upload(harness.oneHot(1), from: 1).granted == [2])
    #expect(try harness.upload(harness.oneHot(2), from: 2).granted == [3])
    #expect(try harness.upload(harness.oneHot(3), from: 3).last == .charge)
    #expect(try harness.releaseExactSum() == [0, 1, 1, 1])
  }
}
