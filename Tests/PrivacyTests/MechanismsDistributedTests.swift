import Foundation
import Testing

@testable import Privacy

/// Numerical checks of what `docs/privacy.md` derives for noise that clients draw.
@Suite struct MechanismsDistributedTests {
  private func discreteGaussian(_ s: Double, reach: Int) -> [Double] {
    let weights = (-reach...reach).map { exp(-Double($0 * $0) / (2 * s * s)) }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }

  @Test("the sum of shares is one discrete Gaussian up to e^±tau, in the bulk and in the tail")
  func sumOfShares() {
    for (s, count) in [(0.6, 2), (0.8, 3), (1.0, 4), (1.2, 5)] {
      let reach = 40
      let share = discreteGaussian(s, reach: reach)
      var sum = [1.0]
      for _ in 0..<count {
        var next = Array(repeating: 0.0, count: sum.count + share.count - 1)
        for (i, left) in sum.enumerated() {
          for (j, right) in share.enumerated() { next[i + j] += left * right }
        }
        sum = next
      }
      let whole = discreteGaussian(s * Double(count).squareRoot(), reach: reach * count)
      let noise = DistributedDiscreteGaussianNoise(
        l2: 1, l1: 1, localScale: s, clientCount: count, dimension: 1)
      var largest = 0.0
      // Where a share's own cut at ±40 does not matter.
      for y in -8...8 {
        largest = max(largest, abs(log(sum[y + reach * count] / whole[y + reach * count])))
      }
      #expect(largest <= noise.tau, "s \(s), \(count) shares: \(largest), tau \(noise.tau)")
      #expect(largest > 0)
    }
  }

  @Test("a Gaussian of variance s² - r², rounded by a discrete Gaussian of std r, is discrete of s")
  func randomisedRounding() {
    // r = 1: the factor is within 1 ± 2 exp(-2π² r²) = 1 ± 5.4e-9, which doubles can show.
    let (s, r) = (6.0, 1.0)
    let variance = s * s - r * r
    let bound = 2 * exp(-2 * Double.pi * Double.pi * r * r) * 1.01
    let total = (-200...200).reduce(0.0) { $0 + exp(-Double($1 * $1) / (2 * s * s)) }
    for y in [0, 1, 3, 10, 25] {
      // ∫ N(x; 0, s² - r²) P[rounding of x is y] dx by the trapezoidal rule.
      let step = 1.0 / 64
      var probability = 0.0
      for index in -60 * 64...60 * 64 {
        let x = Double(index) * step
        let normaliser = (-12...12).reduce(0.0) {
          let z = Double($1) + x.rounded()
          return $0 + exp(-(z - x) * (z - x) / (2 * r * r))
        }
        probability +=
          step * exp(-x * x / (2 * variance)) / (2 * Double.pi * variance).squareRoot()
          * exp(-(Double(y) - x) * (Double(y) - x) / (2 * r * r)) / normaliser
      }
      let expected = exp(-Double(y * y) / (2 * s * s)) / total
      #expect(abs(probability / expected - 1) <= 2 * bound + 1e-12, "y \(y)")
    }
    // With r = 4, as charged, the factor is out of any double's sight.
    #expect(2 * exp(-2 * Double.pi * Double.pi * 16) < 1e-130)
  }

  @Test("the charge is that of one release of the honest shares' total, rounded up")
  func charge() throws {
    let charge = try DistributedGaussianCharge(
      shareVarianceNumerator: 1 << 40, shareVarianceDenominator: 607, honestShares: 607,
      sensitivity: 1 << 20, dimension: 1 << 20)
    let central = try PrivacyEvent.discreteGaussian(scale: 1 << 20, sensitivity: 1 << 20)
    #expect(charge.muSquared == central.muSquared)
    #expect(charge.epsilonSlack < 1e-55)
    let smallest = try DistributedGaussianCharge(
      shareVarianceNumerator: 16, shareVarianceDenominator: 1, honestShares: 1 << 17,
      sensitivity: 1, dimension: 1 << 20)
    #expect(smallest.epsilonSlack < 1e-55 && smallest.epsilonSlack > 0)
    for (numerator, denominator, shares, sensitivity) in [
      (15, 1, 1 << 20, 1), (1 << 19, 1, 1, 1), (1 << 40, 0, 1, 1), (1 << 40, 1, 0, 1),
      (1 << 40, 1, 1, 0), (1 << 61, 1, 1, 1),
    ] as [(UInt64, UInt64, Int, UInt64)] {
      #expect(throws: PrivacyError.self) {
        try DistributedGaussianCharge(
          shareVarianceNumerator: numerator, shareVarianceDenominator: denominator,
          honestShares: shares, sensitivity: sensitivity, dimension: 1)
      }
    }
  }
}
