import Foundation
import Testing
import VectorMath

@testable import Privacy

@Suite struct MechanismsAuditTests {
  @Test("the published figures of the paper's appendix D are met")
  func published() throws {
    let audit = try OneRunAudit(canaryCount: 100, guessCount: 100, correctCount: 75)
    #expect(abs(audit.pValue(epsilon: log(3), delta: 0) - 0.553) < 5e-4)
    #expect(abs(audit.epsilonLowerBound(delta: 0, significance: 0.05) - 0.702) < 5e-4)
    #expect(abs(audit.epsilonLowerBound(delta: 1e-4, significance: 0.05) - 0.699) < 5e-4)
  }

  @Test(
    "p-values and lower bounds match jax-privacy in every row, the f-DP bounds where it has them")
  func table() throws {
    var gaussianRows = 0
    for row in try ReferenceTable("audit_one_run.csv").rows {
      let number = { (column: String) in row[column].flatMap(Double.init) }
      let integer = { (column: String) in Int(row[column] ?? "") ?? -1 }
      let audit = try OneRunAudit(
        canaryCount: integer("m"), guessCount: integer("r"), correctCount: integer("v"))
      let (delta, significance) = (
        try #require(number("delta")), try #require(number("significance"))
      )
      let pValue = audit.pValue(epsilon: 1, delta: delta)
      let expected = try #require(number("p_value_at_eps1"))
      #expect(abs(pValue - expected) <= 1e-9 * expected, "\(row): \(pValue)")
      let bound = audit.epsilonLowerBound(delta: delta, significance: significance)
      let peer = try #require(number("eps_lower"))
      #expect(abs(bound - peer) <= 1e-6 * peer + 1e-6, "\(row): \(bound)")
      guard let gaussianPeer = number("eps_lower_fdp") else { continue }
      gaussianRows += 1
      let gaussian = audit.gaussianEpsilonLowerBound(delta: delta, significance: significance)
      // The peer stops its bisection earlier.
      #expect(abs(gaussian - gaussianPeer) <= 2e-6 * gaussianPeer + 2e-6, "\(row): \(gaussian)")
    }
    #expect(gaussianRows > 50)
  }

  @Test("all guesses right refute what the closed form says, and none refutes anything")
  func ceiling() throws {
    for count in [10, 100, 1_000] {
      let audit = try OneRunAudit(canaryCount: count, guessCount: count, correctCount: count)
      let ceiling = -log(pow(0.05, -1 / Double(count)) - 1)
      #expect(abs(audit.epsilonLowerBound(delta: 0, significance: 0.05) - ceiling) < 1e-9 * ceiling)
    }
    let silent = try OneRunAudit(canaryCount: 50, guessCount: 0, correctCount: 0)
    #expect(silent.epsilonLowerBound(delta: 1e-5, significance: 0.05) == 0)
    #expect(silent.gaussianEpsilonLowerBound(delta: 1e-5, significance: 0.05) == 0)
    #expect(silent.pValue(epsilon: 3, delta: 1) == 1)
  }

  @Test("a mechanism with a sixth of its noise is caught, one with all of it is not")
  func tooLittleNoise() throws {
    // 5,000 canaries, each read through its own Gaussian of noise multiplier z: mu = 1 / z. One run
    // shows about 0.3 of mu at this significance, so half of the noise would pass.
    var generator = SeededRandom(seed: 61)
    func run(noise: Double) throws -> OneRunAudit {
      let scale: UInt64 = 1 << 16
      let draws = DiscreteGaussian(scale: scale).batch(count: 5_000, using: &generator)
      let scored = draws.map { draw -> (score: Double, isIn: Bool) in
        let isIn = Bool.random(using: &generator)
        return (Double(draw) / Double(scale) * noise + (isIn ? 0.5 : -0.5), isIn)
      }
      // Only the 500 surest are guessed.
      let guessed = scored.sorted { abs($0.score) > abs($1.score) }.prefix(500)
      let right = guessed.filter { ($0.score > 0) == $0.isIn }.count
      return try OneRunAudit(canaryCount: 5_000, guessCount: 500, correctCount: right)
    }
    let delta = 1e-5
    let claimed = GaussianAccountant.epsilon(mu: 0.5, delta: delta)
    // False alarm below 1e-6 a run, by the significance.
    let honest = try run(noise: 2)
    #expect(honest.gaussianEpsilonLowerBound(delta: delta, significance: 1e-6) < claimed)
    #expect(honest.epsilonLowerBound(delta: delta, significance: 1e-6) < claimed)
    let sixth = try run(noise: 1.0 / 3)
    #expect(sixth.gaussianEpsilonLowerBound(delta: delta, significance: 1e-6) > claimed)
  }

