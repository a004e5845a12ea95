import Foundation
import Testing
import VectorMath

@testable import Privacy

@Suite struct RenyiPropertyTests {
  private static let mechanisms: [RenyiMechanism] = [
    .gaussian(noiseMultiplier: 2), .laplace(scale: 3), .laplace(scale: 1e-3), .laplace(scale: 1e7),
    .discreteLaplace(decay: 0.5, sensitivity: 3), .discreteLaplace(decay: 1e-7, sensitivity: 1),
    .randomizedResponse(noise: 0.3, bucketCount: 5), .approximate(epsilon: 0.7, delta: 0),
    .zCDP(rho: 0.01), .tree(noiseMultiplier: 4, stepCount: 100),
    .skellam(SkellamNoise(l2: 1, l1: 10, variance: 4, scale: 100)),
    .distributedDiscreteGaussian(
      DistributedDiscreteGaussianNoise(
        l2: 100, l1: 1_000, localScale: 50, clientCount: 20, dimension: 100)),
    .withoutReplacement(rate: 0.01, noiseMultiplier: 1),
    .poisson(rate: 0.01, .gaussian(noiseMultiplier: 1)), .poisson(rate: 0.2, .laplace(scale: 1)),
    .poisson(rate: 0.1, .zCDP(rho: 0.1)),
  ]

  @Test("(a - 1) D_a is convex, D_a does not fall with the order, and all of it is finite")
  func shape() throws {
    let orders = RenyiOrders.standard
    for mechanism in Self.mechanisms {
      let curve = try RenyiCurve(mechanism)
      var previous = 0.0
      var slope = 0.0
      for (index, order) in orders.values.enumerated() {
        let divergence = curve.divergence(at: index)
        #expect(divergence.isFinite, "\(mechanism) at \(order)")
        #expect(divergence >= previous * (1 - 1e-9), "\(mechanism) at \(order)")
        previous = divergence
        // Bounds for one order at a time need not be convex across the point where they change.
        if case .gaussian = mechanism, index > 0 {
          let rise = curve.logMoments[index] - curve.logMoments[index - 1]
          let next = rise / (order - orders.values[index - 1])
          #expect(next >= slope * (1 - 1e-9))
          slope = next
        }
      }
    }
  }

