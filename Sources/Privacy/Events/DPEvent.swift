/// One differentially private release, or several together: what an accountant is asked about.
///
/// Parameters are checked where an event is made, so every value of this type is meaningful. Noise
/// is stated against the clip norm C = 1 of one unit; a relation whose neighbours lie 2C apart is
/// the accountant's business (``NeighbouringRelation/sensitivityFactor``). Zero noise is an event
/// whose epsilon is infinite.
///
/// ``description`` spells an event in the grammar of ``EventExpression`` and reads back as the same
/// event.
package struct DPEvent: Equatable, Sendable {
  /// The mechanism. Made by the functions of ``DPEvent`` only.
  package indirect enum Kind: Equatable, Sendable {
    /// Real-valued Gaussian noise of standard deviation `noiseMultiplier` × C.
    case gaussian(noiseMultiplier: Double)
    /// Laplace noise of scale b = `scale` × C, density proportional to exp(-|x| / b), ℓ¹ clipping.
    case laplace(scale: Double)
    /// One integer: probability of y proportional to exp(-y² / 2 sigma²), C = `sensitivity` steps.
    case discreteGaussian(sigma: Double, sensitivity: Int)
    /// One integer: probability of y proportional to exp(-`parameter` |y|), C = `sensitivity` steps.
    case discreteLaplace(parameter: Double, sensitivity: Int)
    /// Integer vectors with noise that is the difference of two Poisson variables a coordinate.
    case skellam(SkellamParameters)
    /// One of `buckets` answers: with probability `noise` a uniform one, else the true one.
    case randomizedResponse(noise: Double, buckets: Int)
    /// Anything that is (epsilon, delta)-DP for the relation asked about.
    case epsilonDelta(epsilon: Double, delta: Double)
    /// Anything whose Rényi divergence of every order a is at most xi + rho a.
    case zCDP(rho: Double, xi: Double)
    /// Gaussian noise behind a factorisation A = B C: noise multiplier z, ℓ² sensitivity of C's
    /// columns under the participation pattern. All rounds together are this one event.
    case matrixFactorization(noiseMultiplier: Double, sensitivity: Double)
    /// Binary-tree sums, restarted: each unit takes part in at most one step of one of the trees.
    case singleEpochTree(noiseMultiplier: Double, stepCounts: [Int])
    /// Every unit independently takes part with probability `rate`.
    case poissonSampled(rate: Double, DPEvent)
    /// Poisson sampling of `datasetSize` units, then a uniform subset of `batchLimit` of them where
    /// more were drawn.
    case truncatedPoisson(rate: Double, batchLimit: Int, datasetSize: Int, DPEvent)
    /// A uniform subset of `sampleSize` out of `populationSize` units.
    case sampledWithoutReplacement(populationSize: Int, sampleSize: Int, DPEvent)
    /// The same event, `count` times with fresh randomness.
    case repeated(DPEvent, count: Int)
    /// All of these, each with fresh randomness.
    case composed([DPEvent])
  }

  package let kind: Kind

  private init(_ kind: Kind) { self.kind = kind }

  /// Most repetitions of one event, in all, that are accounted for.
  package static let largestCount = 1_000_000_000
  /// Most parts of one composition.
  package static let mostParts = 100_000
  /// Largest sensitivity, in grid steps, of a discrete mechanism on one integer.
  package static let largestDiscreteSensitivity = 1_000_000
  /// Deepest nesting of events inside events.
  package static let deepestNesting = 16
  /// Every noise parameter is 0 or one of these.
  package static let acceptedNoise: ClosedRange<Double> = 1e-12...1e12
}

/// Parameters of a Skellam release, as the RDP bound reads them.
///
/// Source: Agarwal, Kairouz, Liu, "The Skellam mechanism for differentially private federated
/// learning", arXiv:2110.04995, theorem 3.5.
package struct SkellamParameters: Equatable, Sendable {
  /// Total variance of the noise in unscaled units, above zero.
  package let centralVariance: Double
  /// Grid steps per unit, above zero.
  package let scale: Double
  /// ℓ¹ sensitivity in unscaled units, above zero.
  package let l1Sensitivity: Double
  /// ℓ² sensitivity in unscaled units, above zero.
  package let l2Sensitivity: Double
}

extension DPEvent {
  /// Nothing is released.
  package static let none = DPEvent(.composed([]))

