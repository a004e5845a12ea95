import Foundation
import Testing

@testable import Privacy

@Suite struct LossDistributionPropertyTests {
  private func epsilon(
    _ events: String, _ delta: Double = 1e-6, _ relation: NeighbouringRelation = .addRemoveOne
  ) throws -> Double {
    try PLDAccountant(DPEvent(events), relation: relation).epsilon(delta: delta).epsilon
  }

  /// Monotone up to what each figure may lie above the truth.
  private func expectRising(_ figures: [Double], _ label: String) {
    for (left, right) in zip(figures, figures.dropFirst()) {
      #expect(left <= right * (1 + 1.1e-3) + 1e-8, "\(label): \(figures)")
    }
  }

  @Test("epsilon falls with noise and delta, and rises with rate and repetitions")
  func monotone() throws {
    expectRising(try [4, 2, 1.5, 1, 0.8, 0.5].map { try epsilon("PG:0.02:\($0)*100") }, "sigma")
    expectRising(try [1e-4, 1e-3, 0.01, 0.1, 0.5].map { try epsilon("PG:\($0):1.0*100") }, "q")
    expectRising(try [1, 10, 100, 1_000, 30_000].map { try epsilon("PG:0.01:1.0*\($0)") }, "T")
    expectRising(
      try [1e-2, 1e-4, 1e-8, 1e-16, 1e-30].map { try epsilon("PG:0.01:1.0*100;L:9", $0) }, "delta")
    expectRising(try [9, 3, 1.0].map { try epsilon("PL:0.1:\($0)*30") }, "Laplace")
    expectRising(try [500, 150, 120, 100].map { try epsilon("TPG:0.01:\($0):10000:1.0*9") }, "cut")
  }

  @Test("the order and the grouping of a composition do not matter")
  func orderIndependent() throws {
    let one = try epsilon("PG:0.01:1.0*50;L:10*3;PL:0.1:2.0*5;G:9.0;ED:0.1:1e-9")
    let other = try epsilon(
      "(ED:0.1:1e-9;PG:0.01:1.0*20);G:9.0;PL:0.1:2.0*5;(PG:0.01:1.0*30;L:10*3)")
    #expect(abs(one - other) <= 1e-9 * one)
    #expect(try epsilon("P:0.5(PG:0.02:1.0)*50") == epsilon("PG:0.01:1.0*50"))
  }

  @Test("what is a Gaussian in disguise has the closed form")
  func exactGaussians() throws {
    for (events, mu) in [
      ("PG:1.0:2.0*16", 2.0), ("G:2.0*8;G:2.0*8", 2), ("MF:2.0:3.0", 1.5), ("TR:2.0:4+9", 1),
      ("P:1(G:1.0*4)", 2),
    ] {
      let closed = GaussianAccountant.epsilon(mu: mu, delta: 1e-6)
      let zeroOut = try epsilon(events, 1e-6, .zeroOut)
      #expect(abs(zeroOut - closed) <= 1e-12 * closed, "\(events)")
    }
    let twice = GaussianAccountant.epsilon(mu: 2, delta: 1e-6)
    #expect(abs(try epsilon("G:1.0", 1e-6, .replaceOne) - twice) <= 1e-12 * twice)
  }

  @Test("the discretised path meets the closed form from above for Gaussians of any size")
  func discretisedGaussians() throws {
    for mu in [0.01, 0.3, 1, 4, 12] {
      for delta in [1e-2, 1e-6, 1e-12, 1e-30] {
        let exact = GaussianAccountant.epsilon(mu: mu, delta: delta)
        // A mechanism that is 0-DP adds nothing, but keeps the closed form from being taken.
        let bound = try PLDAccountant(
          DPEvent("G:\(1 / mu);ED:0:0"), relation: .zeroOut
        ).epsilon(delta: delta)
        #expect(bound.epsilon >= exact * (1 - 1e-12), "mu \(mu) delta \(delta): \(bound)")
        #expect(bound.epsilon <= exact * 1.001 + 1e-7, "mu \(mu) delta \(delta): \(bound) \(exact)")
      }
    }
  }

