import Foundation
import Testing

@testable import Privacy

@Suite struct GaussianAccountantTests {
  @Test("epsilon matches dp-accounting on all 264 rows and is never below it beyond its own error")
  func epsilonMatchesReference() throws {
    let rows = try ReferenceTable("gaussian_eps.csv").values(
      "sigma", "sensitivity", "delta", "eps_dpa", "eps_autodp")
    #expect(rows.count == 264)
    for row in rows {
      let (sigma, sensitivity, delta, expected) = (row[0], row[1], row[2], row[3])
      let epsilon = GaussianAccountant.epsilon(mu: sensitivity / sigma, delta: delta)
      // The peers agree with each other to `spread`: for mu near 1e-3 their formula cancels and
      // they hold 1e-9 only; elsewhere 1e-11.
      let spread = abs(row[3] - row[4])
      let tolerance = 1e-11 * expected + 8 * spread + 1e-13
      #expect(
        abs(epsilon - expected) <= tolerance, "sigma \(sigma) \(sensitivity) delta \(delta)")
      #expect(tolerance <= 1e-9 * expected + 1e-11, "the reference supports 1e-9")
    }
  }

  @Test("ln delta matches dp-accounting on all 60 rows, deep tails included")
  func logDeltaMatchesReference() throws {
    let rows = try ReferenceTable("gaussian_logdelta.csv").values(
      "sigma", "eps", "logdelta_dpa", "logdelta_autodp")
    #expect(rows.count == 60)
    for row in rows {
      let logDelta = GaussianAccountant.logDelta(mu: 1 / row[0], epsilon: row[1])
      let spread = abs(row[2] - row[3])
      let tolerance = 1e-11 * abs(row[2]) + spread
      #expect(abs(logDelta - row[2]) <= tolerance, "sigma \(row[0]) epsilon \(row[1])")
    }
  }

  @Test("the noise multiplier matches dp-accounting on all 130 rows")
  func noiseMultiplierMatchesReference() throws {
    let rows = try ReferenceTable("gaussian_sigma.csv").values(
      "eps", "delta", "sensitivity", "sigma_dpa")
    #expect(rows.count == 130)
    for row in rows {
      let sigma = GaussianAccountant.noiseMultiplier(epsilon: row[0], delta: row[1]) * row[2]
      #expect(abs(sigma - row[3]) <= 1e-9 * row[3], "epsilon \(row[0]) delta \(row[1])")
    }
  }

  @Test("ln delta is above the 20-digit value by less than 1e-11, from mu 1e-9 to 1000")
  func logDeltaIsTightUpperBound() throws {
    let rows = try ReferenceTable("gaussian_logdelta_deep.csv").values("mu", "epsilon", "log_delta")
    #expect(rows.count == 230)
    for row in rows {
      let (mu, epsilon, truth) = (row[0], row[1], row[2])
      let logDelta = GaussianAccountant.logDelta(mu: mu, epsilon: epsilon)
      // Relative to what the arguments can say: one unit in the last place of epsilon/mu moves
      // ln delta by the product of near and far.
      let far = epsilon / mu + mu / 2
      let tolerance = 1e-11 * max(abs(truth), 1e-2) + 1e-15 * far * far
      #expect(logDelta >= truth, "mu \(mu) epsilon \(epsilon)")
      #expect(logDelta <= truth + tolerance, "mu \(mu) epsilon \(epsilon): \(logDelta) \(truth)")
    }
  }

  @Test("epsilon is above the 20-digit value by less than 1e-12 relative, down to delta 1e-100")
  func epsilonIsTightUpperBound() throws {
    let rows = try ReferenceTable("gaussian_epsilon_deep.csv").values("mu", "delta", "epsilon")
    #expect(rows.count == 84)
    for row in rows {
      let epsilon = GaussianAccountant.epsilon(mu: row[0], delta: row[1])
      #expect(epsilon >= row[2], "mu \(row[0]) delta \(row[1])")
      #expect(epsilon <= row[2] * (1 + 1e-12), "mu \(row[0]) delta \(row[1])")
    }
  }

  @Test("calibrating and accounting back returns epsilon from below")
  func calibrationInverts() {
    for epsilon in [0.001, 0.1, 1, 2, 4, 8, 30, 100] {
      for delta in [1e-2, 1e-5, 1e-9, 1e-30] {
        let mu = GaussianAccountant.mu(epsilon: epsilon, delta: delta)
        let back = GaussianAccountant.epsilon(mu: mu, delta: delta)
        #expect(back <= epsilon && back >= epsilon * (1 - 1e-11), "\(epsilon) \(delta) \(back)")
        let noise = GaussianAccountant.noiseMultiplier(epsilon: epsilon, delta: delta)
        #expect(GaussianAccountant.epsilon(mu: 1 / noise, delta: delta) <= epsilon)
      }
    }
  }

  @Test("more loss or a smaller delta never makes epsilon smaller")
  func monotone() {
    let mus = (0...60).map { 1e-4 * pow(1.3, Double($0)) }
    for delta in [1e-3, 1e-6, 1e-12] {
      for (smaller, larger) in zip(mus, mus.dropFirst()) {
        #expect(
          GaussianAccountant.epsilon(mu: smaller, delta: delta)
            <= GaussianAccountant.epsilon(mu: larger, delta: delta))
      }
    }
    for mu in mus {
      #expect(
        GaussianAccountant.epsilon(mu: mu, delta: 1e-5)
          <= GaussianAccountant.epsilon(mu: mu, delta: 1e-6))
    }
  }

  @Test("no loss costs nothing, no noise costs everything, and nothing is NaN")
  func extremes() {
    #expect(GaussianAccountant.epsilon(mu: 0, delta: 1e-5) == 0)
    #expect(GaussianAccountant.epsilon(mu: 1e-9, delta: 1e-5) == 0)
    #expect(GaussianAccountant.epsilon(mu: .infinity, delta: 1e-5) == .infinity)
    #expect(GaussianAccountant.epsilon(mu: 1e200, delta: 1e-5) == .infinity)
    #expect(GaussianAccountant.logDelta(mu: 0, epsilon: 1) == -.infinity)
    #expect(GaussianAccountant.logDelta(mu: 1, epsilon: .infinity) == -.infinity)
    #expect(GaussianAccountant.logDelta(mu: .infinity, epsilon: 1) == 0)
    #expect(GaussianAccountant.logDelta(mu: 1e-300, epsilon: 1) < -1e298)
    #expect(!GaussianAccountant.logDelta(mu: .leastNonzeroMagnitude, epsilon: 0).isNaN)
  }

  @Test("one history against another costs 12.3 or 19.1 where history against none costs 8")
  func oneHistoryAgainstAnother() {
    let acute = GaussianAccountant.oneHistoryAgainstAnother(
      epsilon: 8, delta: 1e-5, distance: .acute)
    let unrestricted = GaussianAccountant.oneHistoryAgainstAnother(
      epsilon: 8, delta: 1e-5, distance: .unrestricted)
    #expect((12.25..<12.35).contains(acute))
    #expect((19.05..<19.15).contains(unrestricted))
    let mu = GaussianAccountant.mu(epsilon: 8, delta: 1e-5)
    #expect(abs(unrestricted - GaussianAccountant.epsilon(mu: 2 * mu, delta: 1e-5)) < 1e-11)
    #expect(
      abs(acute - GaussianAccountant.epsilon(mu: 2.0.squareRoot() * mu, delta: 1e-5)) < 1e-11)
  }
}
