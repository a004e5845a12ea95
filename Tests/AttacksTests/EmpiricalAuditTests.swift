import Foundation
import Testing

@testable import Attacks

@Suite struct EmpiricalAuditTests {
  @Test("Clopper-Pearson bounds are those of the tables")
  func binomial() {
    // scipy.stats: beta.ppf(0.95, 8, 43) and beta.ppf(0.05, 7, 44).
    #expect(abs(BinomialBound.upper(count: 7, trials: 50, significance: 0.05) - 0.246_935) < 1e-6)
    #expect(abs(BinomialBound.lower(count: 7, trials: 50, significance: 0.05) - 0.067_597) < 1e-6)
    // Nothing seen: 1 - 0.05^(1/n), the exact rule of three.
    let none = BinomialBound.upper(count: 0, trials: 1_000, significance: 0.05)
    #expect(abs(none - (1 - pow(0.05, 1.0 / 1_000))) < 1e-12)
    #expect(BinomialBound.lower(count: 0, trials: 10, significance: 0.05) == 0)
    #expect(BinomialBound.upper(count: 10, trials: 10, significance: 0.05) == 1)
  }

  @Test("the incomplete beta function meets closed forms")
  func beta() {
    for x in [0.01, 0.3, 0.77, 0.999] {
      #expect(abs(BinomialBound.incompleteBeta(1, 1, x) - x) < 1e-12)
      #expect(abs(BinomialBound.incompleteBeta(3, 1, x) - x * x * x) < 1e-12)
      let half = 2 / Double.pi * asin(x.squareRoot())
      // a = b = 1/2 is outside of the range that bounds use, and holds too.
      #expect(abs(BinomialBound.incompleteBeta(0.5, 0.5, x) - half) < 1e-10)
    }
  }

  @Test("samples of two Gaussians at distance mu give a bound just below mu")
  func gaussians() {
    let count = 20_000
    // Midpoint quantiles stand for perfect samples; shuffled so that both halves are alike.
    let base = (0..<count).map { NormalQuantile.at((Double($0) + 0.5) / Double(count)) }
    for mu in [0.5, 1.5, 3] {
      let test = DistinguishingTest(
        with: base.map { $0 + mu }, without: base, delta: 1e-5, significance: 0.01)
      #expect(test.muLowerBound < mu && test.muLowerBound > 0.85 * mu, "\(mu): \(test)")
      #expect(test.epsilonLowerBound < 10)
    }
    let same = DistinguishingTest(with: base, without: base, delta: 0, significance: 0.01)
    #expect(same.muLowerBound < 0.01 && same.epsilonLowerBound < 0.01)
  }
}

/// The quantile by bisection of erfc: for tests, and apart from the one that is tested.
enum NormalQuantile {
  static func at(_ p: Double) -> Double {
    var (low, high) = (-10.0, 10.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if 0.5 * erfc(-middle / 2.0.squareRoot()) < p { low = middle } else { high = middle }
    }
    return low
  }
}
