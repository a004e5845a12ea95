package import CanonicalJSON
internal import Glibc
internal import VectorMath

/// Logistic regression of a customer's responses, learned in a few noised Newton steps: to coupons, to a day on
/// which to buy, to items shown (``ResponseSchema``).
///
/// The first round adds up the second moments of the inputs, M = sum of x x'. Each further round adds up
/// gradients: a device sends the sum of z (y - p) over its examples, z the inputs along the eigenvectors of M
/// at unit moments, clipped to norm 6. There gradients of all directions are of one size, so that one clip norm
/// suits all and the noise falls where it harms least. The coordinator takes the Newton step with
/// M / 4 + ridge in place of the Hessian, whose weights p (1 - p) are at most 1/4.
///
/// The norm bounds what a customer adds, however many examples there are; a customer without one sends zero. Moments
/// are clipped to a norm of their own: one far below what customers have makes M too small, and with it the steps too
/// long; one far above it drowns M in noise.
///
/// Hyperparameters: `inputs`, 2 ... 64, required; `rounds`, 1 ... 50, default 8: Newton steps; `moment_clip`, "1"
/// ... "100000", default "40": Frobenius norm to which a customer's moments are clipped. The constants were chosen
/// on campaigns before 2017-08 of the Complete Journey against those up to its test part (`docs/models.md`).
/// - Source: Böhning and Lindsay, "Monotonicity of quadratic-approximation algorithms", AISM 1988, for a
///   constant bound in place of the Hessian; Abadi et al., "Deep Learning with Differential Privacy", CCS 2016,
///   for clipped gradients.
package struct ResponseModel: FederatedModel {
  package static let identifier = "response"
  /// Name of the first stage.
  static let momentStage = "moments"
  /// Tensor [inputs, inputs]: eigenvectors of the moments, one a row.
  static let directionsTensor = "directions"
  /// Tensor [inputs]: square roots of the moments along them, a customer.
  static let scalesTensor = "scales"
  /// Tensor [inputs]: what the log-odds are a sum of.
  static let weightsTensor = "weights"
  /// Tensor [1]: how many offers the catalogue has; below 2^24, so exact.
  private static let offerCountTensor = "offer_count"

  /// What the moments get of mu².
  private static let momentShare = 0.2
  private static let momentClips = 1.0...100_000.0
  /// Norm to which a customer's gradient is clipped.
  static let gradientClip = 6.0
  /// In place of p (1 - p): its bound, so that no step overshoots.
  static let curvature = 0.25
  /// Of the weights but the last.
  package static let ridge = 1.0
  private static let interceptRidge = 1e-6
  /// Where the intercept begins: a guess of how many take an offer, made without data.
  private static let firstRate = 0.1

  package let stages: [String]
  package let budgetShares: [Double]
  /// The Newton steps.
  package var repeatedStages: Range<Int> { 1..<stages.count }
  private let inputs: Int
  /// Frobenius norm to which a customer's moments are clipped.
  private let momentClip: Double

  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
  package init(hyperparameters: JSONValue) throws(RecommendationError) {
    let read = try Hyperparameters(hyperparameters, known: ["inputs", "rounds", "moment_clip"])
    let accepted = 2...64
    guard let inputs = try read.integer("inputs", in: accepted) else {
      throw .invalidHyperparameter(
        name: "inputs", accepted: "an integer from \(accepted.lowerBound) to \(accepted.upperBound)"
      )
    }
    self.inputs = inputs
    momentClip = try read.decimal("moment_clip", in: Self.momentClips) ?? 40
    let rounds = try read.integer("rounds", in: 1...50) ?? 8
    stages = [Self.momentStage] + (1...rounds).map { "step-\($0)" }
    budgetShares =
      [Self.momentShare]
      + [Double](repeating: (1 - Self.momentShare) / Double(rounds), count: rounds)
  }

  private var triangle: UpperTriangle { UpperTriangle(size: inputs) }

  /// No weights but that of the last input.
  package func initialParameters(
    catalogue: Catalogue
  ) throws(RecommendationError) -> ModelParameters {
    var weights = [Float](repeating: 0, count: inputs)
    weights[inputs - 1] = Float(log(Self.firstRate / (1 - Self.firstRate)))
    return try ModelParameters(tensors: [
      Self.weightsTensor: .init(weights), Self.offerCountTensor: .init([Float(catalogue.count)]),
    ])
  }

  package func updateDimension(
    stage: Int, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> Int {
    try checkStage(stage)
    return stage == 0 ? triangle.count : inputs
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    try checkStage(stage)
    try checkInputs(of: history.responses)
    let sum =
      stage == 0
      ? moments(of: history.responses) : try gradient(of: history.responses, parameters: parameters)
    let clip = stage == 0 ? momentClip : Self.gradientClip
    let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    // In Double, before rounding: a sum may be too long for the scaled value to be exact.
    let factor = 1 / max(norm, clip)
    var update = sum.map { Float($0 * factor) }
    try update.shrinkToUnitNorm()
    return update
  }

  private func checkInputs(of examples: [ResponseExample]) throws(RecommendationError) {
    for example in examples where example.inputs.count != inputs {
      throw .shapeMismatch(name: "inputs", expected: [inputs], actual: [example.inputs.count])
    }
  }

  /// Upper triangle of the sum of x x', entries off the diagonal times sqrt 2: its norm is the matrix's.
  private func moments(of examples: [ResponseExample]) -> [Double] {
    var sum = [Double](repeating: 0, count: triangle.count)
    for example in examples {
      for row in 0..<inputs where example.inputs[row] != 0 {
        for column in row..<inputs {
          sum[triangle.index(row, column)] +=
            Double(example.inputs[row]) * Double(example.inputs[column])
            * (row == column ? 1 : 2.0.squareRoot())
        }
      }
    }
    return sum
  }

  private func gradient(
    of examples: [ResponseExample], parameters: ModelParameters
  ) throws(RecommendationError) -> [Double] {
    let weights = try parameters.values(Self.weightsTensor, shape: [inputs])
    let basis = try Basis(parameters, inputs: inputs)
    var sum = [Double](repeating: 0, count: inputs)
    for example in examples {
      let rest =
        (example.isResponse ? 1 : 0)
        - ResponseExample.probability(logOdds: Self.logOdds(example.inputs, weights: weights))
      for index in sum.indices { sum[index] += rest * Double(example.inputs[index]) }
    }
    return basis.standardized(sum)
  }

  package func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    try check(
      noisedSum,
      dimension: try updateDimension(stage: stage, parameters: parameters, itemCount: itemCount))
    return stage == 0
      ? try basis(noisedSum, context: context, parameters: parameters)
      : try step(noisedSum, context: context, parameters: parameters)
  }

  /// What noise alone may make of an eigenvalue is the least that one counts as.
  private func basis(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters
  ) throws(RecommendationError) -> ModelParameters {
    var moments = DoubleMatrix(rows: inputs, columns: inputs)
    for row in 0..<inputs {
      for column in row..<inputs {
        let value =
          noisedSum[triangle.index(row, column)] * momentClip
          / (row == column ? 1 : 2.0.squareRoot())
        moments[row, column] = value
        moments[column, row] = value
      }
    }
    let spectrum: EigenDecomposition
    do {
      spectrum = try SymmetricEigen.decompose(moments)
    } catch {
      throw .numericalFailure(step: "decomposing the moments")
    }
    let edge =
      context.noiseStandardDeviation * momentClip * (2 * Double(inputs)).squareRoot()
    let least = max(edge, Self.ridge)
    var tensors = parameters.tensors
    tensors[Self.scalesTensor] = .init(
      spectrum.values.map {
        Float((max($0, least) / Double(context.targetCohort)).squareRoot())
      })
    var directions: [Float] = []
    for place in spectrum.values.indices {
      directions += spectrum.vectors.row(place).map { Float($0) }
    }
    tensors[Self.directionsTensor] = .init(shape: [inputs, inputs], values: directions)
    return try ModelParameters(tensors: tensors)
  }

  private func step(
    _ noisedSum: [Double], context: StageContext, parameters: ModelParameters
  ) throws(RecommendationError) -> ModelParameters {
    let weights = try parameters.values(Self.weightsTensor, shape: [inputs])
    let basis = try Basis(parameters, inputs: inputs)
    var gradient = basis.restored(noisedSum.map { $0 * Self.gradientClip })
    var hessian = basis.moments(scaledBy: Self.curvature * Double(context.targetCohort))
    for index in 0..<inputs {
      let ridge = index == inputs - 1 ? Self.interceptRidge : Self.ridge
      hessian[index, index] += ridge
      gradient[index] -= ridge * Double(weights[index])
    }
    let change: [Double]
    do {
      change = try Cholesky.solve(Cholesky.factor(of: hessian), gradient)
    } catch {
      throw .numericalFailure(step: "a Newton step")
    }
    var tensors = parameters.tensors
    tensors[Self.weightsTensor] = .init(zip(weights, change).map { Float(Double($0) + $1) })
    return try ModelParameters(tensors: tensors)
  }

  static func logOdds(_ inputs: [Float], weights: [Float]) -> Double {
    zip(inputs, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }

  /// The log-odds that a customer with these inputs responds.
  ///
  /// - Throws: `.missingTensor`, `.shapeMismatch` for the parameters or the inputs.
  package func logOdds(
    _ inputs: [Float], parameters: ModelParameters
  ) throws(RecommendationError) -> Double {
    guard inputs.count == self.inputs else {
      throw .shapeMismatch(name: "inputs", expected: [self.inputs], actual: [inputs.count])
    }
    return Self.logOdds(
      inputs, weights: try parameters.values(Self.weightsTensor, shape: [self.inputs]))
  }

  /// The items are offers: an offer that the customer received has its log-odds, any other those of the last
  /// input alone.
  package func scores(
    history: CustomerHistory, parameters: ModelParameters, features: ItemFeatures?
  ) throws(RecommendationError) -> ItemScores {
    try checkInputs(of: history.responses)
    let weights = try parameters.values(Self.weightsTensor, shape: [inputs])
    let stored = try parameters.values(Self.offerCountTensor, shape: [1])[0]
    guard let itemCount = Int(exactly: stored), (1...Catalogue.Limits.items).contains(itemCount)
    else {
      throw .notItemCount(name: Self.offerCountTensor, value: stored)
    }
    var values = [Float](repeating: weights[inputs - 1], count: itemCount)
    for example in history.responses {
      guard values.indices.contains(example.offer) else {
        throw .itemOutOfRange(item: example.offer, itemCount: itemCount)
      }
      values[example.offer] = Float(Self.logOdds(example.inputs, weights: weights))
    }
    return try ItemScores(itemCount: itemCount, components: [(.learned, values)]).checked()
  }

  package func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]] {
    items.map { _ in [] }
  }
}
