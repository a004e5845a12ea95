internal import Glibc

/// A mechanism as the Rényi accountant sees it: a kind and its parameters.
///
/// Noise is given relative to the sensitivity under the neighbouring relation in use: of a sum of
/// vectors clipped to C, that is C under zero-out and add/remove, and 2C under replace-one.
package indirect enum RenyiMechanism: Hashable, Sendable {
  /// Gaussian noise of standard deviation `noiseMultiplier` × sensitivity.
  case gaussian(noiseMultiplier: Double)
  /// Laplace noise of scale `scale` × sensitivity.
  case laplace(scale: Double)
  /// Integer noise with probabilities proportional to exp(-decay |x|) on an integer of sensitivity
  /// `sensitivity`.
  case discreteLaplace(decay: Double, sensitivity: Int)
  /// The true one of `bucketCount` values, or with probability `noise` any one of them; replace-one.
  case randomizedResponse(noise: Double, bucketCount: Int)
  /// A black box that is (epsilon, delta)-DP; delta may be 0.
  case approximate(epsilon: Double, delta: Double)
  /// A black box that is rho-zCDP.
  case zCDP(rho: Double)
  /// Gaussian noise on each node of a binary tree over the steps, each unit in at most one step;
  /// `stepCount` is that of the largest tree.
  case tree(noiseMultiplier: Double, stepCount: Int)
  /// Noise that the clients of a round add up to.
  case skellam(SkellamNoise)
  case distributedDiscreteGaussian(DistributedDiscreteGaussianNoise)
  /// `mechanism` on a sample into which each unit enters with probability `rate`, independently and
  /// secretly; add/remove or zero-out.
  case poisson(rate: Double, RenyiMechanism)
  /// Gaussian noise on a secret sample of a fixed share `rate` of the units, without replacement;
  /// replace-one, `noiseMultiplier` relative to the replace-one sensitivity.
  case withoutReplacement(rate: Double, noiseMultiplier: Double)
}

extension RenyiCurve {
  /// The curve of one release.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` naming the parameter that is
  ///   out of range. No noise at all is in range: its divergences are infinite.
  /// - Complexity: from O(number of orders) to about a millisecond for sampled mechanisms; keep the
  ///   result.
  package init(
    _ mechanism: RenyiMechanism, orders: RenyiOrders = .standard
  ) throws(PrivacyError) {
    try mechanism.validate()
    // Extreme parameters may overflow on the way; then nothing is known, which is infinity.
    let logMoments = mechanism.logMoments(orders.values).map { $0 >= 0 ? $0 : .infinity }
    self.init(
      orders: orders, logMoments: logMoments,
      failureProbability: mechanism.failureProbability)
  }
}

extension RenyiMechanism {
  /// (a - 1) D_a for each of `orders`, which ascend.
  func logMoments(_ orders: [Double]) -> [Double] {
    switch self {
    case .poisson(let rate, .gaussian(let noiseMultiplier)):
      return PoissonGaussian(samplingRate: rate, noiseMultiplier: noiseMultiplier)
        .logMoments(orders)
    case .poisson(let rate, .approximate(let epsilon, _)):
      let amplified = log1p(rate * expm1(epsilon))
      return orders.map { Self.pure(order: $0, epsilon: rate == 0 ? 0 : amplified) }
    case .poisson(let rate, let mechanism):
      return PoissonBound(samplingRate: rate, mechanism: mechanism).logMoments(orders)
    case .withoutReplacement(let rate, let noiseMultiplier):
      return WithoutReplacement(samplingRate: rate, noiseMultiplier: noiseMultiplier)
        .logMoments(orders)
    default:
      return orders.map { logMoment(order: $0) }
    }
  }

  /// (a - 1) D_a, for mechanisms that are not sampled.
  func logMoment(order: Double) -> Double {
    switch self {
    case .gaussian(let noiseMultiplier):
      Self.gaussian(order: order, rho: Self.rho(noiseMultiplier: noiseMultiplier))
    case .zCDP(let rho): Self.gaussian(order: order, rho: rho)
    case .tree(let noiseMultiplier, let stepCount):
      Self.gaussian(
        order: order,
        rho: Double(Self.treeHeight(stepCount: stepCount))
          * Self.rho(noiseMultiplier: noiseMultiplier))
    case .laplace(let scale): Self.laplace(order: order, epsilon: 1 / scale)
    case .discreteLaplace(let decay, let sensitivity):
      Self.discreteLaplace(order: order, decay: decay, sensitivity: Double(sensitivity))
    case .randomizedResponse(let noise, let bucketCount):
      Self.randomizedResponse(order: order, noise: noise, bucketCount: Double(bucketCount))
    case .approximate(let epsilon, _): Self.pure(order: order, epsilon: epsilon)
    case .skellam(let noise): noise.logMoment(order: order)
    case .distributedDiscreteGaussian(let noise): noise.logMoment(order: order)
    case .poisson, .withoutReplacement: .infinity
    }
  }

