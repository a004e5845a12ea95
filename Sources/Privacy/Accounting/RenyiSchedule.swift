internal import Glibc

/// The Rényi curve of an event under a relation.
enum RenyiSchedule {
  /// - Throws: ``PrivacyError/notAccountable(event:accountant:reason:)`` or
  ///   ``PrivacyError/unsupportedRelation(event:relation:reason:)``.
  static func curve(
    _ event: DPEvent, relation: NeighbouringRelation
  ) throws(PrivacyError) -> RenyiCurve {
    var schedule = Schedule(relation: relation)
    try schedule.add(event, count: 1, rate: 1)
    var total = RenyiCurve.zero()
    for (mechanism, count) in schedule.mechanisms {
      total.add(try RenyiCurve(mechanism), count: count)
    }
    if schedule.gaussianMuSquared > 0 {
      let noise = 1 / schedule.gaussianMuSquared.squareRoot()
      total.add(try RenyiCurve(.gaussian(noiseMultiplier: max(0, noise.nextDown))))
    }
    guard schedule.xi > 0 else { return total }
    let moments = zip(total.logMoments, total.orders.values).map { $0 + ($1 - 1) * schedule.xi }
    return RenyiCurve(
      orders: total.orders, logMoments: moments, failureProbability: total.failureProbability)
  }

  private struct Schedule {
    var mechanisms: [RenyiMechanism: Int] = [:]
    var gaussianMuSquared = 0.0
    /// Order-independent part of the divergence.
    var xi = 0.0
    let relation: NeighbouringRelation

    init(relation: NeighbouringRelation) { self.relation = relation }

    private var distance: Double { Double(relation.sensitivityFactor) }

    mutating func add(
      _ event: DPEvent, count: Int, rate: Double
    ) throws(PrivacyError) {
      guard count > 0, rate > 0 else { return }
      if let reason = event.obstacle(under: relation) {
        throw .unsupportedRelation(event: "\(event)", relation: relation, reason: reason)
      }
      if rate == 1, let mu = event.gaussianMu(sensitivityFactor: distance) {
        gaussianMuSquared += mu * mu * Double(count)
        return
      }
      switch event.kind {
      case .repeated(let inner, let repetitions) where rate == 1:
        try add(inner, count: count * repetitions, rate: 1)
      case .composed(let parts) where rate == 1:
        for part in parts { try add(part, count: count, rate: 1) }
      case .poissonSampled(let innerRate, let inner):
        try add(inner, count: count, rate: rate * innerRate)
      case .sampledWithoutReplacement(let populationSize, let sampleSize, let inner):
        try addFixedSize(inner, populationSize, sampleSize, event: event, count: count)
      case .truncatedPoisson:
        throw refusal(event, "truncated sampling is analysed by pld only")
      case .zCDP(let rho, let eventXi):
        guard rate == 1 || eventXi == 0 else {
          throw refusal(event, "a sampled zCDP event with xi has no known bound")
        }
        xi += Double(count) * eventXi
        try insert(.zCDP(rho: rho), event, count, rate)
      default: try insert(try mechanism(event), event, count, rate)
      }
    }

    private mutating func insert(
      _ mechanism: RenyiMechanism, _ event: DPEvent, _ count: Int, _ rate: Double
    ) throws(PrivacyError) {
      guard rate < 1 else {
        mechanisms[mechanism, default: 0] += count
        return
      }
      guard relation != .replaceOne else {
        throw refusal(event, "Poisson sampling under replace-one is analysed by pld only")
      }
      mechanisms[.poisson(rate: rate, mechanism), default: 0] += count
    }

    private func mechanism(_ event: DPEvent) throws(PrivacyError) -> RenyiMechanism {
      if let mu = event.gaussianMu(sensitivityFactor: distance) {
        return .gaussian(noiseMultiplier: max(0, (1 / mu).nextDown))
      }
      switch event.kind {
      case .laplace(let scale): return .laplace(scale: scale / distance)
      case .discreteGaussian(let sigma, let sensitivity):
        let ratio = sensitivity == 0 ? 0 : Double(sensitivity) * distance / sigma
        return .zCDP(rho: ratio * ratio / 2)
      case .discreteLaplace(let parameter, let sensitivity):
        return .discreteLaplace(
          decay: parameter, sensitivity: sensitivity * Int(relation.sensitivityFactor))
      case .randomizedResponse(let noise, let buckets):
        return .randomizedResponse(noise: noise, bucketCount: buckets)
      case .epsilonDelta(let epsilon, let delta):
        return .approximate(epsilon: epsilon, delta: delta)
      case .skellam(let skellam):
        return .skellam(
          SkellamNoise(
            l2: skellam.l2Sensitivity * distance, l1: skellam.l1Sensitivity * distance,
            variance: skellam.centralVariance, scale: skellam.scale))
      default: throw refusal(event, "no Rényi bound is known")
      }
    }

    private mutating func addFixedSize(
      _ inner: DPEvent, _ populationSize: Int, _ sampleSize: Int, event: DPEvent, count: Int
    ) throws(PrivacyError) {
      guard sampleSize > 0 else { return }
      guard sampleSize < populationSize else { return try add(inner, count: count, rate: 1) }
      // Another unit takes the place of an unsampled one: the distance is 2C even under zero-out.
      guard let mu = inner.gaussianMu(sensitivityFactor: 2) else {
        throw refusal(event, "sampling without replacement is analysed for Gaussians only")
      }
      guard mu > 0 else { return }
      let rate = Double(sampleSize) / Double(populationSize)
      mechanisms[
        .withoutReplacement(rate: rate, noiseMultiplier: 1 / mu), default: 0] += count
    }

    private func refusal(_ event: DPEvent, _ reason: String) -> PrivacyError {
      .notAccountable(event: "\(event)", accountant: "rdp", reason: reason)
    }
  }
}
