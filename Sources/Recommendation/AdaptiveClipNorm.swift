internal import Glibc

/// A clip norm that follows a quantile of the norms of what customers would send, from the same noised sum.
///
/// A device sends one value more: w if its gradient lies within the clip norm, else -w. The clipped gradient is
/// scaled so that both together have norm at most 1: one vector of the round's sensitivity, so nothing more is
/// charged. What theorem 1 of the paper splits into the noises of two releases is here a split of the norm.
///
/// - Source: Andrew, Thakkar, McMahan, Ramaswamy, "Differentially private learning with adaptive clipping",
///   arXiv:1905.03871, algorithm 1.
struct AdaptiveClipNorm: Equatable {
  /// Name of the tensor [1] that holds the clip norm.
  static let tensor = "clip_norm"
  /// w: 1 % of the squared norm. The gradient keeps 0.995 of its length, and the share of customers within the
  /// clip norm is known up to 5 sigma / n, with noise sigma and n customers.
  static let weight = 0.1
  /// γ, the share of customers whose gradient should lie within.
  static let quantile = 0.5
  /// η: the norm moves by a factor of at most exp(1.5 η) a round.
  static let learningRate = 0.2
  /// Where it is kept: both ends are Floats, as which it is published.
  static let range = 0x1p-40...0x1p40

  private static let gradientShare = (1 - weight * weight).squareRoot()

  /// Bound on the norm of a gradient, in its own unit; in ``range``.
  private(set) var value: Double

  /// - Precondition: `value` lies in ``range``.
  init(_ value: Double) {
    precondition(Self.range.contains(value), "a clip norm is positive and bounded")
    self.value = value
  }

  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.clipNormOutOfRange`.
  init(_ parameters: ModelParameters) throws(RecommendationError) {
    let value = Double(try parameters.values(Self.tensor, shape: [1])[0])
    guard Self.range.contains(value) else { throw .clipNormOutOfRange(value: value) }
    self.value = value
  }

  var parameters: ModelParameters.Tensor { .init([Float(value)]) }

  /// What a device sends, [gradient and 1]: norm at most 1 before it is rounded to Float.
  func update(of gradient: [Double]) -> [Double] {
    let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let factor = Self.gradientShare / max(norm, value)
    return gradient.map { $0 * factor } + [norm <= value ? Self.weight : -Self.weight]
  }

  /// The sum of the clipped gradients, in their own unit.
  func gradient(of noisedSum: [Double]) -> [Double] {
    noisedSum.dropLast().map { $0 * value / Self.gradientShare }
  }

  /// Moves the norm: C ← C exp(-η (b - γ)), b the noised share of the cohort within.
  ///
  /// - Parameters:
  ///   - noisedSum: as ``update(of:)`` lays it out; not empty.
  ///   - cohort: the public constant that sums are divided by, at least 1.
  mutating func follow(_ noisedSum: [Double], cohort: Int) {
    let balance = noisedSum[noisedSum.count - 1] / (Self.weight * Double(cohort))
    // Noise may leave 0 ... 1; the norm must not jump for it.
    let share = min(max((balance + 1) / 2, -1), 2)
    let next = value * exp(-Self.learningRate * (share - Self.quantile))
    value = min(max(next, Self.range.lowerBound), Self.range.upperBound)
  }
}
