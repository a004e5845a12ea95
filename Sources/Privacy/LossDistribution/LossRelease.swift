internal import Glibc

/// One release that has a privacy loss distribution, in units where its relation puts neighbours one
/// contribution apart.
enum LossRelease: Hashable, Sendable {
  case gaussian(noiseMultiplier: Double, rate: Double)
  case laplace(scale: Double, rate: Double)
  case discreteGaussian(sigma: Double, sensitivity: Int, rate: Double)
  case discreteLaplace(parameter: Double, sensitivity: Int, rate: Double)
  case randomizedResponse(noise: Double, buckets: Int)
  case epsilonDelta(epsilon: Double, delta: Double, rate: Double)
  /// A Poisson batch cut to size: with probability `cut` a replacement at twice the distance,
  /// taken at `cutRate`.
  case truncatedGaussian(noiseMultiplier: Double, rate: Double, cut: Double, cutRate: Double)
  /// Without replacement at rate `rate`; neighbours replace one unit.
  case fixedSizeGaussian(noiseMultiplier: Double, rate: Double)
  case fixedSizeLaplace(scale: Double, rate: Double)

  /// Whether P and Q change roles without effect.
  var isSymmetric: Bool {
    switch self {
    case .gaussian(_, let rate), .laplace(_, let rate), .discreteGaussian(_, _, let rate),
      .discreteLaplace(_, _, let rate), .epsilonDelta(_, _, let rate):
      rate == 1
    case .truncatedGaussian: false
    case .randomizedResponse, .fixedSizeGaussian, .fixedSizeLaplace: true
    }
  }

  /// Whether some losses have a probability of their own.
  var hasAtoms: Bool {
    switch self {
    case .gaussian, .truncatedGaussian, .fixedSizeGaussian: false
    case .laplace, .discreteGaussian, .discreteLaplace, .randomizedResponse, .epsilonDelta,
      .fixedSizeLaplace:
      true
    }
  }

  /// What all losses are multiples of, if they are.
  var latticeUnit: Double? {
    switch self {
    case .discreteGaussian(let sigma, let sensitivity, 1):
      Double(sensitivity) / (2 * sigma * sigma)
    case .discreteLaplace(let parameter, _, 1): parameter
    case .randomizedResponse, .epsilonDelta(_, _, 1):
      largestLoss > 0 && largestLoss < .infinity ? largestLoss : nil
    default: nil
    }
  }

  /// The largest finite loss in any direction, from above, rounding aside.
  var largestLoss: Double {
    switch self {
    case .gaussian, .discreteGaussian, .truncatedGaussian, .fixedSizeGaussian: .infinity
    // Twice covers one contribution against another under a sample.
    case .laplace(let scale, let rate): (rate < 1 ? 2 : 1) / scale
    case .discreteLaplace(let parameter, let sensitivity, let rate):
      (rate < 1 ? 2 : 1) * parameter * Double(sensitivity)
    case .randomizedResponse(let noise, let buckets):
      noise > 0 ? log1p((1 - noise) * Double(buckets) / noise) : .infinity
    case .epsilonDelta(let epsilon, _, let rate): rate < 1 ? .infinity : epsilon
    case .fixedSizeLaplace(let scale, _): 1 / scale
    }
  }

  /// - Parameters:
  ///   - direction: of sampled releases.
  ///   - tail: P's mass that may be put at infinite loss, above zero.
  func distribution(_ direction: LossDirection, tail: Double) -> LossDistribution {
    switch self {
    case .gaussian(let noiseMultiplier, let rate):
      // Unsampled, all directions are one; the pair (N(1), N(0)) is the plainest.
      let loss = GaussianLoss(
        rate: rate, noiseMultiplier: noiseMultiplier, direction: rate < 1 ? direction : .remove,
        tail: tail)
      return LossDistribution(parts: [(1, .gaussian(loss))], tail: tail)
    case .laplace(let scale, let rate):
      let loss = LaplaceLoss(
        rate: rate, scale: scale, direction: rate < 1 ? direction : .remove)
      return LossDistribution(parts: [(1, .laplace(loss))], tail: 0)
    case .discreteGaussian(let sigma, let sensitivity, let rate):
      let atoms = DiscreteLosses.gaussian(
        sigma: sigma, sensitivity: sensitivity, rate: rate,
        direction: rate < 1 ? direction : .remove, tail: tail)
      return LossDistribution(parts: [(1, .atoms(atoms))], tail: tail)
    case .discreteLaplace(let parameter, let sensitivity, let rate):
      let atoms = DiscreteLosses.laplace(
        parameter: parameter, sensitivity: sensitivity, rate: rate,
        direction: rate < 1 ? direction : .remove)
      return LossDistribution(parts: [(1, .atoms(atoms))], tail: 0)
    case .randomizedResponse(let noise, let buckets):
      let atoms = DiscreteLosses.randomizedResponse(noise: noise, buckets: buckets)
      return LossDistribution(parts: [(1, .atoms(atoms))], tail: 0)
    case .epsilonDelta(let epsilon, let delta, let rate):
      let atoms = DiscreteLosses.epsilonDelta(
        epsilon: epsilon, delta: delta, rate: rate, direction: rate < 1 ? direction : .remove)
      return LossDistribution(parts: [(1, .atoms(atoms))], tail: 0)
    case .truncatedGaussian(let noiseMultiplier, let rate, let cut, let cutRate):
      let whole = GaussianLoss(
        rate: rate, noiseMultiplier: noiseMultiplier, direction: direction, tail: tail)
      let replaced = GaussianLoss(
        rate: cutRate, noiseMultiplier: noiseMultiplier / 2, direction: .replace, tail: tail)
      return LossDistribution(
        parts: [(1 - cut, .gaussian(whole)), (cut, .gaussian(replaced))], tail: tail)
    case .fixedSizeGaussian(let noiseMultiplier, let rate):
      let loss = GaussianLoss(
        rate: rate, noiseMultiplier: noiseMultiplier, direction: .remove, tail: tail)
      return LossDistribution(parts: [(1, .mirroredGaussian(loss))], tail: tail)
    case .fixedSizeLaplace(let scale, let rate):
      let loss = LaplaceLoss(rate: rate, scale: scale, direction: .remove)
      return LossDistribution(parts: [(1, .mirroredLaplace(loss))], tail: 0)
    }
  }
}
