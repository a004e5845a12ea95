package import CanonicalJSON
internal import Recommendation
internal import VectorMath

/// Forecasts of one ``ResponseProblem`` by several models, each held against the centralized one.
package struct ResponseComparison: Sendable {
  /// One model.
  package struct Row: Sendable {
    /// Differences to the centralized model, over customers.
    package struct Difference: Equatable, Sendable {
      /// Of the area, by what each example adds to it.
      package let area: PairedBootstrap.Interval
      /// Of the log loss.
      package let logLoss: PairedBootstrap.Interval
    }

    /// `base-rate`, `kind-rate`, `centralized`, `truth`, `federated:inf`, `federated:4:sealed`.
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
      training: [ResponseFigures.Forecast], test: [ResponseFigures.Forecast]
    ) throws(EvaluationError) {
      guard let figures = ResponseFigures(test, training: training) else {
        throw .nothingToEvaluate(
          protocolName: "response", need: "responses and others, earlier and later")
      }
      self.figures = figures
      losses = test.map(ResponseFigures.loss)
    }
  }

  private let training: [ResponseExample]
  private let test: [ResponseExample]
  /// Test examples of each customer.
  private let counts: [Int]
  /// Places of the inputs that tell kinds of examples apart.
  private let kinds: Range<Int>
  private let truth: ResponseProblem.Truth?
  /// The centralized model, which the others are held against.
  private let reference: Judged

  /// Fits the centralized model.
  ///
  /// - Throws: `EvaluationError`.
  package init(_ problem: ResponseProblem) throws {
    training = problem.training
    test = problem.test
    counts = problem.customers.map(\.test.count)
    kinds = problem.schema.kinds
    truth = problem.truth
    let model = try LogisticRegression(fitting: training, ridge: ResponseModel.ridge)
    func forecasts(_ examples: [ResponseExample]) -> [ResponseFigures.Forecast] {
      Self.forecasts(
        examples, examples.map { ResponseExample.probability(logOdds: model.logOdds($0.inputs)) })
    }
    reference = try Judged(training: forecasts(training), test: forecasts(test))
  }

  private func judged(_ forecaster: Forecaster) throws -> Judged {
    try Judged(
      training: Self.forecasts(training, training.map(forecaster)),
      test: Self.forecasts(test, test.map(forecaster)))
  }

  /// The rates that foresee nothing of a customer, the centralized model, and where the truth is known the
  /// probabilities by which the responses were drawn, which no model can be expected to beat.
  ///
  /// - Throws: `EvaluationError`.
  package func baselines() throws -> [Row] {
    let rate = smoothedRate(training)
    var rows = [row("base-rate", [try judged { _ in rate }])]
    if !kinds.isEmpty {
      let byKind = Dictionary(grouping: training) { $0.inputs[kinds] }.mapValues(smoothedRate)
      rows.append(row("kind-rate", [try judged { byKind[$0.inputs[kinds]] ?? rate }]))
    }
    rows.append(row("centralized", [reference], isReference: true))
    if let truth {
      rows.append(
        row(
          "truth",
          [
            try Judged(
              training: Self.forecasts(training, truth.training),
              test: Self.forecasts(test, truth.test))
          ]))
    }
    return rows
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
      Self.byCustomer(areas, counts: counts), Self.byCustomer(losses, counts: counts),
    ])
    return Row.Difference(area: intervals[0], logLoss: intervals[1])
  }

  /// One value a customer with examples, whose mean is the mean m over the examples: m and what its examples
  /// differ from m. Their sum as it is would vary by how many they are as well, which is no error of a mean.
  ///
  /// - Parameters:
  ///   - values: one an example, customer by customer; at least one.
  ///   - counts: examples of each customer, together as many as there are values.
  /// - Source: Cochran, "Sampling Techniques" (1977), section 6.3: the ratio estimate, linearized.
  static func byCustomer(_ values: [Double], counts: [Int]) -> [Double] {
    precondition(counts.reduce(0, +) == values.count, "every example is of a customer")
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
    _ examples: [ResponseExample], _ probabilities: [Double]
  ) -> [ResponseFigures.Forecast] {
    zip(examples, probabilities).map { example, probability in
      // Kept off 0 and 1, where a single surprise would cost infinitely much.
      ResponseFigures.Forecast(
        probability: min(max(probability, 1e-12), 1 - 1e-12), isResponse: example.isResponse)
    }
  }
}
