package import VectorMath

/// A linear model of rewards that knows how sure it is: what LinUCB and linear Thompson sampling choose by.
///
/// A place is a candidate's index, below ``count``.
package protocol LinearScorer: Sendable {
  /// Number of places.
  var count: Int { get }

  /// Expected rewards beyond those that the base scores promise, shape `[count]`.
  func means() -> [Float]

  /// Standard deviations of the means of these places, for noise of variance 1.
  func deviations(of places: [Int]) -> [Float]

  /// Upper bounds of the deviations that cost little, shape `[count]`.
  func deviationBounds() -> [Float]

  /// Draws of the coefficients, whose covariance is scale² A^-1.
  ///
  /// - Parameter draws: at least 0.
  func sampled(
    _ draws: Int, scale: Double, using generator: inout some RandomNumberGenerator
  ) -> CoefficientDraws
}

extension LinearScorer {
  /// Standard deviations of all places, shape `[count]`.
  package func deviations() -> [Float] { deviations(of: Array(0..<count)) }
}

/// One linear model an arm, all seeing the same context.
///
/// - Source: Li, Chu, Langford and Schapire, "A Contextual-Bandit Approach to Personalized News Article
///   Recommendation", WWW 2010, algorithm 1 (disjoint linear models).
package struct DisjointArms: Sendable, Equatable {
  /// One an arm, all of the same dimension.
  package private(set) var arms: [LinearPosterior]

  /// - Parameters:
  ///   - count: arms, at least 1.
  ///   - dimension: length of a context.
  ///   - ridge: as in ``LinearPosterior``.
  /// - Throws: as ``LinearPosterior/init(dimension:ridge:)``, `.invalidHyperparameter`.
  package init(count: Int, dimension: Int, ridge: Double = 1) throws(RecommendationError) {
    guard count >= 1 else { throw .invalidHyperparameter(name: "arms", accepted: "at least 1") }
    arms = [LinearPosterior](
      repeating: try LinearPosterior(dimension: dimension, ridge: ridge), count: count)
  }

  /// - Precondition: `arm` is one of the arms; the context has their dimension.
  package mutating func update(arm: Int, context: [Double], reward: Double) {
    arms[arm].update(context, reward: reward)
  }

  /// x'theta_a of each arm.
  package func means(context: [Double]) -> [Double] { arms.map { $0.mean(of: context) } }

  /// x'theta_a + alpha sqrt(x'A_a^-1 x) of each arm.
  package func upperConfidenceBounds(context: [Double], alpha: Double) -> [Double] {
    arms.map { $0.mean(of: context) + alpha * $0.deviation(of: context) }
  }

  /// The arm with the highest value; among equals the highest index.
  package static func best(_ values: [Double]) -> Int {
    precondition(!values.isEmpty, "there is an arm")
    return values.indices.reduce(0) { values[$1] >= values[$0] ? $1 : $0 }
  }
}

/// ``DisjointArms`` at one decision: the places are the arms.
package struct ArmsInContext: LinearScorer {
  package let arms: DisjointArms
  /// Shape `[dimension]`, finite.
  package let context: [Double]
  package var count: Int { arms.arms.count }

  package init(_ arms: DisjointArms, context: [Double]) {
    self.arms = arms
    self.context = context
  }

  package func means() -> [Float] { arms.means(context: context).map { Float($0) } }

  package func deviations(of places: [Int]) -> [Float] {
    places.map { Float(arms.arms[$0].deviation(of: context)) }
  }

  /// The deviations themselves: arms are few.
  package func deviationBounds() -> [Float] { deviations() }

  /// The arms' rewards as they are: each weighs a unit vector of its own.
  package func sampled(
    _ draws: Int, scale: Double, using generator: inout some RandomNumberGenerator
  ) -> CoefficientDraws {
    var rewards = Matrix(rows: draws, columns: count)
    for (arm, posterior) in arms.arms.enumerated() {
      let samples = posterior.samples(draws, scale: scale, using: &generator)
      for draw in 0..<draws {
        rewards[draw, arm] = Float(
          Kernels.dot(samples.storage.span.extracting(samples.range(ofRow: draw)), context.span))
      }
    }
    return CoefficientDraws(vectors: .identity(count), coefficients: rewards, longestVector: 1)
  }
}

