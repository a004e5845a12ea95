internal import Glibc

/// An event as the releases that make it up, with how often each is repeated: what the PLD
/// accountant composes.
///
/// All unsampled Gaussians are one: √(Σ mu²), which is exact and never discretised by itself.
struct LossSchedule: Sendable {
  private(set) var counts: [LossRelease: Int] = [:]
  /// Keys of ``counts`` as they came: sums must not depend on a hash.
  private var order: [LossRelease] = []
  /// mu² of all unsampled Gaussians together; infinite without noise.
  private(set) var gaussianMuSquared = 0.0
  /// Whether some release has no noise at all.
  private(set) var isWithoutNoise = false
  let relation: NeighbouringRelation

  /// Most different releases of one composition; each costs transforms of its own.
  private static let mostReleases = 2_000

  /// - Throws: ``PrivacyError/unsupportedRelation(event:relation:reason:)`` or
  ///   ``PrivacyError/notAccountable(event:accountant:reason:)``.
  init(_ event: DPEvent, relation: NeighbouringRelation) throws(PrivacyError) {
    self.relation = relation
    try add(event, count: 1, rate: 1)
    guard counts.count <= Self.mostReleases else {
      throw .notAccountable(
        event: "this composition", accountant: "pld",
        reason: "it has \(counts.count) different releases; accepted: \(Self.mostReleases)")
    }
  }

  /// The releases in the order of their first appearance, the merged Gaussian at the end.
  var releases: [(release: LossRelease, count: Int)] {
    var releases = order.map { (release: $0, count: counts[$0, default: 0]) }
    if gaussianMuSquared > 0 {
      let noise = (1 / gaussianMuSquared.squareRoot()).nextDown
      releases.append((.gaussian(noiseMultiplier: noise, rate: 1), 1))
    }
    return releases
  }

  /// The directions in which composed losses must be bounded.
  var directions: [LossDirection] {
    if relation == .replaceOne { return [.replace] }
    return counts.keys.allSatisfy(\.isSymmetric) ? [.remove] : [.remove, .add]
  }

  /// The sum of the largest finite losses, rounded up; infinite if one is unbounded.
  var largestLoss: Double {
    guard gaussianMuSquared == 0 else { return .infinity }
    var sum = 0.0
    for (release, count) in releases { sum += Double(count) * release.largestLoss }
    return sum * (1 + 16 * Double.ulpOfOne)
  }

  /// ln of an upper bound of the probability of an infinite loss; meant where ``largestLoss`` is
  /// finite.
  var logInfinityMass: Double {
    var largest = -Double.infinity
    for direction in directions {
      var logFinite = 0.0
      for (release, count) in releases {
        var mass = 0.0
        for case .atoms(let atoms) in release.distribution(direction, tail: 1e-290).parts.map(
          \.part)
        {
          for atom in atoms where atom.loss == .infinity { mass += atom.p }
        }
        logFinite += Double(count) * log1p(-min(1, mass))
      }
      largest = max(largest, log(-expm1(logFinite) * (1 + 1e-12)))
    }
    return min(0, largest)
  }

  private var distance: Double { Double(relation.sensitivityFactor) }

  private mutating func insert(_ release: LossRelease, _ count: Int) {
    if counts[release] == nil { order.append(release) }
    counts[release, default: 0] += count
  }

  private mutating func add(
    _ event: DPEvent, count: Int, rate: Double
  ) throws(PrivacyError) {
    guard count > 0, rate > 0 else { return }
    if rate == 1, let mu = event.gaussianMu(sensitivityFactor: distance) {
      try requireRelation(event)
      if mu == .infinity { isWithoutNoise = true }
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
    case .gaussian, .repeated, .composed:
      // Under one sample: Gaussians only, as construction checks.
      guard let mu = event.gaussianMu(sensitivityFactor: 1), mu > 0 else { return }
      guard mu < .infinity else { return noteSampledWithoutNoise(rate, count) }
      insert(.gaussian(noiseMultiplier: (1 / mu).nextDown, rate: rate), count)
    case .laplace(let scale):
      guard scale > 0 else { return noteSampledWithoutNoise(rate, count) }
      insert(.laplace(scale: rate < 1 ? scale : scale / distance, rate: rate), count)
    case .discreteGaussian(let sigma, let sensitivity):
      try addDiscreteGaussian(sigma, sensitivity, rate: rate, count: count)
    case .discreteLaplace(let parameter, let sensitivity):
      guard sensitivity > 0 else { return }
      let factor = rate < 1 ? 1 : Int(relation.sensitivityFactor)
      insert(
        .discreteLaplace(parameter: parameter, sensitivity: sensitivity * factor, rate: rate),
        count)
    case .randomizedResponse(let noise, let buckets):
      try requireRelation(event)
      insert(.randomizedResponse(noise: noise, buckets: buckets), count)
    case .epsilonDelta(let epsilon, let delta):
      guard rate == 1 || relation != .replaceOne else {
        throw .unsupportedRelation(
          event: "\(event), sampled,", relation: relation,
          reason: "what it does to an absent unit is not known; use add-remove")
      }
      insert(.epsilonDelta(epsilon: epsilon, delta: delta, rate: rate), count)
    case .truncatedPoisson(let innerRate, let batchLimit, let datasetSize, let inner):
      try addTruncated(inner, innerRate, batchLimit, datasetSize, event: event, count: count)
    case .sampledWithoutReplacement(let populationSize, let sampleSize, let inner):
      try addFixedSize(inner, populationSize, sampleSize, event: event, count: count)
    case .skellam, .zCDP:
      throw .notAccountable(
        event: "\(event)", accountant: "pld",
        reason: "only its Rényi divergence is bounded; use the rdp accountant")
    case .matrixFactorization, .singleEpochTree:
      preconditionFailure("a Gaussian under another name, which is never sampled")
    }
  }

