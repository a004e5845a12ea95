import Foundation
import Testing
import VectorMath

@testable import Privacy

@Suite struct RenyiCurveTests {
  /// |value - expected| within `relative` of expected, or `absolute`.
  private func isClose(
    _ value: Double, _ expected: Double, relative: Double = 1e-9, absolute: Double = 0
  ) -> Bool {
    abs(value - expected) <= max(relative * abs(expected), absolute)
  }

  private func divergence(_ mechanism: RenyiMechanism, order: Double) throws -> Double {
    try RenyiCurve(mechanism, orders: RenyiOrders([order])).divergence(at: 0)
  }

  private func epsilon(
    _ mechanism: RenyiMechanism, count: Int, delta: Double, orders: RenyiOrders = .dpAccounting
  ) throws -> Double {
    try (count * RenyiCurve(mechanism, orders: orders)).epsilon(delta: delta)
  }

  @Test("the sampled Gaussian matches the peers, who cut their series short at fractional orders")
  func poissonGaussian() throws {
    var compared = 0
    for row in try ReferenceTable("rdp_values.csv").rows {
      let number = { (column: String) in row[column].flatMap(Double.init) }
      let (q, sigma) = (try #require(number("q")), try #require(number("sigma")))
      let order = try #require(number("order"))
      let value = try divergence(.poisson(rate: q, .gaussian(noiseMultiplier: sigma)), order: order)
      #expect(value.isFinite && value >= 0)
      let peers = [number("rdp_opacus"), number("rdp_dpa")].compactMap { $0 }.filter(\.isFinite)
      guard !peers.isEmpty else { continue }
      compared += 1
      // The peers take the logarithm of 1 + (a - 1) D: its rounding is their floor. Opacus' series
      // at fractional orders stops at terms of e^-30.
      let isInteger = order == order.rounded()
      let floor = (isInteger ? 1e-13 : 1e-12) / (order - 1)
      #expect(
        peers.contains { isClose(value, $0, absolute: floor) },
        "q \(q) sigma \(sigma) order \(order): \(value), peers \(peers)")
    }
    #expect(compared > 800)
  }

  @Test("fractional orders of the sampled Gaussian match a 30-digit integral to 1e-11")
  func fractionalOrders() throws {
    let rows = try ReferenceTable("rdp_poisson_fractional.csv").values("q", "sigma", "order", "rdp")
    #expect(rows.count > 250)
    for row in rows {
      let value = try divergence(
        .poisson(rate: row[0], .gaussian(noiseMultiplier: row[1])), order: row[2])
      #expect(isClose(value, row[3], relative: 1e-11), "\(row): \(value)")
    }
  }

