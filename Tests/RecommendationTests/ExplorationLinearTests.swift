import Foundation
import Testing
import VectorMath

@testable import Recommendation

@Suite struct ExplorationLinearTests {
  private struct Step {
    let context: [Double]
    let chosen: Int
    let reward: Double
    let scores: [Double]
  }

  /// `Tests/Vectors/exploration/linucb_trace_alpha0.5.csv`, which others made.
  private static func trace(testFile: String = #filePath) throws -> [Step] {
    let path = URL(filePath: testFile).deletingLastPathComponent().deletingLastPathComponent()
      .appending(components: "Vectors", "exploration", "linucb_trace_alpha0.5.csv")
    return try String(contentsOf: path, encoding: .utf8).split(whereSeparator: \.isNewline)
      .dropFirst().map { line in
        let numbers = try line.split(separator: ",").map { try #require(Double($0)) }
        return Step(
          context: Array(numbers[1...4]), chosen: Int(numbers[5]), reward: numbers[6],
          scores: Array(numbers[7...11]))
      }
  }

  @Test("disjoint LinUCB reproduces the published trace to 1e-9, arms and ties included")
  func linUCBTrace() throws {
    let steps = try Self.trace()
    #expect(steps.count == 200)
    var arms = try DisjointArms(count: 5, dimension: 4)
    for step in steps {
      let scores = arms.upperConfidenceBounds(context: step.context, alpha: 0.5)
      for (score, expected) in zip(scores, step.scores) { #expect(abs(score - expected) < 1e-9) }
      #expect(DisjointArms.best(scores) == step.chosen)
      arms.update(arm: step.chosen, context: step.context, reward: step.reward)
    }
  }

  @Test("the policy shows what the trace chose")
  func linUCBPolicyFollowsTrace() throws {
    var arms = try DisjointArms(count: 5, dimension: 4)
    var random = SeededRandom(seed: 1)
    for step in try Self.trace().prefix(50) {
      let policy = try LinUCB(
        ArmsInContext(arms, context: step.context), alpha: 0.5, epsilon: 0)
      let slate = policy.slate(
        scores: [Float](repeating: 0, count: 5), candidates: Array(0..<5), count: 1,
        using: &random)
      #expect(slate.map(\.item) == [step.chosen] && slate.map(\.propensity) == [1])
      arms.update(arm: step.chosen, context: step.context, reward: step.reward)
    }
  }

  @Test("the posterior is that of ridge regression, solved at once")
  func posteriorIsRidge() throws {
    let dimension = 6
    var posterior = try LinearPosterior(dimension: dimension, ridge: 2.5)
    var random = SeededRandom(seed: 11)
    var precision = DoubleMatrix(rows: dimension, columns: dimension)
    for index in 0..<dimension { precision[index, index] = 2.5 }
    var response = [Double](repeating: 0, count: dimension)
    for _ in 0..<300 {
      let vector = (0..<dimension).map { _ in RandomVariates.standardNormal(using: &random) }
      let reward = RandomVariates.uniform(using: &random)
      posterior.update(vector, reward: reward)
      for row in 0..<dimension {
        response[row] += reward * vector[row]
        for column in 0..<dimension { precision[row, column] += vector[row] * vector[column] }
      }
    }
    let covariance = try Cholesky.inverse(of: precision)
    let mean = Kernels.product(covariance, response)
    // 300 updates of 6 numbers around 1; the covariance is around 1/300.
    for (found, expected) in zip(posterior.mean, mean) { #expect(abs(found - expected) < 1e-12) }
    for (found, expected) in zip(posterior.covariance.storage, covariance.storage) {
      #expect(abs(found - expected) < 1e-12)
    }
    #expect(posterior.observations == 300)
    let probe = [1.0, -2, 0, 0.5, 3, 1]
    let variance = Kernels.dot(probe.span, Kernels.product(covariance, probe).span)
    #expect(abs(posterior.deviation(of: probe) - variance.squareRoot()) < 1e-10)
  }

  @Test("samples of the coefficients have the posterior's mean and covariance")
  func samples() throws {
    var posterior = try LinearPosterior(dimension: 3, ridge: 1)
    for vector in [[1.0, 2, 0], [0, 1, -1], [3, 0.5, 1], [0.2, 0.1, 0]] {
      posterior.update(vector, reward: vector[0])
    }
    var random = SeededRandom(seed: 12)
    let draws = 40_000
    let samples = (0..<draws).map { _ in posterior.sample(scale: 0.5, using: &random) }
    for row in 0..<3 {
      let mean = samples.reduce(0) { $0 + $1[row] } / Double(draws)
      // Six standard errors of the mean: false alarm below 2e-9 each.
      let deviation = 0.5 * posterior.covariance[row, row].squareRoot()
      #expect(abs(mean - posterior.mean[row]) < 6 * deviation / Double(draws).squareRoot())
      for column in 0...row {
        let covariance =
          samples.reduce(0) {
            $0 + ($1[row] - posterior.mean[row]) * ($1[column] - posterior.mean[column])
          } / Double(draws)
        let bound =
          0.25
          * (posterior.covariance[row, row] * posterior.covariance[column, column]).squareRoot()
        // The standard error of a covariance of normals is at most sqrt(2 / n) of the product.
        #expect(
          abs(covariance - 0.25 * posterior.covariance[row, column])
            < 6 * bound * (2 / Double(draws)).squareRoot())
      }
    }
  }

  @Test("a covariance that rounding left without a factor still has a root, as near as rounding")
  func rootOfRoundedCovariance() throws {
    // The second direction is a difference of equals; the last variance fell below zero.
    for last in [0.25, 0, -0x1p-60] {
      let matrix = try DoubleMatrix(
        rows: 3, columns: 3, storage: [1, 1, 0, 1, 1, 0, 0, 0, last])
      #expect(throws: LinearAlgebraError.self) { try Cholesky.factor(of: matrix) }
      let root = LinearPosterior.root(of: matrix)
      for row in 0..<3 {
        for column in 0..<3 {
          let product = (0..<3).reduce(0) { $0 + root[row, $1] * root[column, $1] }
          #expect(abs(product - matrix[row, column]) < 1e-14)
        }
      }
    }
    let zero = LinearPosterior.root(of: DoubleMatrix(rows: 2, columns: 2))
    #expect(zero.storage.allSatisfy { $0 == 0 })
  }

  @Test("the last layer gives each item the mean and deviation of its vector")
  func lastLayer() throws {
    let vectors = try Matrix(rows: 3, columns: 2, storage: [1, 0, 0.5, -0.5, 0, 2])
    var layer = try BayesianLastLayer(vectors: vectors, ridge: 1)
    layer.update(item: 0, reward: 1, expected: 0.25)
    layer.update(item: 2, reward: 0)
    // A = diag(2, 5), b = (0.75, 0).
    let means = layer.means()
    let expected: [Float] = [0.375, 0.1875, 0]
    #expect(zip(means, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    let deviations = layer.deviations()
    // x'A^-1 x.
    let variances: [Float] = [0.5, 0.175, 0.8]
    #expect(zip(deviations, variances).allSatisfy { abs($0 * $0 - $1) < 1e-6 })
  }

  @Test("LinUCB mixed with epsilon: closed-form propensities that sum to one")
  func linUCBPropensities() throws {
    let layer = try BayesianLastLayer(
      vectors: Matrix(rows: 4, columns: 1, storage: [1, 2, 3, 3]), ridge: 1)
    let policy = try LinUCB(layer, alpha: 1, epsilon: 0.5)
    #expect(policy.hasFullSupport)
    var random = SeededRandom(seed: 13)
    var seen: [Int: Double] = [:]
    for _ in 0..<500 {
      let slate = policy.slate(
        scores: [0, 0, 0, 0], candidates: [0, 1, 2, 3], count: 1, using: &random)
      seen[slate[0].item] = slate[0].propensity
    }
    // Places 2 and 3 have the same bound; the highest comes first.
    #expect(seen == [0: 0.125, 1: 0.125, 2: 0.125, 3: 0.625])
    #expect(try !LinUCB(layer, alpha: 1, epsilon: 0).hasFullSupport)
  }

  /// The standard normal distribution function.
  private func normalCDF(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  @Test("linear Thompson: propensity and frequency of two arms are the normal probability")
  func thompsonOfTwoArms() throws {
    var arms = try DisjointArms(count: 2, dimension: 1)
    arms.update(arm: 0, context: [1], reward: 1)
    arms.update(arm: 1, context: [2], reward: 0.4)
    // Means 0.5 and 0.16, variances 1/2 and 1/5 at context 1.
    let expected = normalCDF((0.5 - 0.16) / (0.5 + 0.2).squareRoot())
    let policy = try LinearThompson(
      ArmsInContext(arms, context: [1]), scale: 1, propensityDraws: 40_000)
    var random = SeededRandom(seed: 14)
    let slate = policy.slate(scores: [0, 0], candidates: [0, 1], count: 2, using: &random)
    let first = slate[0].item == 0 ? slate[0].propensity : 1 - slate[0].propensity
    // Six standard errors, and the draw that is counted with them.
    let error = 6 * (0.25 / 40_000).squareRoot() + 1.0 / 40_000
    #expect(abs(first - expected) < error)
    #expect(slate[0].monteCarloDraws == 40_000)
    // The last position has one candidate left.
    #expect(slate[1].propensity == 1)
    let quick = try LinearThompson(
      ArmsInContext(arms, context: [1]), scale: 1, propensityDraws: 1)
    var wins = 0
    for _ in 0..<20_000 {
      let drawn = quick.slate(scores: [0, 0], candidates: [1, 0], count: 1, using: &random)
      if drawn[0].item == 0 { wins += 1 }
    }
    #expect(abs(Double(wins) / 20_000 - expected) < 6 * (0.25 / 20_000).squareRoot())
  }

  @Test("linear Thompson at a later position: the propensity is the frequency given the first")
  func thompsonLaterPositions() throws {
    let layer = try BayesianLastLayer(
      vectors: Matrix(rows: 3, columns: 2, storage: [1, 0, 0, 1, 0.7, 0.7]), ridge: 1)
    let scores: [Float] = [0.3, 0, 0.1]
    var random = SeededRandom(seed: 15)
    let quick = try LinearThompson(layer, scale: 1, propensityDraws: 1)
    var counts: [Int: Int] = [:]
    for _ in 0..<20_000 {
      let slate = quick.slate(scores: scores, candidates: [0, 1, 2], count: 2, using: &random)
      if slate[0].item == 0 { counts[slate[1].item, default: 0] += 1 }
    }
    let total = counts.values.reduce(0, +)
    let exact = try LinearThompson(layer, scale: 1, propensityDraws: 20_000)
    while true {
      let slate = exact.slate(scores: scores, candidates: [0, 1, 2], count: 2, using: &random)
      guard slate[0].item == 0 else { continue }
      let frequency = Double(counts[slate[1].item] ?? 0) / Double(total)
      #expect(
        abs(slate[1].propensity - frequency)
          < 6 * (0.25 / Double(total)).squareRoot() + 6 * (0.25 / 20_000).squareRoot())
      break
    }
  }

  @Test("settings out of range are refused")
  func invalidSettings() throws {
    let layer = try BayesianLastLayer(vectors: Matrix(rows: 1, columns: 1), ridge: 1)
    #expect(throws: RecommendationError.self) { try LinUCB(layer, alpha: -1, epsilon: 0) }
    #expect(throws: RecommendationError.self) { try LinUCB(layer, alpha: 1, epsilon: 1.5) }
    #expect(throws: RecommendationError.self) { try LinearThompson(layer, scale: .nan) }
    #expect(throws: RecommendationError.self) {
      try LinearThompson(layer, scale: 1, propensityDraws: 0)
    }
    #expect(throws: RecommendationError.self) { try LinearPosterior(dimension: 0) }
    #expect(throws: RecommendationError.self) { try LinearPosterior(dimension: 2, ridge: 0) }
    #expect(throws: RecommendationError.self) { try DisjointArms(count: 0, dimension: 2) }
    // A layer is made of features, and vectors that are not finite make none.
    #expect(throws: RecommendationError.notFinite(name: "features", index: 0)) {
      try ItemFeatures(vectors: Matrix(rows: 1, columns: 1, storage: [.infinity]))
    }
  }
}
