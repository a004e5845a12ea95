internal import Glibc

/// A clip norm that follows a quantile of the customers' update norms, round by round, from a noised
/// count.
///
/// Each client adds to its update one coordinate, +1 if its norm was within the clip norm, else -1: the
/// count shifted by one half and doubled, so that it is an integer of sensitivity 1. A client replaced
/// by the zero vector adds 0. The two releases, update and count, together cost exactly what one
/// Gaussian release of noise multiplier z costs, if the update's noise is raised a little.
///
/// - Source: Andrew, Thakkar, McMahan, Ramaswamy, "Differentially private learning with adaptive
///   clipping", arXiv:1905.03871, algorithm 1 and theorem 1.
package struct AdaptiveClipping: Sendable, Equatable {
  /// The norm that the next round clips to, above 0.
  package private(set) var clippingNorm: Double
  /// γ, the share of norms that should be within, in 0...1.
  package let targetQuantile: Double
  /// η of the geometric update.
  package let learningRate: Double
  /// σ_b, the noise of the count of clients within, in clients.
  package let countNoise: Double
  /// z, the noise multiplier that the whole round is charged for.
  package let noiseMultiplier: Double
  /// z_Δ = (z^-2 - (2 σ_b)^-2)^-1/2, rounded up: what the update's noise must be.
  package let updateNoiseMultiplier: Double

  /// - Parameters:
  ///   - initialClippingNorm: in 1e-100...1e100.
  ///   - targetQuantile: γ in 0...1; the median serves well.
  ///   - learningRate: η above 0, at most 10.
  ///   - noiseMultiplier: z above 0, finite.
  ///   - countNoise: σ_b above z / 2; about a twentieth of the cohort serves well.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(
    initialClippingNorm: Double, targetQuantile: Double = 0.5, learningRate: Double = 0.2,
    noiseMultiplier: Double, countNoise: Double
  ) throws(PrivacyError) {
    try RenyiMechanism.require(
      "clip norm", initialClippingNorm, (1e-100...1e100).contains(initialClippingNorm),
      accepted: "1e-100 to 1e100")
    try RenyiMechanism.require(
      "target quantile", targetQuantile, (0...1).contains(targetQuantile), accepted: "0 to 1")
    try RenyiMechanism.require(
      "learning rate", learningRate, learningRate > 0 && learningRate <= 10,
      accepted: "above 0, up to 10")
    try RenyiMechanism.require(
      "noise multiplier", noiseMultiplier, noiseMultiplier > 0 && noiseMultiplier < .infinity,
      accepted: "above 0, finite")
    try RenyiMechanism.require(
      "count noise", countNoise, countNoise > noiseMultiplier / 2 && countNoise < .infinity,
      accepted: "above half the noise multiplier, \(noiseMultiplier / 2)")
    clippingNorm = initialClippingNorm
    self.targetQuantile = targetQuantile
    self.learningRate = learningRate
    self.countNoise = countNoise
    self.noiseMultiplier = noiseMultiplier
    // z / √(1 - (z / 2σ_b)²), as a product that loses no digits where the two are close.
    let ratio = noiseMultiplier / (2 * countNoise)
    let shrink = ((1 - ratio) * (1 + ratio)).squareRoot()
    updateNoiseMultiplier = noiseMultiplier / shrink * (1 + 4 * Double.ulpOfOne)
  }

  /// The integer that one client adds to the count: sensitivity 1 under zero-out and add/remove, 2
  /// under replace-one.
  /// - Parameter updateNorm: not negative; NaN counts as beyond the clip norm.
  package func countContribution(updateNorm: Double) -> Int64 {
    updateNorm <= clippingNorm ? 1 : -1
  }

  /// The noise of the integer count, 2 σ_b.
  package var countNoiseScale: Double { 2 * countNoise }

  /// mu² of both releases: at most 1 / z² up to rounding, whatever σ_b.
  package var muSquared: Double {
    1 / (updateNoiseMultiplier * updateNoiseMultiplier) + 1 / (countNoiseScale * countNoiseScale)
  }

  /// Moves the clip norm after a round: C ← C exp(-η (b - γ)), b the noised share within, kept in
  /// 1e-100...1e100.
  /// - Parameters:
  ///   - noisedCount: the sum of ``countContribution(updateNorm:)`` and noise.
  ///   - cohort: the public constant that sums are divided by, at least 1.
  package mutating func update(noisedCount: Int64, cohort: Int) {
    precondition(cohort > 0, "a cohort has clients")
    let share = (Double(noisedCount) / Double(cohort) + 1) / 2
    // Noise may leave 0...1; the norm must not jump for it.
    let bounded = min(max(share, -1), 2)
    clippingNorm *= exp(-learningRate * (bounded - targetQuantile))
    clippingNorm = min(max(clippingNorm, 1e-100), 1e100)
  }
}
