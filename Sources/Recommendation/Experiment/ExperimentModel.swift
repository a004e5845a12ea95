/// A model with an experiment: the stages of its base, and one more that adds up what came of the arms.
///
/// An experiment is one more round of the plan, so that modes, charges, consent, receipts and audit hold for
/// it as for any other. Scores are those of the base.
///
/// **The update** has seven coordinates an arm. A customer of arm a who was shown something sends,
/// in the coordinates of a and zero elsewhere, w (1, y₁, y₁², y₂, y₂², y₃, y₃²), with y the
/// customer's counts over their caps, at most 1, and w = 1/√7, so that the norm is at most 1 for
/// every customer and nothing but the caps biases a sum. Who was shown nothing sends zero (ruling
/// 1): customers are counted from their first slate. The squares are there for the sampling
/// variance, which otherwise nobody could know.
package struct ExperimentModel: WrappedModel {
  package static let identifier = "experiment"
  /// Name of the last stage.
  package static let stage = "experiment"
  /// Tensor [arms, 7]: customers, then for each measure the sum of y and of y². Noised, in customers.
  static let sumsTensor = "experiment"
  /// Tensor [1]: standard deviation of the noise on each of them, in customers.
  static let noiseTensor = "experiment_noise"
  /// Tensor [bytes]: which experiment they are of, its name's bytes as numbers.
  static let nameTensor = "experiment_name"

  static let coordinatesPerArm = 1 + 2 * Experiment.Measure.allCases.count
  static let weight = 1 / Double(coordinatesPerArm).squareRoot()

  /// Bits after the binary point that an update must be encoded with: truncation to that grid takes at most
  /// √7 2^-14 = 1.6e-4 off a mean of y or y², where one accepted item of ten is y² = 0.01. A round of more
  /// than about 130,000 customers has fewer.
  package static let fewestFractionBits = 14

  package let base: any FederatedModel
  private let definition: Experiment

  package init(base: any FederatedModel, experiment: Experiment) {
    self.base = base
    definition = experiment
  }

  package var experiment: Experiment? { definition }
  package var stages: [String] { base.stages + [Self.stage] }
  package var budgetShares: [Double] {
    base.budgetShares.map { $0 * (1 - definition.budgetShare) } + [definition.budgetShare]
  }

  private var lastStage: Int { base.stages.count }
  private var dimension: Int { definition.arms.count * Self.coordinatesPerArm }

  package func updateDimension(
    stage: Int, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> Int {
    guard stage == lastStage else {
      return try base.updateDimension(stage: stage, parameters: parameters, itemCount: itemCount)
    }
    return dimension
  }

  package func update(
    stage: Int, history: CustomerHistory, parameters: ModelParameters, itemCount: Int
  ) throws(RecommendationError) -> [Float] {
    guard stage == lastStage else {
      return try base.update(
        stage: stage, history: history, parameters: parameters, itemCount: itemCount)
    }
    var update = [Float](repeating: 0, count: dimension)
    // What was counted once is not counted again, whoever asks for it.
    guard let outcomes = history.experiment, outcomes.counts.contains(where: { $0 > 0 }),
      !ExperimentSums.areReleased(in: parameters, of: definition)
    else { return update }
    precondition(
      definition.arms.indices.contains(outcomes.arm), "outcomes are those of this experiment")
    let start = outcomes.arm * Self.coordinatesPerArm
    update[start] = Float(Self.weight)
    for (index, count) in outcomes.counts.enumerated() {
      let cap = definition.caps[index]
      let value = Double(min(count, cap)) / Double(cap)
      update[start + 1 + 2 * index] = Float(Self.weight * value)
      update[start + 2 + 2 * index] = Float(Self.weight * value * value)
    }
    try update.shrinkToUnitNorm()
    return update
  }

  package func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    guard stage == lastStage else {
      let next = try base.advance(
        stage: stage, noisedSum: noisedSum, context: context, parameters: parameters,
        itemCount: itemCount)
      return try keepingRelease(of: parameters, in: next)
    }
    try check(noisedSum, dimension: dimension)
    var tensors = parameters.tensors
    tensors[Self.sumsTensor] = .init(
      shape: [definition.arms.count, Self.coordinatesPerArm],
      values: noisedSum.map { Float($0 / Self.weight) })
    tensors[Self.noiseTensor] = .init([Float(context.noiseStandardDeviation / Self.weight)])
    tensors[Self.nameTensor] = .init(Self.nameValues(of: definition))
    return try ModelParameters(tensors: tensors)
  }

  static func nameValues(of experiment: Experiment) -> [Float] {
    experiment.name.utf8.map { Float($0) }
  }

  /// A model that is trained anew still holds what the experiment released: it is over.
  private func keepingRelease(
    of parameters: ModelParameters, in next: ModelParameters
  ) throws(RecommendationError) -> ModelParameters {
    guard ExperimentSums.areReleased(in: parameters, of: definition) else { return next }
    var tensors = next.tensors
    for name in [Self.sumsTensor, Self.noiseTensor, Self.nameTensor] {
      tensors[name] = parameters[name]
    }
    return try ModelParameters(tensors: tensors)
  }
}

/// What the round of an experiment released: noised sums by arm.
package struct ExperimentSums: Sendable, Equatable {
  /// One arm. All in customers; noise may make a value negative.
  package struct Arm: Sendable, Equatable {
    /// Customers who were shown something.
    package let customers: Double
    /// By measure: the sum of the customers' counts over the cap.
    package let sums: [Double]
    /// By measure: the sum of their squares.
    package let squares: [Double]

    package init(customers: Double, sums: [Double], squares: [Double]) {
      self.customers = customers
      self.sums = sums
      self.squares = squares
    }
  }

  package let arms: [Arm]
  /// Standard deviation of the noise on every value above, in customers; at least 0.
  package let noiseStandardDeviation: Double

  package init(arms: [Arm], noiseStandardDeviation: Double) {
    self.arms = arms
    self.noiseStandardDeviation = noiseStandardDeviation
  }

  /// The noise on every sum, in customers, that a round of this noise multiplier has at least.
  package static func noiseStandardDeviation(noiseMultiplier: Double) -> Double {
    noiseMultiplier / ExperimentModel.weight
  }

  /// Whether these parameters hold the result of this experiment, told by its name: then it is over.
  package static func areReleased(
    in parameters: ModelParameters, of experiment: Experiment
  ) -> Bool {
    parameters[ExperimentModel.sumsTensor] != nil
      && parameters[ExperimentModel.nameTensor]?.values
        == ExperimentModel.nameValues(of: experiment)
  }

  /// - Parameter parameters: a model after its experiment's round; untrusted.
  /// - Throws: `.missingTensor`, `.shapeMismatch`.
  package init(
    _ parameters: ModelParameters, of experiment: Experiment
  ) throws(RecommendationError) {
    let width = ExperimentModel.coordinatesPerArm
    let values = try parameters.values(
      ExperimentModel.sumsTensor, shape: [experiment.arms.count, width])
    noiseStandardDeviation = Double(
      try parameters.values(ExperimentModel.noiseTensor, shape: [1])[0])
    arms = experiment.arms.indices.map { arm in
      let row = values[arm * width..<(arm + 1) * width].map(Double.init)
      return Arm(
        customers: row[0], sums: stride(from: 1, to: width, by: 2).map { row[$0] },
        squares: stride(from: 2, to: width, by: 2).map { row[$0] })
    }
  }
}