  @Test("add/remove costs the larger direction; zero-out costs the same")
  func directions() throws {
    for events in ["PG:0.1:1.0*100", "PL:0.1:1.0*20"] {
      let both = try epsilon(events, 1e-6, .addRemoveOne)
      #expect(try both == epsilon(events, 1e-6, .zeroOut))
      let schedule = try LossSchedule(DPEvent(events), relation: .addRemoveOne)
      var single: [Double] = []
      for direction in [LossDirection.remove, .add] {
        let composition = LossComposition(
          schedule.releases, direction: direction, precision: .standard,
          query: .epsilon(delta: 1e-6))
        single.append(composition.refined(composition.coarse()).reading.epsilon)
      }
      #expect(abs((single.max() ?? 0) - both) <= 1e-12 * both, "\(events)")
    }
  }

  @Test("delta at epsilon is the inverse of epsilon at delta")
  func inverse() throws {
    for events in ["PG:0.01:1.0*1000", "L:5.0*10;G:10.0", "DG:2.0:1*10;L:20", "PG:0.5:4.0*3"] {
      for delta in [1e-3, 1e-6, 1e-12, 1e-25] {
        let accountant = try PLDAccountant(DPEvent(events), relation: .addRemoveOne)
        let epsilon = accountant.epsilon(delta: delta).epsilon
        guard epsilon > 0 else { continue }
        let back = accountant.logDelta(epsilon: epsilon).logDelta
        // Both are upper bounds: 0.1 % of epsilon on a slope that steepens with -ln delta.
        #expect(abs(back - log(delta)) <= 4e-3 * -log(delta) + 2e-3, "\(events) \(delta) \(back)")
      }
    }
  }

  @Test("pure mechanisms never cost more than the sum of their epsilons")
  func pureSum() throws {
    #expect(try epsilon("L:1.0*3", 1e-12) <= 3 * (1 + 1e-14))
    #expect(try epsilon("RR:0.5:4*2", 1e-12, .zeroOut) <= 2 * log(5) * (1 + 1e-14))
    #expect(try epsilon("DL:0.5:2*4;ED:0.5:0.0", 1e-20) <= 4.5 * (1 + 1e-14))
  }

  /// Delta of `count` releases whose losses are -1, 0 or 1 times `unit`, by adding up all outcomes.
  private func enumerated(
    _ masses: [Double], unit: Double, count: Int, infinite: Double, epsilon: Double
  ) -> Double {
    var total = [Double](repeating: 0, count: 2 * count + 1)
    total[count] = 1
    for _ in 0..<count {
      var next = [Double](repeating: 0, count: total.count)
      for (index, mass) in total.enumerated() where mass > 0 {
        for (step, share) in masses.enumerated() { next[index + step - 1] += mass * share }
      }
      total = next
    }
    return total.enumerated().reduce(infinite) { sum, entry in
      let loss = Double(entry.offset - count) * unit
      return loss > epsilon ? sum - entry.element * expm1(epsilon - loss) : sum
    }
  }

  @Test("losses far apart on a grid of their own: the exact figure at any delta")
  func lattices() throws {
    for (count, delta) in [
      (1, 1e-26), (2, 1e-3), (5, 1e-14), (5, 1e-29), (40, 9e-16), (100, 9e-30),
    ] {
      for (noise, buckets) in [(0.86, 8), (0.056, 445), (0.999, 3)] {
        let other = noise / Double(buckets)
        let own = 1 - noise + other
        let (unit, masses) = (log(own / other), [other, 1 - own - other, own])
        let bound = try epsilon("RR:\(noise):\(buckets)*\(count)", delta, .zeroOut)
        let above = enumerated(
          masses, unit: unit, count: count, infinite: 0, epsilon: bound * (1 + 1e-12))
        let below = enumerated(
          masses, unit: unit, count: count, infinite: 0, epsilon: bound * (1 - 1e-6))
        #expect(above <= delta * (1 + 1e-9), "\(noise) \(buckets) \(count) \(delta): \(bound)")
        #expect(below > delta, "\(noise) \(buckets) \(count) \(delta): \(bound)")
      }
      let large = 1 / (1 + exp(-3.09))
      let bound = try epsilon("ED:3.09:0*\(count)", delta)
      let above = enumerated(
        [1 - large, 0, large], unit: 3.09, count: count, infinite: 0, epsilon: bound * (1 + 1e-12))
      #expect(above <= delta * (1 + 1e-9), "ED \(count) \(delta): \(bound)")
    }
  }

