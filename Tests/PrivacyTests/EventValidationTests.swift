import Testing

@testable import Privacy

@Suite struct EventValidationTests {
  @Test("no event holds NaN, a negative scale or an infinity that is not a lack of noise")
  func refusals() {
    for bad in [Double.nan, -1, -0.5, .infinity, -.infinity, 1e-13, 1e300] {
      #expect(throws: PrivacyError.self) { try DPEvent.gaussian(noiseMultiplier: bad) }
      #expect(throws: PrivacyError.self) { try DPEvent.laplace(scale: bad) }
      #expect(throws: PrivacyError.self) {
        try DPEvent.discreteGaussian(sigma: bad, sensitivity: 1)
      }
      #expect(throws: PrivacyError.self) {
        try DPEvent.discreteLaplace(parameter: bad, sensitivity: 1)
      }
      #expect(throws: PrivacyError.self) {
        try DPEvent.matrixFactorization(noiseMultiplier: bad, sensitivity: 1)
      }
    }
    for bad in [Double.nan, -1, 1.5, .infinity] {
      #expect(throws: PrivacyError.self) {
        try DPEvent.poissonSampled(rate: bad, .gaussian(noiseMultiplier: 1))
      }
      #expect(throws: PrivacyError.self) { try DPEvent.epsilonDelta(epsilon: 1, delta: bad) }
      #expect(throws: PrivacyError.self) { try DPEvent.randomizedResponse(noise: bad, buckets: 2) }
    }
    #expect(throws: PrivacyError.self) { try DPEvent.zCDP(rho: .nan) }
    #expect(throws: PrivacyError.self) { try DPEvent.epsilonDelta(epsilon: .nan, delta: 0) }
    #expect(throws: PrivacyError.self) { try DPEvent.repeated(.none, count: -1) }
  }

  @Test("Gaussians in any arrangement are one Gaussian; anything else is not")
  func gaussianMu() throws {
    let cases: [(String, Double)] = [
      ("G:2.0", 0.5), ("G:2.0*4", 1), ("G:1.0;G:1.0;(G:2.0*8)", 2), ("PG:1.0:2.0", 0.5),
      ("PG:0.0:2.0", 0), ("MF:2.0:3.0", 1.5), ("TR:1.0:1+8+3", 2), ("()", 0), ("G:0.0", .infinity),
    ]
    for (text, mu) in cases {
      #expect(try DPEvent(text).gaussianMu(sensitivityFactor: 1) == mu, "\(text)")
      #expect(try DPEvent(text).gaussianMu(sensitivityFactor: 2) == 2 * mu, "\(text)")
    }
    for text in ["L:1.0", "PG:0.5:1.0", "G:1.0;L:1.0", "DG:4.0:1"] {
      #expect(try DPEvent(text).gaussianMu(sensitivityFactor: 1) == nil)
    }
  }

  @Test("what a ledger is charged for is an event of the same mu, never below it")
  func ledgerCharge() throws {
    for scale: UInt64 in [1 << 10, 333_000, 1 << 30] {
      let charge = try PrivacyEvent.discreteGaussian(scale: scale, sensitivity: 1 << 20)
      let mu = try #require(charge.dpEvent.gaussianMu(sensitivityFactor: 1))
      #expect(mu >= charge.mu && mu <= charge.mu * (1 + 1e-15))
    }
  }
}
