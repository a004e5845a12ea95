import Foundation
import Testing
import VectorMath

@testable import Privacy

@Suite struct RenyiFilterTests {
  private func curve(_ filter: RenyiFilter, _ mechanism: RenyiMechanism) throws -> RenyiCurve {
    try RenyiCurve(mechanism, orders: filter.orders)
  }

  @Test("a planned schedule fits to its last round when the filter's order was chosen for it")
  func plannedScheduleFits() throws {
    let mechanism = RenyiMechanism.poisson(rate: 0.01, .gaussian(noiseMultiplier: 1))
    let plan = try 1_000 * RenyiCurve(mechanism)
    let epsilon = plan.epsilon(delta: 1e-6)
    var filter = try RenyiFilter(epsilonLimit: epsilon * (1 + 1e-9), delta: 1e-6, plan: plan)
    let round = try curve(filter, mechanism)
    #expect(filter.orders.values == [try #require(plan.bestOrder(delta: 1e-6))])
    #expect(filter.roundsLeft(of: round) == 1_000)
    try filter.charge(round, count: 999)
    #expect(filter.admits(round) && !filter.wouldExceed(round))
    try filter.charge(round)
    #expect(filter.wouldExceed(round))
    #expect(filter.epsilonSpent <= filter.epsilonLimit)
    #expect(filter.epsilonSpent > epsilon * (1 - 1e-9))
  }

  @Test("several orders share delta: each choice costs ln K / (a - 1), never less")
  func splitIsPaidFor() throws {
    let mechanism = RenyiMechanism.gaussian(noiseMultiplier: 20)
    let single = try RenyiFilter(epsilonLimit: 2, delta: 1e-5, orders: RenyiOrders([16]))
    let split = try RenyiFilter(epsilonLimit: 2, delta: 1e-5, orders: RenyiOrders([4, 8, 16, 32]))
    let alone = try single.roundsLeft(of: curve(single, mechanism))
    let shared = try split.roundsLeft(of: curve(split, mechanism))
    let quarter = try RenyiFilter(epsilonLimit: 2, delta: 0.25e-5, orders: RenyiOrders([16]))
    #expect(shared < alone)
    #expect(shared == (try quarter.roundsLeft(of: curve(quarter, mechanism))))
    // A filter of one order admits no more than the exact accountant of the same rounds.
    let exact = GDPFilter(epsilonLimit: 2, delta: 1e-5)
    #expect(alone <= exact.roundsLeft(of: try .gaussian(noiseMultiplier: 20)))
  }

  @Test("the refusal names what is spent, needed, allowed and still possible, and changes nothing")
  func refusal() throws {
    var filter = try RenyiFilter(epsilonLimit: 1, delta: 1e-6, orders: RenyiOrders([20]))
    let round = try curve(filter, .laplace(scale: 50))
    try filter.charge(round, count: 3)
    let before = filter
    let left = filter.roundsLeft(of: round)
    let error = #expect(throws: PrivacyError.self) { try filter.charge(round, count: left + 1) }
    #expect(filter == before)
    guard case .budgetExhausted(let shortfall) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(shortfall.roundsThatFit == left && left > 0)
    #expect(shortfall.spentEpsilon == before.epsilonSpent && shortfall.spentEpsilon > 0)
    #expect(shortfall.neededEpsilon > 1 && shortfall.limitEpsilon == 1 && shortfall.delta == 1e-6)
    try filter.charge(round, count: left)
    #expect(filter.roundsLeft(of: round) == 0 && filter.epsilonSpent <= 1)
  }

  @Test(
    "rounds left are exactly the rounds then admitted one by one; order of charges is irrelevant")
  func exactSums() throws {
    var generator = SeededRandom(seed: 11)
    for _ in 0..<20 {
      var forward = try RenyiFilter(epsilonLimit: 3, delta: 1e-5, orders: RenyiOrders([6, 12]))
      var backward = forward
      let curves = try (0..<10).map { _ in
        try curve(forward, .laplace(scale: Double.random(in: 30...90, using: &generator)))
      }
      for curve in curves { try forward.charge(curve) }
      for curve in curves.reversed() { try backward.charge(curve) }
      #expect(forward == backward)
      let next = try curve(forward, .poisson(rate: 0.1, .gaussian(noiseMultiplier: 2)))
      let left = forward.roundsLeft(of: next)
      var admitted = 0
      while forward.admits(next) {
        try forward.charge(next)
        admitted += 1
      }
      #expect(admitted == left)
    }
  }

  @Test("a release with a delta needs a reserve, and no more of it is spent than was set aside")
  func failureReserve() throws {
    var filter = try RenyiFilter(
      epsilonLimit: 2, delta: 1e-5, orders: RenyiOrders([12]), failureReserve: 3.5e-6)
    let box = try curve(filter, .approximate(epsilon: 0.01, delta: 1e-6))
    #expect(filter.roundsLeft(of: box) == 3)
    try filter.charge(box, count: 3)
    #expect(!filter.admits(box))
    #expect(try filter.admits(curve(filter, .approximate(epsilon: 0.01, delta: 0))))
    #expect(throws: PrivacyError.self) { try filter.charge(box) }
    let without = try RenyiFilter(epsilonLimit: 2, delta: 1e-5, orders: RenyiOrders([12]))
    #expect(!without.admits(box))
  }