  @Test("one release by itself has its closed form, in epsilon and in delta")
  func singleReleases() throws {
    for scale in [0.055, 1, 16.5, 672.2] {
      for delta in [0.3, 1e-6, 1e-29] {
        let bound = try epsilon("L:\(scale)", delta)
        // delta = 1 - e^((epsilon - 1/b) / 2)
        let truth = max(0, 1 / scale + 2 * log1p(-delta))
        #expect(
          bound >= truth && bound <= truth * (1 + 1e-10) + 1e-11, "\(scale) \(delta) \(bound)")
      }
    }
    for (rate, sigma, epsilon) in [(1e-4, 0.8, 0.0142), (0.01, 1.0, 0.5), (0.3, 4.0, 0.2)] {
      // The distance at which (1-q) N(0, s²) + q N(1, s²) loses epsilon against N(0, s²).
      let point = sigma * sigma * log((expm1(epsilon) + rate) / rate) + 0.5
      let upper = { (x: Double) in 0.5 * erfc(x / (sigma * 2.0.squareRoot())) }
      let truth =
        (1 - rate) * upper(point) + rate * upper(point - 1) - exp(epsilon) * upper(point)
      let bound = try PLDAccountant(DPEvent("PG:\(rate):\(sigma)"), relation: .addRemoveOne)
        .logDelta(epsilon: epsilon).logDelta
      #expect(abs(bound - log(truth)) <= 1e-6 && bound >= log(truth) - 1e-11, "\(rate) \(sigma)")
    }
    let whole = try PLDAccountant(DPEvent("ED:0.1:1e-7*5"), relation: .zeroOut)
    #expect(abs(exp(whole.logDelta(epsilon: 9).logDelta) / -expm1(5 * log1p(-1e-7)) - 1) < 1e-9)
  }

  @Test("rare large losses and deltas far below the first guess have tight figures too")
  func rareLosses() throws {
    // In the other direction nearly all outcomes have one loss, so that a deviation says nothing.
    let rare = try PLDAccountant(
      DPEvent("P:0.00114006(DL:2.30937:69)*69119"), relation: .addRemoveOne
    ).epsilon(delta: 7.68177e-08)
    #expect(rare.excess <= 1e-3 * rare.epsilon && abs(rare.epsilon - 19_674) < 25, "\(rare)")
    // mu = 0.3282; a release of no loss keeps the closed form from being taken.
    let deep = try PLDAccountant(DPEvent("G:472.4510819588113*24032;ED:0:0"), relation: .zeroOut)
      .logDelta(epsilon: 5.117383090154472).logDelta
    let exact = GaussianAccountant.logDelta(
      mu: 24_032.0.squareRoot() / 472.4510819588113, epsilon: 5.117383090154472)
    #expect(deep >= exact && deep <= exact * (1 - 2e-3), "\(deep) \(exact)")
  }

  @Test("mass at infinity is charged to delta: above it epsilon is finite, at it infinite")
  func infiniteMass() throws {
    #expect(try epsilon("ED:0.1:1e-7*5", 4.9e-7) == .infinity)
    #expect(try epsilon("ED:0.1:1e-7*5", 6e-7).isFinite)
    #expect(try epsilon("G:0", 1e-6) == .infinity)
    #expect(try epsilon("PG:1e-6:0.0", 1e-5) == 0)
    #expect(try epsilon("PG:1e-4:0.0", 1e-5) == .infinity)
    #expect(try epsilon("RR:0.0:4", 1e-5, .replaceOne) == .infinity)
  }

  @Test("extreme schedules end in bounded time with a number that is no NaN and no below a bound")
  func extremes() throws {
    for q in [1e-6, 1e-3, 0.3, 0.999_999] {
      for sigma in [0.2, 1, 100] {
        for (count, delta) in [(1, 1e-2), (1, 1e-30), (1_000, 1e-8), (1_000_000, 1e-5)] {
          let events = "PG:\(q):\(sigma)*\(count)"
          let bound = try PLDAccountant(DPEvent(events), relation: .zeroOut).epsilon(delta: delta)
          let whole = try epsilon("G:\(sigma)*\(count)", delta)
          #expect(bound.epsilon >= 0 && bound.epsilon <= whole * 1.001 + 1e-5, "\(events) \(bound)")
          #expect(!bound.excess.isNaN, "\(events)")
        }
      }
    }
  }

  @Test("hundreds of different events at once")
  func manyEvents() throws {
    let events = (0..<300).map { "PG:\(0.001 + 1e-5 * Double($0)):\(0.8 + 0.002 * Double($0))" }
    let bound = try epsilon(events.joined(separator: ";"), 1e-6)
    let least = try epsilon("PG:0.001:1.398*300", 1e-6)
    let most = try epsilon("PG:0.00399:0.8*300", 1e-6)
    #expect(bound > least && bound < most)
  }

  @Test("1,000 different rounds one by one: within 0.1 % of the truth at every check, from above")
  func composerOfDifferentRounds() throws {
    let count = 1_000
    let rounds = try (0..<count).map { index in
      try DPEvent.poissonSampled(
        rate: 0.005 + 0.01 * Double(index) / Double(count),
        .gaussian(noiseMultiplier: 0.8 + 1.2 * Double(7 * index % count) / Double(count)))
    }
    var composer = try LossComposer(
      relation: .addRemoveOne, delta: 1e-6, horizon: .composed(rounds))
    // dp-accounting 0.6.0 on two grids (4e-4 and 2e-4; 8e-4 and 4e-4 for 1,000 rounds), without the
    // part of its error that falls with their squares.
    let truth = [1: 0.4476718, 10: 0.6674344, 100: 0.6988031, 300: 1.1203579, 1_000: 1.9816237]
    for (index, round) in rounds.enumerated() {
      try composer.add(round)
      guard let truth = truth[index + 1] else { continue }
      let epsilon = composer.epsilon
      #expect(epsilon >= truth * (1 - 2e-5), "\(index + 1) rounds: \(epsilon) \(truth)")
      #expect(epsilon <= truth * (1 + 1e-3), "\(index + 1) rounds: \(epsilon) \(truth)")
    }
  }

  @Test(
    "the composer meets the accountant under every relation, rare rounds of large loss included")
  func composer() throws {
    for (relation, rare) in [
      (NeighbouringRelation.addRemoveOne, "PG:0.02:0.55"), (.replaceOne, "PG:0.01:0.6"),
      (.zeroOut, "WG:100:1:1.5"), (.addRemoveOne, "PL:0.1:0.4"), (.zeroOut, "RR:0.5:4"),
    ] {
      let texts = (0..<40).map { $0 % 13 == 7 ? rare : "PG:0.01:\(1.5 + 0.05 * Double($0))" }
      let events = try texts.map { try DPEvent($0) }
      var composer = try LossComposer(
        relation: relation, delta: 1e-6, horizon: .composed(events))
      #expect(composer.epsilon <= 1e-6)
      for (index, event) in events.enumerated() {
        try composer.add(event)
        guard [0, 1, 3, 7, 25, 39].contains(index) else { continue }
        let whole = try epsilon(texts[...index].joined(separator: ";"), 1e-6, relation)
        let running = composer.epsilon
        #expect(running >= whole * (1 - 1.1e-3), "\(rare) \(index) \(running) \(whole)")
        #expect(running <= whole * (1 + 1e-3) + 1e-7, "\(rare) \(index) \(running) \(whole)")
      }
      #expect(throws: PrivacyError.self) { try composer.add(DPEvent("Z:1.0")) }
      try composer.add(DPEvent("G:0"))
      #expect(composer.epsilon == .infinity)
    }
  }

  @Test("a composer answers from above also where its horizon was wrong")
  func composerBeyondItsHorizon() throws {
    var composer = try LossComposer(
      relation: .addRemoveOne, delta: 1e-6, horizon: DPEvent("PG:0.001:4.0*3"))
    for _ in 0..<5 { try composer.add(DPEvent("PG:0.05:0.8")) }
    let whole = try epsilon("PG:0.05:0.8*5")
    #expect(composer.epsilon >= whole * (1 - 1.1e-3) && composer.epsilon.isFinite)
  }

  @Test("events without a distribution, and relations without a meaning, are refused with a reason")
  func refusals() {
    for (events, relation) in [
      ("Z:1.0", NeighbouringRelation.zeroOut), ("SK:1:1:1:1", .zeroOut),
      ("RR:0.5:2", .addRemoveOne),
      ("TR:1:4", .addRemoveOne), ("WG:10:5:1.0", .addRemoveOne), ("PED:0.5:1.0:0.0", .replaceOne),
      ("TPL:0.5:2:9:1.0", .zeroOut), ("G:1;(L:1;Z:1)*2", .zeroOut),
    ] {
      #expect(throws: PrivacyError.self, "\(events)") {
        try PLDAccountant(DPEvent(events), relation: relation)
      }
    }
  }
}