  @Test("other mechanisms match dp-accounting at every order")
  func otherMechanisms() throws {
    for row in try ReferenceTable("rdp_other_values.csv").rows {
      let number = { (column: String) in row[column].flatMap(Double.init) }
      let p1 = try #require(number("p1"))
      let order = try #require(number("order"))
      let mechanism: RenyiMechanism
      switch row["kind"] {
      case "laplace": mechanism = .laplace(scale: p1)
      case "rr":
        mechanism = .randomizedResponse(noise: p1, bucketCount: Int(try #require(number("p2"))))
      case "tree":
        mechanism = .tree(noiseMultiplier: p1, stepCount: Int(try #require(number("p2"))))
      case "wor_gaussian":
        mechanism = .withoutReplacement(rate: p1, noiseMultiplier: try #require(number("p2")))
      default:
        Issue.record("unknown kind \(row["kind"] ?? "")")
        continue
      }
      let value = try divergence(mechanism, order: order)
      let expected = try #require(number("rdp_dpa"))
      #expect(
        isClose(value, expected, absolute: 4e-15 / (order - 1)),
        "\(mechanism) order \(order): \(value), peer \(expected)")
    }
  }

  @Test("a curve converts to epsilon and back to delta as dp-accounting converts it")
  func conversion() throws {
    for row in try ReferenceTable("rdp_to_eps.csv").values("rho", "delta", "eps_dpa", "delta_dpa") {
      let curve = try RenyiCurve(.zCDP(rho: row[0]), orders: .dpAccounting)
      let epsilon = curve.epsilon(delta: row[1])
      #expect(isClose(epsilon, row[2], absolute: 1e-14), "\(row): \(epsilon)")
      #expect(epsilon >= row[2])
      let delta = exp(curve.logDelta(epsilon: row[2]))
      #expect(isClose(delta, row[3]), "\(row): \(delta)")
    }
  }

  @Test("tree aggregation matches dp-accounting, and its exact epsilon is below")
  func tree() throws {
    for row in try ReferenceTable("tree_ftrl.csv").rows {
      let number = { (column: String) in row[column].flatMap(Double.init) }
      let steps = try #require(row["step_counts"]).split(separator: "+").compactMap { Int($0) }
      let (sigma, delta) = (try #require(number("sigma")), try #require(number("delta")))
      let repeats = Int(try #require(number("repeats")))
      let largest = try #require(steps.max())
      let height = RenyiMechanism.treeHeight(stepCount: largest)
      #expect(height == Int(try #require(number("height"))))
      let value = try epsilon(
        .tree(noiseMultiplier: sigma, stepCount: largest), count: repeats, delta: delta)
      #expect(isClose(value, try #require(number("eps_rdp"))), "\(row): \(value)")
      let mu = (Double(height) * Double(repeats)).squareRoot() / sigma
      let exact = GaussianAccountant.epsilon(mu: mu, delta: delta)
      #expect(isClose(exact, try #require(number("eps_exact")), absolute: 1e-12), "\(row)")
      #expect(exact <= value)
    }
  }

  @Test("sampling without replacement matches dp-accounting")
  func withoutReplacement() throws {
    for row in try ReferenceTable("wor_replace_one.csv").values(
      "n", "m", "sigma", "T", "delta", "eps_rdp")
    {
      let value = try epsilon(
        .withoutReplacement(rate: row[1] / row[0], noiseMultiplier: row[2]), count: Int(row[3]),
        delta: row[4])
      #expect(isClose(value, row[5]), "\(row): \(value)")
    }
  }

  @Test("the Skellam mechanism matches its authors' code, per order")
  func skellamOrders() throws {
    for row in try ReferenceTable("skellam_rdp.csv").values(
      "l1", "l2", "central_var", "scale", "order", "rdp")
    {
      let noise = SkellamNoise(l2: row[1], l1: row[0], variance: row[2], scale: row[3])
      let value = try divergence(.skellam(noise), order: row[4])
      #expect(isClose(value, row[5], relative: 1e-12), "\(row): \(value)")
    }
  }

  /// Integer orders, as the peer's code searches them.
  private func integerOrders() throws -> RenyiOrders {
    try RenyiOrders((2...128).map(Double.init) + [256])
  }

  @Test("distributed Skellam matches its authors' code, sampled or not")
  func skellam() throws {
    let orders = try integerOrders()
    for row in try ReferenceTable("skellam.csv").values(
      "scale", "central_stddev", "l2_clip", "beta", "dim", "q", "T", "delta", "eps")
    {
      let norms = try StochasticRoundingNorms(
        clippingNorm: row[2] * row[0], beta: row[3], dimension: Int(row[4]))
      let noise = SkellamNoise(
        l2: norms.l2 / row[0], l1: norms.l1 / row[0], variance: row[1] * row[1], scale: row[0])
      let value = try epsilon(
        .poisson(rate: row[5], .skellam(noise)), count: Int(row[6]), delta: row[7], orders: orders)
      #expect(isClose(value, row[8]), "\(row): \(value)")
    }
  }

  @Test("the distributed discrete Gaussian matches its authors' code, sampled or not")
  func distributedDiscreteGaussian() throws {
    let orders = try integerOrders()
    for row in try ReferenceTable("distributed_dgauss.csv").values(
      "gamma", "local_stddev", "num_clients", "l2_clip", "beta", "dim", "q", "T", "delta",
      "l2_rounded", "l1_rounded", "eps")
    {
      let norms = try StochasticRoundingNorms(
        clippingNorm: row[3] / row[0], beta: row[4], dimension: Int(row[5]))
      #expect(isClose(norms.l2, row[9], relative: 1e-13))
      #expect(isClose(norms.l1, row[10], relative: 1e-13))
      let noise = DistributedDiscreteGaussianNoise(
        l2: norms.l2, l1: norms.l1, localScale: row[1] / row[0], clientCount: Int(row[2]),
        dimension: Int(row[5]))
      let value = try epsilon(
        .poisson(rate: row[6], .distributedDiscreteGaussian(noise)), count: Int(row[7]),
        delta: row[8], orders: orders)
      #expect(isClose(value, row[11]), "\(row): \(value)")
    }
  }

  @Test("schedules of sampled Gaussians match dp-accounting, or are lower where its orders are cut")
  func poissonSchedules() throws {
    var (equal, rows) = (0, 0)
    var curves: [String: RenyiCurve] = [:]
    var extended: [String: RenyiCurve] = [:]
    for row in try ReferenceTable("poisson_gaussian.csv").rows {
      let number = { (column: String) in row[column].flatMap(Double.init) }
      guard let peer = number("eps_rdp") else { continue }
      let (q, sigma) = (try #require(number("q")), try #require(number("sigma")))
      let key = "\(q) \(sigma)"
      let curve =
        try curves[key]
        ?? RenyiCurve(
          .poisson(rate: q, .gaussian(noiseMultiplier: sigma)), orders: .dpAccounting)
      curves[key] = curve
      let value = (Int(try #require(number("T"))) * curve).epsilon(
        delta: try #require(number("delta")))
      rows += 1
      // Lower where the peer dropped a fractional order or cut its series short.
      #expect(value <= peer * (1 + 1e-9) + 1e-12, "\(row): \(value)")
      if isClose(value, peer, absolute: 1e-12) { equal += 1 }
      if let truth = number("eps_pld_opt") { #expect(value >= truth * (1 - 1e-9)) }
      let more =
        try extended[key]
        ?? RenyiCurve(
          .poisson(rate: q, .gaussian(noiseMultiplier: sigma)))
      extended[key] = more
      #expect(
        (Int(try #require(number("T"))) * more).epsilon(
          delta: try #require(number("delta"))) <= value)
    }
    // The rest are decided at a fractional order.
    #expect(rows > 500 && Double(equal) > 0.6 * Double(rows), "\(equal) of \(rows)")
  }
}