  @Test("what cannot be a budget is refused; a release without noise is never admitted")
  func extremes() throws {
    for (epsilon, delta, orders) in [
      (-1, 1e-5, [8]), (.nan, 1e-5, [8]), (.infinity, 1e-5, [8]), (1, 0, [8]), (1, 1, [8]),
      (0.01, 1e-5, [2]),
    ] as [(Double, Double, [Double])] {
      #expect(throws: PrivacyError.self) {
        try RenyiFilter(epsilonLimit: epsilon, delta: delta, orders: RenyiOrders(orders))
      }
    }
    var filter = try RenyiFilter(epsilonLimit: 1e6, delta: 1e-300, orders: RenyiOrders([2]))
    let none = try curve(filter, .gaussian(noiseMultiplier: 0))
    #expect(!filter.admits(none))
    #expect(throws: PrivacyError.self) { try filter.charge(none) }
    let silent = try curve(filter, .gaussian(noiseMultiplier: .infinity))
    #expect(filter.roundsLeft(of: silent) == .max)
    try filter.charge(silent, count: 1 << 40)
    #expect(filter.epsilonSpent == 0)
    #expect(throws: PrivacyError.self) {
      try RenyiFilter(
        epsilonLimit: 1, delta: 1e-5, plan: RenyiCurve(.gaussian(noiseMultiplier: 0)))
    }
  }
}

@Suite struct RenyiZCDPFilterTests {
  @Test("conversions of zCDP are no looser than a grid of orders and invert each other")
  func conversions() throws {
    for rho in [1e-8, 1e-4, 0.01, 0.5, 3, 40, 1_000] {
      for delta in [0.1, 1e-5, 1e-12, 1e-100] {
        let epsilon = ZeroConcentrated.epsilon(rho: rho, delta: delta)
        let grid = try RenyiCurve(.zCDP(rho: rho)).epsilon(delta: delta)
        #expect(epsilon <= grid * (1 + 1e-12) + 1e-14 || grid == 0)
        #expect(epsilon >= grid * 0.97 - 0.01)
        let exact = GaussianAccountant.epsilon(mu: (2 * rho).squareRoot(), delta: delta)
        #expect(epsilon >= exact)
        guard epsilon > 0 else { continue }
        let inverse = ZeroConcentrated.rho(epsilon: epsilon, delta: delta)
        #expect(abs(inverse - rho) <= 1e-6 * rho)
      }
    }
    #expect(ZeroConcentrated.epsilon(rho: 0, delta: 0.5) == 0)
    #expect(ZeroConcentrated.epsilon(rho: .infinity, delta: 0.5) == .infinity)
  }

  @Test("at epsilon 8 the noise that a Gaussian filter admits costs 8.60 in zCDP (ruling 18)")
  func dearerThanGaussian() {
    let mu = GaussianAccountant.mu(epsilon: 8, delta: 1e-5)
    let epsilon = ZeroConcentrated.epsilon(rho: mu * mu / 2, delta: 1e-5)
    #expect(abs(epsilon - 8.60) < 0.01)
  }

  @Test("the filter admits exactly what its limit holds and refuses the rest")
  func filter() throws {
    var filter = try ZCDPFilter(epsilonLimit: 4, delta: 1e-6)
    let left = filter.roundsLeft(rho: 0.01)
    #expect(left > 10)
    try filter.charge(rho: 0.01, count: left)
    #expect(filter.epsilonSpent <= 4 && filter.epsilonSpent > 3.8)
    #expect(filter.wouldExceed(rho: 0.01) && !filter.admits(rho: .infinity))
    let error = #expect(throws: PrivacyError.self) { try filter.charge(rho: 0.01) }
    guard case .budgetExhausted(let shortfall) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(shortfall.roundsThatFit == 0 && shortfall.neededEpsilon > 4)
    #expect(filter.spentRho >= 0.01 * Double(left))
    #expect(throws: PrivacyError.self) { try ZCDPFilter(epsilonLimit: .nan, delta: 1e-6) }
  }
}

@Suite struct RenyiOdometerTests {
  /// The two figures of a reading, which only a test takes out of its text.
  private func figures(_ reading: OdometerReading) throws -> [Double] {
    let match = try #require(
      reading.description.firstMatch(of: /epsilon ([^ ]+) at .* at most ([^ ]+) whenever/))
    return try [match.1, match.2].map { try #require(Double($0)) }
  }

  @Test("a reading names the running total and a larger figure that holds at any time")
  func reading() throws {
    var odometer = PrivacyOdometer()
    let round = try RenyiCurve(.poisson(rate: 0.01, .gaussian(noiseMultiplier: 1)))
    var previous = [0.0, 0.0]
    for _ in 0..<10 {
      odometer.record(round, count: 100)
      let current = try figures(odometer.reading(delta: 1e-6))
      #expect(current[1] > current[0] && current[1] < 6 * current[0])
      #expect(current[0] > previous[0] && current[1] >= previous[1])
      previous = current
    }
    let total = (1_000 * round).epsilon(delta: 1e-6)
    #expect(abs(previous[0] - total) <= 1e-12 * total)
    #expect(try odometer.reading(delta: 1e-6).description.contains("1000 releases so far"))
    #expect(throws: PrivacyError.self) { try odometer.reading(delta: 0) }
  }
}
