internal import Recommendation

extension ResponseProblem {
  /// Sessions of a customer: those that train, and as many as are judged.
  private enum Sessions {
    static let training = 20
    static let test = 10
    /// Of the training sessions, with `tuning`; the rest of them is judged.
    static let tuningTraining = 10
  }

  /// Half of the places have the best item by what the device learned, half any: nothing is shown for sure, so that
  /// there is something to tell apart.
  private static let loggingPolicy = "epsilon-greedy:0.5,mmr=1"
  /// The environment of `tacit evaluate response --target click`: half of the customers that can be simulated.
  package static let clickCustomers = 650

  /// Whether a simulated customer clicks an item that is shown (``RetailEnvironment``).
  ///
  /// No data set here has clicks and who made them, so the customers are simulated and the truth is known. One
  /// example an item shown; inputs are what the device knows when the slate is drawn (``ClickFeatures``), nothing of
  /// that slate's own feedback. The first sessions of every customer train, the later ones are judged.
  /// - Parameters:
  ///   - data: name of the log that the environment was made of.
  ///   - tuning: whether to split the training sessions once more, to choose on.
  ///   - report: called after each customer, from any task.
  /// - Throws: `EvaluationError.nothingToEvaluate`; `CancellationError`, what a policy throws.
  package static func clicks(
    in environment: RetailEnvironment, data: String, tuning: Bool,
    report: @escaping @Sendable () -> Void = {}
  ) async throws -> ResponseProblem {
    let policy = try RetailPolicy(parsing: loggingPolicy)
    let knowledge = ClickFeatures.Knowledge(
      features: environment.features, categories: environment.categories,
      categoryCount: environment.settings.categories, popularity: environment.popularity)
    let (learned, judged) =
      tuning
      ? (Sessions.tuningTraining, Sessions.training)
      : (Sessions.training, Sessions.training + Sessions.test)
    let customers = try await RetailSimulation.eachCustomer(of: environment, report: report) {
      place in
      var shop = try ClickShop(policy, in: environment, customer: place, knowledge: knowledge)
      let training = try shop.show(sessions: learned)
      let test = try shop.show(sessions: judged - learned)
      return Customer(
        id: String(place), training: training.examples, test: test.examples,
        truth: Truth(training: training.truth, test: test.truth))
    }
    return try ResponseProblem(
      target: .click, data: data, unit: "customer",
      question: "does the customer click the item that is shown",
      environment: "\(environment.customers.count) simulated customers of \(data), who click as "
        + "real ones bought; \(judged) slates of \(RetailSimulation.slateLength) each, drawn by "
        + loggingPolicy,
      schema: .click, descriptions: environment.categories.map { "category \($0)" },
      customers: customers, need: "customers who were shown something")
  }
}

/// One simulated customer, whose device keeps examples of what it shows.
private struct ClickShop {
  private let probabilities: [Double]
  private var visits: RetailVisits
  private var features: ClickFeatures

  init(
    _ policy: RetailPolicy, in environment: RetailEnvironment, customer place: Int,
    knowledge: ClickFeatures.Knowledge
  ) throws {
    let customer = environment.customers[place]
    probabilities = customer.clickProbabilities
    visits = try RetailVisits(policy, in: environment, customer: place)
    features = ClickFeatures(knowledge, bought: customer.known, scores: customer.scores)
  }

  /// Shows as many slates.
  mutating func show(sessions: Int) throws -> (examples: [ResponseExample], truth: [Double]) {
    var examples: [ResponseExample] = []
    var truth: [Double] = []
    for _ in 0..<sessions {
      let slate = try visits.slate()
      // All of them before the first is seen: a slate is drawn as a whole.
      let known = slate.enumerated().map { place, item in
        ResponseSchema.click.inputs(features.values(of: item, at: place + 1))
      }
      for (item, inputs) in zip(slate, known) {
        let isClick = visits.show(item).isClick
        features.learn(Exposure(item: item, isAccepted: isClick))
        examples.append(ResponseExample(offer: item, inputs: inputs, isResponse: isClick))
        truth.append(probabilities[item])
      }
    }
    return (examples, truth)
  }
}