  /// - Parameter noiseMultiplier: standard deviation in units of C.
  /// - Throws: ``PrivacyError/invalidEventParameter(event:parameter:value:accepted:)``, as every
  ///   function that makes an event.
  package static func gaussian(noiseMultiplier: Double) throws(PrivacyError) -> DPEvent {
    try requireNoise("a Gaussian", "noise multiplier", noiseMultiplier)
    return DPEvent(.gaussian(noiseMultiplier: noiseMultiplier))
  }

  /// - Parameter scale: b in units of C.
  package static func laplace(scale: Double) throws(PrivacyError) -> DPEvent {
    try requireNoise("a Laplace mechanism", "scale", scale)
    return DPEvent(.laplace(scale: scale))
  }

  /// - Parameters:
  ///   - sigma: the parameter of the noise in steps; not its standard deviation.
  ///   - sensitivity: in steps, 0 or more.
  package static func discreteGaussian(
    sigma: Double, sensitivity: Int
  ) throws(PrivacyError) -> DPEvent {
    try requireNoise("a discrete Gaussian", "sigma", sigma)
    try require("a discrete Gaussian", "sensitivity", sensitivity, in: 0...Int(Int32.max))
    return DPEvent(.discreteGaussian(sigma: sigma, sensitivity: sensitivity))
  }

  /// - Parameters:
  ///   - parameter: a in exp(-a |y|): the inverse of the scale, in steps; above 0.
  ///   - sensitivity: in steps, 0 or more.
  package static func discreteLaplace(
    parameter: Double, sensitivity: Int
  ) throws(PrivacyError) -> DPEvent {
    let event = "a discrete Laplace mechanism"
    try require(event, "parameter", parameter, in: acceptedNoise)
    try require(event, "sensitivity", sensitivity, in: 0...largestDiscreteSensitivity)
    return DPEvent(.discreteLaplace(parameter: parameter, sensitivity: sensitivity))
  }

  package static func skellam(
    centralVariance: Double, scale: Double, l1Sensitivity: Double, l2Sensitivity: Double
  ) throws(PrivacyError) -> DPEvent {
    let event = "a Skellam mechanism"
    try require(event, "central variance", centralVariance, in: acceptedNoise)
    try require(event, "scale", scale, in: acceptedNoise)
    try require(event, "l1 sensitivity", l1Sensitivity, in: acceptedNoise)
    try require(event, "l2 sensitivity", l2Sensitivity, in: acceptedNoise)
    return DPEvent(
      .skellam(
        SkellamParameters(
          centralVariance: centralVariance, scale: scale, l1Sensitivity: l1Sensitivity,
          l2Sensitivity: l2Sensitivity)))
  }

  /// - Parameters:
  ///   - noise: probability of a uniform answer, in 0...1.
  ///   - buckets: number of answers, 2 or more.
  package static func randomizedResponse(
    noise: Double, buckets: Int
  ) throws(PrivacyError) -> DPEvent {
    try require("randomized response", "noise", noise, in: 0...1)
    try require("randomized response", "number of buckets", buckets, in: 2...Int(Int32.max))
    return DPEvent(.randomizedResponse(noise: noise, buckets: buckets))
  }

  /// - Parameters:
  ///   - epsilon: 0 or more; infinity for a release without noise.
  ///   - delta: in 0...1.
  package static func epsilonDelta(
    epsilon: Double, delta: Double
  ) throws(PrivacyError) -> DPEvent {
    try require("an (epsilon, delta) event", "epsilon", epsilon, in: 0...Double.infinity)
    try require("an (epsilon, delta) event", "delta", delta, in: 0...1)
    return DPEvent(.epsilonDelta(epsilon: epsilon, delta: delta))
  }

  /// - Parameters:
  ///   - rho: 0 or more; infinity for a release without noise.
  ///   - xi: 0 or more, finite.
  package static func zCDP(rho: Double, xi: Double = 0) throws(PrivacyError) -> DPEvent {
    try require("a zCDP event", "rho", rho, in: 0...Double.infinity)
    try require("a zCDP event", "xi", xi, in: 0...acceptedNoise.upperBound)
    return DPEvent(.zCDP(rho: rho, xi: xi))
  }

