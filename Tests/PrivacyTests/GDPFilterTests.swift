import Testing
import VectorMath

@testable import Privacy

@Suite struct GDPFilterTests {
  private func round(_ noiseMultiplier: Double) throws -> PrivacyEvent {
    try .gaussian(noiseMultiplier: noiseMultiplier)
  }

  @Test("a charge at the calibrated noise uses the budget to the end and no second one fits")
  func exactFit() throws {
    let noise = GaussianAccountant.noiseMultiplier(epsilon: 8, delta: 1e-5)
    var filter = GDPFilter(epsilonLimit: 8, delta: 1e-5)
    let event = try round(noise * (1 + 1e-12))
    #expect(filter.admits(event))
    try filter.charge(event)
    #expect(filter.epsilonSpent <= 8 && filter.epsilonSpent > 8 - 1e-9)
    #expect(!filter.admits(event) && filter.wouldExceed(event))
    #expect(try !GDPFilter(epsilonLimit: 8, delta: 1e-5).admits(round(noise * (1 - 1e-11))))
  }

  @Test("the refusal names what is spent, needed, allowed and still possible")
  func refusal() throws {
    var filter = GDPFilter(epsilonLimit: 4, delta: 1e-6)
    let event = try round(10)
    let fitting = filter.roundsLeft(of: event)
    #expect(fitting > 10)
    let before = filter
    let error = #expect(throws: PrivacyError.self) { try filter.charge(event, count: fitting + 5) }
    #expect(filter == before, "a refused charge leaves nothing behind")
    guard case .budgetExhausted(let shortfall) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(shortfall.roundsThatFit == fitting)
    #expect(shortfall.spentEpsilon == 0)
    #expect(shortfall.limitEpsilon == 4 && shortfall.delta == 1e-6)
    #expect(shortfall.neededEpsilon > 4)
    try filter.charge(event, count: fitting)
    #expect(filter.roundsLeft(of: event) == 0)
    #expect(filter.epsilonSpent <= 4)
    #expect(shortfall.description.contains("\(fitting) such rounds would have fitted"))
  }

  @Test("rounds left are exactly the rounds that are then admitted one by one")
  func roundsLeftIsExact() throws {
    var generator = SeededRandom(seed: 3)
    for _ in 0..<50 {
      var filter = GDPFilter(epsilonLimit: 2, delta: 1e-5)
      let first = try round(Double.random(in: 3...9, using: &generator))
      try filter.charge(first)
      let event = try PrivacyEvent.discreteGaussian(
        scale: UInt64.random(in: 5_000...200_000, using: &generator), sensitivity: 1_000)
      let left = filter.roundsLeft(of: event)
      var admitted = 0
      while filter.admits(event) {
        try filter.charge(event)
        admitted += 1
      }
      #expect(admitted == left)
    }
  }

  @Test("the total does not depend on the order of charges, to the last bit")
  func orderIndependent() throws {
    var generator = SeededRandom(seed: 4)
    let events = try (0..<200).map { _ in
      try PrivacyEvent.discreteGaussian(
        scale: UInt64.random(in: 1_024...1_000_000, using: &generator), sensitivity: 37)
    }
    var forward = GDPFilter(epsilonLimit: 100, delta: 1e-9)
    var backward = forward
    for event in events { try forward.charge(event) }
    for event in events.reversed() { try backward.charge(event) }
    #expect(forward == backward)
    #expect(forward.spentMuSquared == backward.spentMuSquared)
  }

  @Test("T equal rounds report the epsilon of one round with mu times the root of T")
  func composition() throws {
    var filter = GDPFilter(epsilonLimit: 50, delta: 1e-5)
    try filter.charge(round(4), count: 100)
    let expected = GaussianAccountant.epsilon(mu: 2.5, delta: 1e-5)
    #expect(filter.epsilonSpent >= expected && filter.epsilonSpent <= expected * (1 + 1e-12))
  }

  @Test("a filter restored from what was spent admits the same rounds")
  func restored() throws {
    var filter = GDPFilter(epsilonLimit: 8, delta: 1e-5)
    try filter.charge(round(2.7), count: 3)
    let restored = GDPFilter(
      epsilonLimit: 8, delta: 1e-5, spentMuSquared: filter.spentMuSquared)
    #expect(restored.spent >= filter.spent)
    #expect(restored.epsilonSpent - filter.epsilonSpent < 1e-12)
    #expect(try restored.roundsLeft(of: round(9)) == filter.roundsLeft(of: round(9)))
  }

  @Test("infinite and overflowing quantities are refused, not wrapped")
  func overflow() throws {
    var filter = GDPFilter(epsilonLimit: 8, delta: 1e-5)
    let huge = try round(1e-9)
    #expect(huge.mu == .infinity)
    #expect(!filter.admits(huge))
    #expect(filter.roundsLeft(of: huge) == 0)
    #expect(throws: PrivacyError.self) { try filter.charge(huge, count: .max) }
    let over = GDPFilter(epsilonLimit: 8, delta: 1e-5, spentMuSquared: .infinity)
    #expect(over.epsilonSpent == .infinity)
    #expect(try !over.admits(round(1e6)))
    #expect(try over.roundsLeft(of: round(1e6)) == 0)
  }

  @Test("one history against another is reported from the same total")
  func oneHistoryAgainstAnother() throws {
    var filter = GDPFilter(epsilonLimit: 8, delta: 1e-5)
    try filter.charge(round(1))
    #expect(
      abs(
        filter.epsilonSpent(oneHistoryAgainstAnother: .unrestricted)
          - GaussianAccountant.epsilon(mu: 2, delta: 1e-5)) < 1e-11)
    #expect(filter.epsilonSpent(oneHistoryAgainstAnother: .acute) > filter.epsilonSpent)
  }
}