/// A Bayesian linear layer over the item vectors of any model: one customer's taste with its uncertainty.
///
/// The vectors may be a factorisation's, a transformer's output layer or public text; the layer learns what
/// the base score leaves over. Rewards update it on the device.
/// - Source: Riquelme, Tucker and Snoek, "Deep Bayesian Bandits Showdown", ICLR 2018 (neural linear).
package struct BayesianLastLayer: LinearScorer {
  /// Item vectors, shape `[items, dimension]`, finite.
  package let vectors: Matrix
  /// What is known of the customer's coefficients.
  package private(set) var posterior: LinearPosterior
  /// At least the norm of every vector.
  private let longestVector: Float
  package var count: Int { vectors.rows }

  /// A layer over vectors of unit norm.
  ///
  /// - Throws: as ``LinearPosterior/init(dimension:ridge:)``.
  package init(_ features: ItemFeatures, ridge: Double) throws(RecommendationError) {
    try self.init(
      vectors: features.vectors, longestVector: ItemFeatures.largestNorm, ridge: ridge)
  }

  /// - Parameters:
  ///   - vectors: finite.
  ///   - longestVector: at least the norm of each.
  /// - Throws: as ``LinearPosterior/init(dimension:ridge:)``.
  init(vectors: Matrix, longestVector: Float, ridge: Double) throws(RecommendationError) {
    self.vectors = vectors
    self.longestVector = longestVector
    posterior = try LinearPosterior(dimension: vectors.columns, ridge: ridge)
  }

  /// Learns that showing `item` brought `reward` where the base score promised `expected`.
  ///
  /// - Precondition: `item` has a vector; both numbers are finite.
  package mutating func update(item: Int, reward: Double, expected: Double = 0) {
    posterior.update(vectors.row(item).map { Double($0) }, reward: reward - expected)
  }

  /// Learns whether `item` was accepted when it was shown: P = sigmoid(offset + x'theta).
  ///
  /// One step of the extended Kalman filter for logistic regression: A grows by p(1 - p) x x', the mean
  /// moves by A^-1 x (accepted - p). The layer is then in log-odds.
  /// - Parameter offset: log-odds that the base score promises, finite.
  /// - Source: Chapelle and Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011, algorithm 3
  ///   (regularised logistic regression with a Laplace approximation), example by example.
  package mutating func update(item: Int, isAccepted: Bool, offset: Double) {
    let vector = vectors.row(item).map { Double($0) }
    let learned = posterior.mean(of: vector)
    let chance = ResponseScale.sigmoid(offset + learned)
    let weight = max(chance * (1 - chance), Self.leastWeight).squareRoot()
    let error = (isAccepted ? 1 : 0) - chance
    posterior.update(
      vector.map { $0 * weight }, reward: weight * learned + error / weight)
  }

  /// Keeps a step finite where the chance is 0 or 1 to rounding.
  private static let leastWeight = 1e-6

  package func means() -> [Float] { scores(of: posterior.mean) }

  /// - Complexity: O(places dimension²), by one matrix product in Float.
  package func deviations(of places: [Int]) -> [Float] {
    var covariance = Matrix(rows: posterior.dimension, columns: posterior.dimension)
    for index in covariance.storage.indices {
      covariance.storage[index] = Float(posterior.covariance.storage[index])
    }
    let rows = vectors.gathered(places)
    let products = Kernels.product(rows, covariance)
    return (0..<rows.rows).map { row in
      let range = rows.range(ofRow: row)
      let square = Kernels.dot(
        rows.storage.span.extracting(range), products.storage.span.extracting(range))
      return max(0, square).squareRoot()
    }
  }

  /// What the prior says: rewards only make the layer surer. With room for rounding.
  package func deviationBounds() -> [Float] {
    [Float](
      repeating: Float(posterior.largestDeviation) * longestVector * 1.001, count: vectors.rows)
  }

  package func sampled(
    _ draws: Int, scale: Double, using generator: inout some RandomNumberGenerator
  ) -> CoefficientDraws {
    let origin = [Double](repeating: 0, count: posterior.dimension)
    return coefficientDraws(draws, scale: scale, from: origin, unit: 1, using: &generator)
  }

  /// Draws of what is not known: ``sampled(_:scale:using:)`` less the mean, times `unit`.
  func deviating(
    _ draws: Int, scale: Double, unit: Float, using generator: inout some RandomNumberGenerator
  ) -> CoefficientDraws {
    coefficientDraws(draws, scale: scale, from: posterior.mean, unit: unit, using: &generator)
  }

  /// Draws of the coefficients less `origin`, times `unit`.
  private func coefficientDraws(
    _ draws: Int, scale: Double, from origin: [Double], unit: Float,
    using generator: inout some RandomNumberGenerator
  ) -> CoefficientDraws {
    let samples = posterior.samples(draws, scale: scale, using: &generator)
    let dimension = posterior.dimension
    var coefficients = Matrix(rows: draws, columns: dimension)
    for draw in 0..<draws {
      for column in 0..<dimension {
        let index = draw * dimension + column
        coefficients.storage[index] =
          Float(samples.storage[index] - origin[column]) * unit
      }
    }
    return CoefficientDraws(
      vectors: vectors, coefficients: coefficients, longestVector: longestVector)
  }

  private func scores(of coefficients: [Double]) -> [Float] {
    Kernels.product(vectors, coefficients.map { Float($0) })
  }
}