  @Test("counts that cannot be are refused; extremes are neither NaN nor a trap")
  func extremes() throws {
    for (m, r, v) in [(0, 0, 0), (5, 6, 1), (5, 3, 4), (5, -1, 0), (5, 3, -1), (1 << 40, 1, 1)] {
      #expect(throws: PrivacyError.self) {
        try OneRunAudit(canaryCount: m, guessCount: r, correctCount: v)
      }
    }
    for (m, r, v) in [(1, 1, 1), (1, 1, 0), (1_000_000, 100_000, 100_000), (10_000, 10_000, 1)] {
      let audit = try OneRunAudit(canaryCount: m, guessCount: r, correctCount: v)
      for epsilon in [0, 1e-300, 700, 1e300, .infinity] {
        for delta in [0, 1e-300, 1] {
          let value = audit.pValue(epsilon: epsilon, delta: delta)
          #expect(value >= 0 && value <= 1, "\(m) \(r) \(v) \(epsilon) \(delta): \(value)")
        }
      }
      #expect(audit.epsilonLowerBound(delta: 1e-9, significance: 1e-9).isFinite)
      #expect(audit.gaussianEpsilonLowerBound(delta: 1e-9, significance: 0.5).isFinite)
    }
  }

  @Test("the normal quantile inverts the distribution function at every depth")
  func quantile() {
    for p in [1e-300, 1e-50, 1e-9, 0.01, 0.3, 0.5, 0.7, 0.999, 1 - 1e-12] {
      let x = NormalDistribution.quantile(p)
      let back = NormalDistribution.cumulative(x)
      #expect(abs(back - p) <= 1e-12 * min(p, 1) + (p > 0.5 ? 1e-15 : 0), "\(p): \(x), \(back)")
    }
    #expect(NormalDistribution.quantile(0.5) == 0)
    #expect(abs(NormalDistribution.quantile(0.975) - 1.959963984540054) < 1e-14)
    #expect(NormalDistribution.shifted(0, by: 1) == 0 && NormalDistribution.shifted(1, by: 1) == 1)
  }
}

@Suite struct StochasticRoundingNormsTests {
  @Test("rounded norms are bounded as stated, and integer grids keep l1 below l2 squared")
  func roundedNorms() throws {
    let small = try StochasticRoundingNorms(clippingNorm: 3, beta: 0, dimension: 4)
    #expect(small.l2 == 5 && small.l1 == 10)
    let tiny = try StochasticRoundingNorms(clippingNorm: 0, beta: exp(-0.5), dimension: 1)
    #expect(tiny.l2 <= 1 && tiny.l1 == tiny.l2 * tiny.l2)
    for (norm, beta, dimension) in [
      (-1, 0.5, 1), (1, 1, 1), (1, -0.1, 1), (1, 0.5, 0), (.nan, 0, 1),
    ]
      as [(Double, Double, Int)]
    {
      #expect(throws: PrivacyError.self) {
        try StochasticRoundingNorms(clippingNorm: norm, beta: beta, dimension: dimension)
      }
    }
  }
}