  @Test(
    "less noise, more sampling and more rounds never cost less; a larger delta never costs more")
  func monotone() throws {
    func epsilon(_ mechanism: RenyiMechanism, count: Int = 100, delta: Double = 1e-6) throws
      -> Double
    {
      try (count * RenyiCurve(mechanism)).epsilon(delta: delta)
    }
    let sigmas = [0.02, 0.06, 0.3, 0.5, 0.9, 1, 1.7, 4, 30, 1_000]
    let rates = [0, 1e-9, 1e-5, 1e-3, 0.02, 0.3, 0.9, 0.999_999, 1]
    for rate in rates {
      let values = try sigmas.map {
        try epsilon(.poisson(rate: rate, .gaussian(noiseMultiplier: $0)))
      }
      for (left, right) in zip(values, values.dropFirst()) { #expect(left >= right * (1 - 1e-9)) }
    }
    for sigma in sigmas {
      let values = try rates.map {
        try epsilon(.poisson(rate: $0, .gaussian(noiseMultiplier: sigma)))
      }
      for (left, right) in zip(values, values.dropFirst()) { #expect(left <= right * (1 + 1e-9)) }
      #expect(values.first == 0)
    }
    for mechanism in Self.mechanisms {
      var previous = 0.0
      for count in [0, 1, 2, 10, 1_000, 1_000_000] {
        let value = try epsilon(mechanism, count: count)
        #expect(value >= previous)
        previous = value
      }
      for delta in [0.5, 1e-3, 1e-9, 1e-30, 1e-300] {
        let value = try epsilon(mechanism, count: 10, delta: delta)
        #expect(value.isFinite)
        #expect(value >= (try epsilon(mechanism, count: 10, delta: delta * 1.5)))
      }
    }
  }

  @Test("the order of composition does not matter, and a count is repeated addition")
  func composition() throws {
    let curves = try Self.mechanisms.map { try RenyiCurve($0) }
    let forward = curves.reduce(RenyiCurve.zero()) { $0 + $1 }
    let backward = curves.reversed().reduce(RenyiCurve.zero()) { $0 + $1 }
    for (left, right) in zip(forward.logMoments, backward.logMoments) {
      #expect(abs(left - right) <= 1e-14 * left)
    }
    for curve in curves {
      let added = (0..<7).reduce(RenyiCurve.zero()) { sum, _ in sum + curve }
      for (left, right) in zip(added.logMoments, (7 * curve).logMoments) {
        #expect(abs(left - right) <= 1e-14 * left)
      }
    }
  }

  @Test("a Gaussian's curve is never below the exact answer, and close to it")
  func aboveExact() throws {
    for sigma in [0.1, 0.5, 1, 3, 20, 500] {
      for delta in [1e-2, 1e-5, 1e-9, 1e-30] {
        let exact = GaussianAccountant.epsilon(mu: 1 / sigma, delta: delta)
        let value = try RenyiCurve(.gaussian(noiseMultiplier: sigma)).epsilon(delta: delta)
        #expect(value >= exact)
        #expect(value <= exact * 1.3 + 0.03, "\(sigma) \(delta): \(value), exact \(exact)")
      }
    }
  }

  @Test("logDelta is the inverse of epsilon")
  func inverse() throws {
    for mechanism in Self.mechanisms {
      let curve = try 20 * RenyiCurve(mechanism)
      for delta in [1e-3, 1e-8, 1e-40] {
        let epsilon = curve.epsilon(delta: delta)
        guard epsilon > 0 else { continue }
        let delta2 = curve.logDelta(epsilon: epsilon)
        #expect(
          delta2 <= Double.log(delta) * (1 - 1e-12) && delta2 >= Double.log(delta) - 1e-4,
          "\(mechanism) \(delta): \(epsilon), \(delta2)")
      }
    }
  }

  @Test("a black box's delta is taken off, and a delta that does not exceed it bounds nothing")
  func failureProbability() throws {
    let curve = try 3 * RenyiCurve(.approximate(epsilon: 0.1, delta: 1e-6))
    #expect(curve.failureProbability == 3e-6)
    #expect(curve.epsilon(delta: 3e-6) == .infinity)
    #expect(curve.epsilon(delta: 1e-7) == .infinity)
    let pure = try 3 * RenyiCurve(.approximate(epsilon: 0.1, delta: 0))
    let value = curve.epsilon(delta: 1e-5)
    #expect(value > pure.epsilon(delta: 1e-5) && value < pure.epsilon(delta: 6.9e-6))
    let sampled = try RenyiCurve(.poisson(rate: 0.1, .approximate(epsilon: 0.1, delta: 1e-6)))
    #expect(sampled.failureProbability == 0.1 * 1e-6)
    #expect(sampled.logMoments[40] < curve.logMoments[40] / 100)
  }

  @Test("sampled Laplace is exact at integer orders, and the direction taken is the larger one")
  func sampledLaplace() throws {
    for (rate, scale) in [(0.01, 1.0), (0.3, 0.5), (0.5, 3), (0.9, 1)] {
      for order in [2, 3, 7, 16] {
        // E over L(0, b) of (1 - q + q r)^power by the midpoint rule; r is constant outside 0...1.
        func moment(_ power: Double) -> Double {
          let ratio = { (u: Double) in pow(1 - rate + rate * exp(u / scale), power) }
          let steps = 20_000
          let middle = (0..<steps).reduce(0.0) { sum, index in
            let x = (Double(index) + 0.5) / Double(steps)
            return sum + exp(-x / scale) / (2 * scale) * ratio(2 * x - 1)
          }
          return ratio(-1) / 2 + exp(-1 / scale) * ratio(1) / 2 + middle / Double(steps)
        }
        let a = Double(order)
        let curve = try RenyiCurve(
          .poisson(rate: rate, .laplace(scale: scale)), orders: RenyiOrders([a]))
        let forward = Double.log(moment(a))
        #expect(abs(curve.logMoments[0] - forward) <= 1e-6 * forward, "\(rate) \(scale) \(order)")
        #expect(Double.log(moment(1 - a)) <= forward * (1 + 1e-9))
      }
    }
    let generic = try RenyiCurve(
      .poisson(rate: 0.1, .zCDP(rho: 0.02)), orders: RenyiOrders([2, 8, 32]))
    let exact = try RenyiCurve(
      .poisson(rate: 0.1, .gaussian(noiseMultiplier: 5)), orders: RenyiOrders([2, 8, 32]))
    // The factor 3 is felt, but never more than not sampling at all.
    for (index, order) in generic.orders.values.enumerated() {
      let bound = generic.logMoments[index]
      #expect(bound >= exact.logMoments[index] * (1 - 1e-12))
      #expect(bound <= order * (order - 1) * 0.02)
    }
  }

  @Test("no noise is infinite, no loss is zero, and extremes are neither NaN nor a trap")
  func extremes() throws {
    let none: [RenyiMechanism] = [
      .gaussian(noiseMultiplier: 0), .laplace(scale: 0), .zCDP(rho: .infinity),
      .discreteLaplace(decay: .infinity, sensitivity: 1), .tree(noiseMultiplier: 0, stepCount: 3),
      .randomizedResponse(noise: 0, bucketCount: 2), .approximate(epsilon: .infinity, delta: 0),
      .poisson(rate: 0.5, .gaussian(noiseMultiplier: 0)),
      .poisson(rate: 1e-9, .gaussian(noiseMultiplier: 1e-200)),
      .withoutReplacement(rate: 0.5, noiseMultiplier: 0), .poisson(rate: 0.1, .laplace(scale: 0)),
    ]
    for mechanism in none {
      let curve = try RenyiCurve(mechanism)
      #expect(curve.epsilon(delta: 1e-5) == .infinity, "\(mechanism)")
      #expect(curve.logDelta(epsilon: 5) == 0)
      #expect((0 * curve).epsilon(delta: 1e-5) == 0)
    }
    for sigma in [
      1e-300, 1e-150, 1e-20, 1e-5, 0.01, 0.049, 0.05, 1e5, 1e20, 1e150, 1e300, .infinity,
    ] {
      for rate in [0, 1e-300, 1e-20, 1e-10, 0.5, 1 - 1e-12, 1.0.nextDown, 1] {
        let curves = [
          RenyiMechanism.poisson(rate: rate, .gaussian(noiseMultiplier: sigma)),
          .withoutReplacement(rate: rate, noiseMultiplier: sigma),
          .poisson(rate: rate, .laplace(scale: sigma)),
          .poisson(rate: rate, .tree(noiseMultiplier: sigma, stepCount: .max)),
        ]
        for mechanism in curves {
          let curve = try RenyiCurve(mechanism)
          // Each order by itself is infinite only where the whole cohort's loss overflows too.
          if sigma >= 1e-20 {
            #expect(curve.logMoments.allSatisfy { $0.isFinite }, "\(mechanism)")
          }
          for delta in [1e-300, 1e-9, 0.9] {
            #expect((1_000_000_000 * curve).epsilon(delta: delta) >= 0)
            #expect(curve.logDelta(epsilon: 1 / delta) <= 0)
          }
          if sigma >= 1e150 { #expect(curve.epsilon(delta: 1e-9) < 1e-3) }
        }
      }
    }
    let curve = try RenyiCurve(.gaussian(noiseMultiplier: 1))
    #expect(curve.epsilon(delta: 1) == 0 && curve.epsilon(delta: 2) == 0)
    #expect(curve.epsilon(delta: 0) == .infinity && curve.epsilon(delta: -1) == .infinity)
    #expect(curve.epsilon(delta: .nan) == .infinity)
    #expect(curve.logDelta(epsilon: .infinity) == -.infinity)
  }

  @Test("parameters out of range are refused by name")
  func refusals() {
    let bad: [(RenyiMechanism, String)] = [
      (.gaussian(noiseMultiplier: -1), "noise multiplier"),
      (.gaussian(noiseMultiplier: .nan), "noise multiplier"),
      (.laplace(scale: -1), "Laplace scale"),
      (.poisson(rate: 1.5, .laplace(scale: 1)), "sampling rate"),
      (.poisson(rate: .nan, .laplace(scale: 1)), "sampling rate"),
      (.poisson(rate: 0.5, .poisson(rate: 0.5, .laplace(scale: 1))), "sampled mechanism"),
      (.poisson(rate: 0.5, .laplace(scale: .nan)), "Laplace scale"),
      (.withoutReplacement(rate: -0.1, noiseMultiplier: 1), "sampling rate"),
      (.discreteLaplace(decay: 1, sensitivity: 0), "sensitivity"), (.zCDP(rho: -1), "rho"),
      (.randomizedResponse(noise: 2, bucketCount: 2), "noise"),
      (.randomizedResponse(noise: 0.5, bucketCount: 1), "buckets"),
      (.approximate(epsilon: 1, delta: 1.5), "delta"),
      (.tree(noiseMultiplier: 1, stepCount: -1), "tree steps"),
      (.skellam(SkellamNoise(l2: 1, l1: 1, variance: 1, scale: 0)), "scale"),
      (.skellam(SkellamNoise(l2: .nan, l1: 1, variance: 1, scale: 1)), "l2 sensitivity"),
    ]
    for (mechanism, expected) in bad {
      let error = #expect(throws: PrivacyError.self) { try RenyiCurve(mechanism) }
      guard case .invalidParameter(let name, _, _) = error else {
        Issue.record("\(mechanism): \(String(describing: error))")
        continue
      }
      #expect(name == expected)
    }
    for values in [[], [1], [2, 2], [3, 2], [.nan], [1e9]] as [[Double]] {
      #expect(throws: PrivacyError.self) { try RenyiOrders(values) }
    }
  }
}

extension Double {
  fileprivate static func log(_ value: Double) -> Double { Foundation.log(value) }
}