  /// The unit's value is published whenever it is sampled.
  private mutating func noteSampledWithoutNoise(_ rate: Double, _ count: Int) {
    insert(.epsilonDelta(epsilon: 0, delta: rate, rate: 1), count)
  }

  private mutating func addDiscreteGaussian(
    _ sigma: Double, _ sensitivity: Int, rate: Double, count: Int
  ) throws(PrivacyError) {
    guard sensitivity > 0 else { return }
    guard sigma > 0 else { return noteSampledWithoutNoise(rate, count) }
    let factor = rate < 1 ? 1 : Int(relation.sensitivityFactor)
    if sigma >= 1024 {
      // Ruling 18: a randomised rounding of the Gaussian of variance sigma² - 16.
      let noise = (sigma * sigma - 16).squareRoot() / Double(sensitivity) * (1 - 1e-15)
      guard rate < 1 else {
        gaussianMuSquared += Double(count) * Double(factor * factor) / (noise * noise)
        return
      }
      insert(.gaussian(noiseMultiplier: noise, rate: rate), count)
      return
    }
    insert(
      .discreteGaussian(sigma: sigma, sensitivity: sensitivity * factor, rate: rate), count)
  }

  private mutating func addTruncated(
    _ inner: DPEvent, _ rate: Double, _ batchLimit: Int, _ datasetSize: Int, event: DPEvent,
    count: Int
  ) throws(PrivacyError) {
    guard let mu = inner.gaussianMu(sensitivityFactor: 1) else {
      throw .notAccountable(
        event: "\(event)", accountant: "pld",
        reason: "truncated sampling is analysed for Gaussians only")
    }
    guard mu > 0, rate > 0 else { return }
    guard mu < .infinity else { return noteSampledWithoutNoise(rate, count) }
    // arXiv:2508.15089: the batch is full without the unit with probability `cut`; the unit then
    // displaces another, at twice the distance. Both probabilities rounded up.
    let cut = BinomialTail.atLeast(batchLimit, of: datasetSize - 1, rate: rate)
    guard cut > 0 else { return try add(inner, count: count, rate: rate) }
    let full = BinomialTail.atLeast(batchLimit + 1, of: datasetSize, rate: rate)
    let share = Double(batchLimit) / Double(datasetSize)
    let cutRate = min(1, full * share / cut * (1 + 1e-8))
    insert(
      .truncatedGaussian(
        noiseMultiplier: (1 / mu).nextDown, rate: min(rate, 1), cut: min(1, cut * (1 + 1e-8)),
        cutRate: cutRate), count)
  }

  private mutating func addFixedSize(
    _ inner: DPEvent, _ populationSize: Int, _ sampleSize: Int, event: DPEvent, count: Int
  ) throws(PrivacyError) {
    guard sampleSize > 0 else { return }
    try requireRelation(event)
    guard sampleSize < populationSize else { return try add(inner, count: count, rate: 1) }
    let rate = (Double(sampleSize) / Double(populationSize)).nextUp
    // Another unit takes the place of an unsampled one: the distance is 2C even under zero-out.
    if let mu = inner.gaussianMu(sensitivityFactor: 2) {
      guard mu > 0 else { return }
      guard mu < .infinity else { return noteSampledWithoutNoise(rate, count) }
      insert(.fixedSizeGaussian(noiseMultiplier: (1 / mu).nextDown, rate: rate), count)
    } else if case .laplace(let scale) = inner.kind {
      guard scale > 0 else { return noteSampledWithoutNoise(rate, count) }
      insert(.fixedSizeLaplace(scale: scale / 2, rate: rate), count)
    } else {
      throw .notAccountable(
        event: "\(event)", accountant: "pld",
        reason: "sampling without replacement is analysed for Gaussian and Laplace noise")
    }
  }

  private func requireRelation(_ event: DPEvent) throws(PrivacyError) {
    guard let reason = event.obstacle(under: relation) else { return }
    throw .unsupportedRelation(event: "\(event)", relation: relation, reason: reason)
  }
}

extension DPEvent {
  /// Why an event gives no guarantee under a relation, whatever the accountant; nil if it does.
  func obstacle(under relation: NeighbouringRelation) -> String? {
    switch kind {
    case .randomizedResponse:
      return relation == .addRemoveOne
        ? "who answers is visible, so absence cannot be hidden; use zero-out or replace-one" : nil
    case .singleEpochTree:
      return relation == .addRemoveOne
        ? "a unit more or less shifts the others to other leaves; use zero-out or replace-one"
        : nil
    case .sampledWithoutReplacement:
      return relation == .addRemoveOne
        ? "the number of units is public and stays the same; use replace-one or zero-out" : nil
    default:
      for event in inner {
        if let reason = event.obstacle(under: relation) { return reason }
      }
      return nil
    }
  }
}