  /// - Parameters:
  ///   - noiseMultiplier: z, standard deviation of each coordinate of the noise, in units of C.
  ///   - sensitivity: of the strategy matrix for contributions of unit norm; 0 or more.
  package static func matrixFactorization(
    noiseMultiplier: Double, sensitivity: Double
  ) throws(PrivacyError) -> DPEvent {
    let event = "a matrix factorisation"
    try requireNoise(event, "noise multiplier", noiseMultiplier)
    try require(event, "sensitivity", sensitivity, in: 0...acceptedNoise.upperBound)
    return DPEvent(
      .matrixFactorization(noiseMultiplier: noiseMultiplier, sensitivity: sensitivity))
  }

  /// - Parameters:
  ///   - noiseMultiplier: standard deviation of the noise on every node, in units of C.
  ///   - stepCounts: leaves of each tree, one or more trees of one or more leaves.
  package static func singleEpochTree(
    noiseMultiplier: Double, stepCounts: [Int]
  ) throws(PrivacyError) -> DPEvent {
    let event = "a tree aggregation"
    try requireNoise(event, "noise multiplier", noiseMultiplier)
    try require(event, "number of trees", stepCounts.count, in: 1...mostParts)
    for steps in stepCounts { try require(event, "step count", steps, in: 1...largestCount) }
    return DPEvent(.singleEpochTree(noiseMultiplier: noiseMultiplier, stepCounts: stepCounts))
  }

  /// - Parameter rate: q in 0...1, secret and independent for every unit and release.
  package static func poissonSampled(
    rate: Double, _ event: DPEvent
  ) throws(PrivacyError) -> DPEvent {
    try require("Poisson sampling", "rate", rate, in: 0...1)
    try event.requireSampleable(by: "Poisson sampling")
    return DPEvent(.poissonSampled(rate: rate, event))
  }

  /// - Parameters:
  ///   - rate: q in 0...1.
  ///   - batchLimit: B, 1 or more.
  ///   - datasetSize: n, 1 or more.
  package static func truncatedPoisson(
    rate: Double, batchLimit: Int, datasetSize: Int, _ event: DPEvent
  ) throws(PrivacyError) -> DPEvent {
    let sampling = "truncated Poisson sampling"
    try require(sampling, "rate", rate, in: 0...1)
    try require(sampling, "batch limit", batchLimit, in: 1...largestCount)
    try require(sampling, "dataset size", datasetSize, in: 1...largestCount)
    try event.requireSampleable(by: sampling)
    return DPEvent(
      .truncatedPoisson(
        rate: rate, batchLimit: batchLimit, datasetSize: datasetSize, event))
  }

  /// - Parameters:
  ///   - populationSize: n, 1 or more.
  ///   - sampleSize: m in 0...n.
  package static func sampledWithoutReplacement(
    populationSize: Int, sampleSize: Int, _ event: DPEvent
  ) throws(PrivacyError) -> DPEvent {
    let sampling = "sampling without replacement"
    try require(sampling, "population size", populationSize, in: 1...largestCount)
    try require(sampling, "sample size", sampleSize, in: 0...populationSize)
    try event.requireSampleable(by: sampling)
    return DPEvent(
      .sampledWithoutReplacement(
        populationSize: populationSize, sampleSize: sampleSize, event))
  }

  /// - Parameter count: 0 or more; repetitions inside repetitions multiply, to at most
  ///   ``largestCount``.
  package static func repeated(_ event: DPEvent, count: Int) throws(PrivacyError) -> DPEvent {
    try require("a repetition", "count", count, in: 0...largestCount)
    let (total, overflows) = max(1, event.largestRepetition).multipliedReportingOverflow(by: count)
    try require("a repetition", "total count", overflows ? Int.max : total, in: 0...largestCount)
    try event.requireNesting()
    return DPEvent(.repeated(event, count: count))
  }

  /// One event is itself; none at all is ``none``.
  /// - Parameter events: at most ``mostParts``.
  package static func composed(_ events: [DPEvent]) throws(PrivacyError) -> DPEvent {
    if events.count == 1 { return events[0] }
    try require("a composition", "number of parts", events.count, in: 0...mostParts)
    for event in events { try event.requireNesting() }
    return DPEvent(.composed(events))
  }
}

