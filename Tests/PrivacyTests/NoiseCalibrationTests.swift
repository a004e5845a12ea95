import Testing

@testable import Privacy

@Suite struct NoiseCalibrationTests {
  @Test("the exact charges of calibrated rounds fit the limit and leave almost nothing unused")
  func fitsTightly() throws {
    for epsilon in [0.5, 1, 2, 4, 8, 20] {
      for shares in [[1.0], [0.1, 0.9], Array(repeating: 1.0 / 15, count: 15), [0.3, 0.3, 0.4]] {
        let calibration = try NoiseCalibration(
          epsilonLimit: epsilon, delta: 1e-5, shares: shares, fractionBits: 18)
        #expect(calibration.noiseMultipliers.count == shares.count)
        var filter = GDPFilter(epsilonLimit: epsilon, delta: 1e-5)
        for event in calibration.events { try filter.charge(event) }
        #expect(filter.epsilonSpent <= epsilon)
        #expect(filter.epsilonSpent > epsilon * (1 - 3e-5), "epsilon \(epsilon) \(shares)")
        for (share, event) in zip(shares, calibration.events) {
          let fraction = event.muSquared.doubleValue / filter.limit.doubleValue
          #expect(abs(fraction - share) <= 3e-5 * share)
        }
      }
    }
  }

  @Test("multipliers have at most six significant digits and also fit on finer grids")
  func roundedAndFineGrids() throws {
    let calibration = try NoiseCalibration(
      epsilonLimit: 8, delta: 1e-5, shares: [0.1, 0.9], fractionBits: 16)
    #expect(calibration.noiseMultipliers.allSatisfy { $0.significand < 1_000_000 })
    for fractionBits in 16...24 {
      var filter = GDPFilter(epsilonLimit: 8, delta: 1e-5)
      for multiplier in calibration.noiseMultipliers {
        try filter.charge(
          .discreteGaussian(noiseMultiplier: multiplier, fractionBits: fractionBits))
      }
    }
  }

  @Test("a device that sums its own rounded charges also admits the last round")
  func roundedSumsFit() throws {
    let calibration = try NoiseCalibration(
      epsilonLimit: 4, delta: 1e-6, shares: Array(repeating: 0.02, count: 50), fractionBits: 18)
    var spent = 0.0
    for event in calibration.events {
      #expect(GDPFilter(epsilonLimit: 4, delta: 1e-6, spentMuSquared: spent).admits(event))
      spent += event.mu * event.mu * (1 + 1e-15)
    }
  }

  @Test("shares that are no shares, budgets that are none and grids too coarse are refused")
  func refused() {
    for shares in [[], [0.0, 1.0], [-0.5, 0.5], [0.6, 0.6], [.infinity]] as [[Double]] {
      #expect(throws: PrivacyError.invalidShares(shares)) {
        try NoiseCalibration(epsilonLimit: 8, delta: 1e-5, shares: shares, fractionBits: 18)
      }
    }
    #expect(throws: PrivacyError.self) {
      try NoiseCalibration(epsilonLimit: 8, delta: 1e-5, shares: [.nan], fractionBits: 18)
    }
    #expect(throws: PrivacyError.self) {
      try NoiseCalibration(epsilonLimit: .infinity, delta: 1e-5, shares: [1], fractionBits: 18)
    }
    #expect(throws: PrivacyError.self) {
      try NoiseCalibration(epsilonLimit: 8, delta: 1, shares: [1], fractionBits: 18)
    }
    #expect(throws: PrivacyError.scaleNotChargeable(615)) {
      try NoiseCalibration(epsilonLimit: 8, delta: 1e-5, shares: [1], fractionBits: 10)
    }
    #expect(throws: PrivacyError.self) {
      try NoiseCalibration(epsilonLimit: 8, delta: 1e-5, shares: [1], fractionBits: -3)
    }
  }
}
