import Foundation
import Testing

@testable import Privacy

@Suite struct LossDistributionNumericsTests {
  @Test("a transform there and back is the same sequence; a product is a negacyclic convolution")
  func transform() {
    for length in [8, 16, 32, 128, 4_096] {
      let transform = NegacyclicTransform(length: length)
      let left = (0..<length).map { sin(Double($0 * $0)) }
      let right = (0..<length).map { cos(Double(3 * $0)) }
      let back = transform.backward(transform.forward(left))
      for (value, original) in zip(back, left) { #expect(abs(value - original) < 1e-14) }
      guard length <= 128 else { continue }
      let product = zip(transform.forward(left), transform.forward(right)).map { a, b in
        SIMD2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x)
      }
      let convolution = transform.backward(product)
      for k in 0..<length {
        var sum = 0.0
        for i in 0..<length {
          sum += i <= k ? left[i] * right[k - i] : -left[i] * right[length + k - i]
        }
        #expect(abs(convolution[k] - sum) < 1e-11, "length \(length) place \(k)")
      }
    }
  }

  @Test("the transform's error stays within its stated bound")
  func transformError() {
    let transform = NegacyclicTransform(length: 1 << 12)
    let sequence = (0..<transform.length).map { exp(-Double($0) / 300) }
    let values = transform.forward(sequence)
    var (error, size) = (0.0, 0.0)
    for k in stride(from: 0, to: 400, by: 7) {
      // The same values by direct sums, each at its own point e^(iπ(1 - 4j)/n): found by search.
      let value = values[k]
      size += value.x * value.x + value.y * value.y
      var best = Double.infinity
      for j in [digitReversed(k, of: transform.length / 2)] {
        let angle = Double.pi * (1 - 4 * Double(j)) / Double(transform.length)
        var (x, y) = (0.0, 0.0)
        for (place, coefficient) in sequence.enumerated() {
          x += coefficient * cos(angle * Double(place))
          y += coefficient * sin(angle * Double(place))
        }
        best = min(best, (x - value.x) * (x - value.x) + (y - value.y) * (y - value.y))
      }
      error += best
    }
    // The direct sums round too, by about 1e-13 each.
    #expect(error.squareRoot() <= transform.relativeError * size.squareRoot() + 2e-11)
  }

  /// The place at which decimation in frequency leaves index `k`: its bits, reversed.
  private func digitReversed(_ k: Int, of count: Int) -> Int {
    let bits = count.trailingZeroBitCount
    return (0..<bits).reduce(0) { $0 | ((k >> $1) & 1) << (bits - 1 - $1) }
  }

  @Test("P's and Q's masses of cells add up, at any width and depth")
  func gaussianMasses() {
    for direction in LossDirection.allCases {
      for (rate, noise) in [(0.01, 1.0), (0.5, 0.3), (1e-5, 4)] {
        let loss = GaussianLoss(
          rate: rate, noiseMultiplier: noise, direction: direction, tail: 1e-20)
        for (low, high) in [(-3.0, 4.0), (5, 9), (-8, -6.5), (0.2, 0.21), (7, 7.3)] {
          let whole = loss.masses(from: low, to: high)
          var sum = LossMasses(p: 0, q: 0)
          for part in 0..<997 {
            let from = low + (high - low) * Double(part) / 997
            let piece = loss.masses(from: from, to: low + (high - low) * Double(part + 1) / 997)
            sum.p += piece.p
            sum.q += piece.q
          }
          #expect(abs(sum.p / whole.p - 1) < 1e-11, "\(direction) \(rate) \(low)")
          #expect(abs(sum.q / whole.q - 1) < 1e-11, "\(direction) \(rate) \(low)")
        }
        for point in [-2.0, 0, 0.7, 3] {
          let back = loss.point(loss: loss.loss(point))
          #expect(abs(back - point) < 1e-6 / rate * 1e-4 + 1e-9, "\(direction) \(rate) \(point)")
        }
      }
    }
  }

  @Test("a discretised distribution keeps P and Q, so that no loss is understated")
  func discretisation() throws {
    for release in [
      LossRelease.gaussian(noiseMultiplier: 1, rate: 0.1), .laplace(scale: 2, rate: 0.3),
      .laplace(scale: 0.5, rate: 1), .discreteGaussian(sigma: 2, sensitivity: 1, rate: 0.2),
      .discreteLaplace(parameter: 0.3, sensitivity: 4, rate: 0.5),
      .epsilonDelta(epsilon: 1, delta: 1e-3, rate: 0.5),
      .fixedSizeGaussian(noiseMultiplier: 1, rate: 0.1), .fixedSizeLaplace(scale: 1, rate: 0.5),
      .truncatedGaussian(noiseMultiplier: 1, rate: 0.1, cut: 0.01, cutRate: 0.1),
    ] {
      for direction in LossDirection.allCases {
        if case .epsilonDelta = release, direction == .replace { continue }
        let loss = DiscretizedLoss(
          release.distribution(direction, tail: 1e-14), interval: 0.01)
        // E[1] = 1 and E[e^-loss] = Q of the finite losses, at most 1.
        let p = exp(loss.logMoment(tilt: 0)) + loss.infinityMass
        let q = exp(loss.logMoment(tilt: -1))
        #expect(p >= 1 - 1e-12 && p < 1 + 1e-9, "\(release) \(direction) \(p)")
        #expect(q <= 1 + 1e-9 && q > 0.4, "\(release) \(direction) \(q)")
      }
    }
  }

  @Test("binomial tails match exact sums and known values for large numbers of trials")
  func binomialTail() {
    // 2^-10 × (C(10,8) + C(10,9) + C(10,10)) = 56 / 1024
    #expect(abs(BinomialTail.atLeast(8, of: 10, rate: 0.5) - 56.0 / 1024) < 1e-14)
    #expect(abs(BinomialTail.atLeast(3, of: 10, rate: 0.5) - 968.0 / 1024) < 1e-14)
    // scipy.stats.binom.sf(99, 9999, 0.01), sf(149, 9999, 0.01), sf(1099, 99999, 0.01)
    let known = [
      (100, 9_999, 0.513_098_653_659_005), (150, 9_999, 1.648_388_505_587_532e-6),
      (1_100, 99_999, 9.107_814_265_086_58e-4),
    ]
    for (least, trials, truth) in known {
      let tail = BinomialTail.atLeast(least, of: trials, rate: 0.01)
      #expect(abs(tail / truth - 1) < 1e-8, "\(least) of \(trials): \(tail)")
    }
    #expect(BinomialTail.atLeast(0, of: 5, rate: 0.1) == 1)
    #expect(BinomialTail.atLeast(6, of: 5, rate: 0.1) == 0)
  }
}