extension DPEvent {
  /// What sampling acts on, and how deep events lie inside events.
  var inner: [DPEvent] {
    switch kind {
    case .poissonSampled(_, let event), .truncatedPoisson(_, _, _, let event),
      .sampledWithoutReplacement(_, _, let event), .repeated(let event, _):
      [event]
    case .composed(let events): events
    default: []
    }
  }

  private var nesting: Int { 1 + (inner.map(\.nesting).max() ?? 0) }

  private var largestRepetition: Int {
    let innermost = inner.map(\.largestRepetition).max() ?? 1
    guard case .repeated(_, let count) = kind else { return innermost }
    return innermost * count  // at most largestCount, checked where it was made
  }

  private func requireNesting() throws(PrivacyError) {
    try Self.require("an event", "depth of nesting", nesting, in: 0...(Self.deepestNesting - 1))
  }

  /// A sampled batch is used by one mechanism, or by several Gaussians that together are one.
  private func requireSampleable(by sampling: String) throws(PrivacyError) {
    try requireNesting()
    let reason: String
    switch kind {
    case .gaussian, .laplace, .discreteGaussian, .discreteLaplace, .skellam: return
    case .epsilonDelta, .zCDP: return
    case .poissonSampled where sampling == "Poisson sampling": return
    case .composed, .repeated:
      guard gaussianMu(sensitivityFactor: 1) == nil else { return }
      reason = "only Gaussians that share one batch are one mechanism"
    case .randomizedResponse: reason = "an answer that is not given is itself an answer"
    case .matrixFactorization, .singleEpochTree:
      reason = "correlated noise does not survive independent sampling of rounds"
    case .poissonSampled, .truncatedPoisson, .sampledWithoutReplacement:
      reason = "the event is sampled already"
    }
    throw .invalidEventParameter(
      event: sampling, parameter: "event", value: description,
      accepted: "one mechanism; \(reason)")
  }

  /// mu of an event that is exactly a Gaussian mechanism, or several: √(Σ mu²); else nil. Infinite
  /// without noise.
  /// - Parameter sensitivityFactor: distance of neighbours in units of C.
  package func gaussianMu(sensitivityFactor: Double) -> Double? {
    switch kind {
    case .gaussian(let noiseMultiplier): return sensitivityFactor / noiseMultiplier
    case .matrixFactorization(let noiseMultiplier, let sensitivity):
      return sensitivity == 0 ? 0 : sensitivityFactor * sensitivity / noiseMultiplier
    case .singleEpochTree(let noiseMultiplier, let stepCounts):
      let height = Self.treeHeight(stepCounts: stepCounts)
      return sensitivityFactor * Double(height).squareRoot() / noiseMultiplier
    case .poissonSampled(let rate, let event):
      if rate == 0 { return 0 }
      return rate == 1 ? event.gaussianMu(sensitivityFactor: sensitivityFactor) : nil
    case .repeated(let event, let count):
      if count == 0 { return 0 }
      return event.gaussianMu(sensitivityFactor: sensitivityFactor)
        .map { $0 * Double(count).squareRoot() }
    case .composed(let events):
      var squares = 0.0
      for event in events {
        guard let mu = event.gaussianMu(sensitivityFactor: sensitivityFactor) else { return nil }
        squares += mu * mu
      }
      return squares.squareRoot()
    default: return nil
    }
  }

  /// Nodes of the largest tree that one leaf adds to: ⌈log₂(leaves + 1)⌉.
  package static func treeHeight(stepCounts: [Int]) -> Int {
    let largest = stepCounts.max() ?? 0
    return Int.bitWidth - largest.leadingZeroBitCount
  }

  private static func requireNoise(
    _ event: String, _ parameter: String, _ value: Double
  ) throws(PrivacyError) {
    guard value == 0 || acceptedNoise.contains(value) else {
      throw .invalidEventParameter(
        event: event, parameter: parameter, value: "\(value)",
        accepted: "0, or \(acceptedNoise.lowerBound) to \(acceptedNoise.upperBound)")
    }
  }

  private static func require<Value: Comparable & CustomStringConvertible>(
    _ event: String, _ parameter: String, _ value: Value, in accepted: ClosedRange<Value>
  ) throws(PrivacyError) {
    guard accepted.contains(value) else {
      throw .invalidEventParameter(
        event: event, parameter: parameter, value: value.description,
        accepted: "\(accepted.lowerBound) to \(accepted.upperBound)")
    }
  }
}