  /// ρ of zCDP: 1 / 2σ², infinite without noise.
  private static func rho(noiseMultiplier: Double) -> Double {
    noiseMultiplier == .infinity ? 0 : 0.5 / noiseMultiplier / noiseMultiplier
  }

  static func gaussian(order: Double, rho: Double) -> Double { order * (order - 1) * rho }

  /// The number of nodes of a complete binary tree that one leaf touches: ⌈log2(n + 1)⌉, which is
  /// the number of binary digits of n.
  ///
  /// - Source: Kairouz et al., "Practical and private (deep) learning without sampling or
  ///   shuffling", arXiv:2103.00039; the height as dp-accounting 0.6.0 computes it.
  package static func treeHeight(stepCount: Int) -> Int {
    Int.bitWidth - stepCount.leadingZeroBitCount
  }

  /// Two outputs of likelihood ratio e^±epsilon, the worst case of every epsilon-DP mechanism:
  /// cosh((a - 1/2) epsilon) / cosh(epsilon / 2), less 1, as a product of positive factors.
  static func pureExcess(order: Double, epsilon: Double) -> Double {
    2 * sinh(order * epsilon / 2) * sinh((order - 1) * epsilon / 2) / cosh(epsilon / 2)
  }

  /// Source: Bun, Steinke, arXiv:1605.02065, section 3; worst case by Kairouz, Oh, Viswanath,
  /// arXiv:1311.0776.
  static func pure(order: Double, epsilon: Double) -> Double {
    guard epsilon < .infinity else { return .infinity }
    guard order * epsilon > 100 else { return log1p(pureExcess(order: order, epsilon: epsilon)) }
    return (order - 1) * epsilon + log1p(exp(-(2 * order - 1) * epsilon)) - log1p(exp(-epsilon))
  }

  /// Source: Mironov, "Rényi differential privacy", arXiv:1702.07476, table II.
  static func laplace(order a: Double, epsilon: Double) -> Double {
    guard epsilon < .infinity else { return .infinity }
    let (head, tail) = (a / (2 * a - 1), (a - 1) / (2 * a - 1))
    guard a * epsilon < 0.5 else {
      return (a - 1) * epsilon + log(head + tail * exp(-(2 * a - 1) * epsilon))
    }
    // The terms of first order cancel: head (a - 1) = tail a. The rest, by its power series.
    var (power, factorial, sum) = (epsilon, 1.0, 0.0)
    var (left, right) = (1.0, -1.0)
    for n in 2..<24 {
      power *= epsilon
      factorial *= Double(n)
      left *= a - 1
      right *= -a
      sum += (left + right) * power / factorial
    }
    return log1p(max(0, a * (a - 1) / (2 * a - 1) * sum))
  }

  /// The three parts x <= 0, 0 < x < sensitivity and x >= sensitivity are geometric series.
  static func discreteLaplace(order a: Double, decay: Double, sensitivity: Double) -> Double {
    let epsilon = decay * sensitivity
    guard epsilon < .infinity else { return .infinity }
    // Below this the closed form cancels; the worst case of pure DP is within 1e-3 of it.
    guard a * epsilon > 1e-3 else { return pure(order: a, epsilon: epsilon) }
    let outside = 1 / (1 + exp(-decay))
    let step = decay * (2 * a - 1)
    let between =
      tanh(decay / 2) * exp(-step) * expm1(-step * (sensitivity - 1)) / expm1(-step)
    let exact = (a - 1) * epsilon + log(outside + outside * exp(-step * sensitivity) + between)
    return max(0, exact)
  }

  private static func randomizedResponse(
    order: Double, noise: Double, bucketCount: Double
  ) -> Double {
    let other = noise / bucketCount
    let own = 1 - noise + other
    let epsilon = log(own / other)
    guard epsilon < .infinity else { return .infinity }
    // All buckets but two have the same probability under both inputs.
    return LogDomain.softplus(
      log(own + other) + LogDomain.expm1(pure(order: order, epsilon: epsilon)))
  }
}
