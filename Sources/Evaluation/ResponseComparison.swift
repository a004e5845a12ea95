package import CanonicalJSON
internal import Recommendation
internal import VectorMath

/// Forecasts of one ``ResponseProblem`` by several models, each held against the centralized one.
package struct ResponseComparison: Sendable {
  /// One model.
  package struct Row: Sendable {
    /// Differences to the centralized model, over households.
    package struct Difference: Equatable, Sendable {
      /// Of the area, by what each example adds to it.
      package let area: PairedBootstrap.Interval
      /// Of the log loss.
      package let logLoss: PairedBootstrap.Interval
    }

    /// `base-rate`, `kind-rate`, `centralized`, `federated:inf`, `federated:4:sealed`.
    package let label: String
    /// Budget; nil without noise and for what is not federated.
    package let epsilon: Double?
    /// Aggregation mode; nil for what is not federated.
    package let mode: String?
    /// What was charged.
    package let epsilonSpent: Double?
    /// One entry a seed; not empty.
    package let figures: [ResponseFigures]
    /// Nil for the centralized model itself.
    package let difference: Difference?

    /// How the noise came about: masks are not run here. Nil where nothing is noised.
    package var noise: NoiseOrigin? {
      mode.flatMap { NoiseOrigin(epsilon: epsilon, mode: $0, runsMasks: false) }
    }

    /// Over the seeds.
    package func mean(_ figure: (ResponseFigures) -> Double) -> Double {
      figures.reduce(0) { $0 + figure($1) } / Double(figures.count)
    }

    /// Standard deviation over the seeds; 0 for one.
    package func deviation(_ figure: (ResponseFigures) -> Double) -> Double {
      guard figures.count > 1 else { return 0 }
      let mean = mean(figure)
      let squares = figures.reduce(0) { $0 + (figure($1) - mean) * (figure($1) - mean) }
      return (squares / Double(figures.count - 1)).squareRoot()
    }
  }

  private typealias Forecaster = (ResponseExample) throws -> Double

  /// One forecaster's figures.
  private struct Judged {
    let figures: ResponseFigures
    /// One a test example.
    let losses: [Double]

    init(
      _ forecaster: Forecaster, training: [ResponseExample], test: [ResponseExample]
    ) throws {
      let forecasts = try ResponseComparison.forecasts(test, forecaster)
      guard
        let figures = ResponseFigures(
          forecasts, training: try ResponseComparison.forecasts(training, forecaster))
      else {
        throw EvaluationError.nothingToEvaluate(
          protocolName: "response", need: "responses and others, earlier and later")
      }
      self.figures = figures
      losses = forecasts.map(ResponseFigures.loss)
    }
  }

  private let training: [ResponseExample]
  private let test: [ResponseExample]
  /// Test examples of each household.
  private let counts: [Int]
  /// The centralized model, which the others are held against.
  private let reference: Judged

  /// Fits the centralized model.
  ///
  /// - Throws: `EvaluationError`.
  package init(_ problem: ResponseProblem) throws {
    training = problem.training
    test = problem.test
    counts = problem.households.map(\.test.count)
    let model = try LogisticRegression(fitting: training, ridge: ResponseModel.ridge)
    reference = try Judged(
      { ResponseExample.probability(logOdds: model.logOdds($0.inputs)) }, training: training,
      test: test)
  }

  private func judged(_ forecaster: Forecaster) throws -> Judged {
    try Judged(forecaster, training: training, test: test)
  }

  /// The rates that foresee nothing of a household, and the centralized model.
  ///
  /// - Throws: `EvaluationError`.
  package func baselines() throws -> [Row] {
    let rate = smoothedRate(training)
    let kindPlaces = BehaviorFeatures.Feature.allCases.count..<ResponseExample.inputCount - 1
    let byKind = Dictionary(grouping: training) { $0.inputs[kindPlaces] }.mapValues(smoothedRate)
    return [
      row("base-rate", [try judged { _ in rate }]),
      row("kind-rate", [try judged { byKind[$0.inputs[kindPlaces]] ?? rate }]),
      row("centralized", [reference], isReference: true),
    ]
  }

  /// The row of one budget and mode.
  ///
  /// - Parameter trained: one training a seed, at least one.
  package func federated(
    _ trained: [FederatedTrainingResult], hyperparameters: JSONValue, epsilon: Double?, mode: String
  ) throws -> Row {
    precondition(!trained.isEmpty, "a row has a training")
    let model = try ResponseModel(hyperparameters: hyperparameters)
    let judged = try trained.map { result in
      try self.judged {
        ResponseExample.probability(
          logOdds: try model.logOdds($0.inputs, parameters: result.parameters))
      }
    }
    let label = epsilon.map { "federated:\(ComparisonCell.number($0)):\(mode)" } ?? "federated:inf"
    return row(
      label, judged, epsilon: epsilon, mode: mode,
      epsilonSpent: trained.compactMap(\.effort.epsilonSpent).max())
  }

  /// A rate that is neither 0 nor 1 (Laplace's rule of succession).
  private func smoothedRate(_ examples: [ResponseExample]) -> Double {
    (Double(examples.count(where: \.isResponse)) + 1) / (Double(examples.count) + 2)
  }

  private func row(
    _ label: String, _ judged: [Judged], isReference: Bool = false, epsilon: Double? = nil,
    mode: String? = nil, epsilonSpent: Double? = nil
  ) -> Row {
    Row(
      label: label, epsilon: epsilon, mode: mode, epsilonSpent: epsilonSpent,
      figures: judged.map(\.figures), difference: isReference ? nil : difference(of: judged))
  }

  private func difference(of judged: [Judged]) -> Row.Difference {
    let seeds = Double(judged.count)
    let areas = test.indices.map { place in
      judged.reduce(0) { $0 + $1.figures.areaShares[place] } / seeds
        - reference.figures.areaShares[place]
    }
    let losses = test.indices.map { place in
      judged.reduce(0) { $0 + $1.losses[place] } / seeds - reference.losses[place]
    }
    let intervals = PairedBootstrap(seed: 1).intervals(of: [
      Self.byHousehold(areas, counts: counts), Self.byHousehold(losses, counts: counts),
    ])
    return Row.Difference(area: intervals[0], logLoss: intervals[1])
  }

  /// One value a household with examples, whose mean is the mean m over the examples: m and what its examples
  /// differ from m. Their sum as it is would vary by how many they are as well, which is no error of a mean.
  ///
  /// - Parameters:
  ///   - values: one an example, household by household; at least one.
  ///   - counts: examples of each household, together as many as there are values.
  /// - Source: Cochran, "Sampling Techniques" (1977), section 6.3: the ratio estimate, linearized.
  static func byHousehold(_ values: [Double], counts: [Int]) -> [Double] {
    precondition(counts.reduce(0, +) == values.count, "every example is of a household")
    let mean = values.reduce(0, +) / Double(values.count)
    var sums: [Double] = []
    var start = 0
    for count in counts where count > 0 {
      sums.append(values[start..<start + count].reduce(0) { $0 + $1 - mean })
      start += count
    }
    return sums.map { mean + $0 * Double(sums.count) / Double(values.count) }
  }

  private static func forecasts(
    _ examples: [ResponseExample], _ forecaster: Forecaster
  ) throws -> [ResponseFigures.Forecast] {
    try examples.map { example throws in
      // Kept off 0 and 1, where a single surprise would cost infinitely much.
      let probability = min(max(try forecaster(example), 1e-12), 1 - 1e-12)
      return ResponseFigures.Forecast(
        probability: probability, isResponse: example.isResponse)
    }
  }
}
