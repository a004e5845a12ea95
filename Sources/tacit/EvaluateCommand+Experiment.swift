internal import ArgumentParser
internal import CanonicalJSON
internal import Evaluation
internal import Ledger
internal import Operations
internal import Privacy
internal import Recommendation

struct EvaluateExperimentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment",
    abstract: "Compares the arms of a federation's experiment, from its released noised sums.",
    discussion: """
      Example:

        tacit evaluate experiment shop
        tacit evaluate experiment shop --customers 4000 --rate 0.8     before it is measured

      The round that measures it: coordinator serve --measure-experiment. Nothing but noised sums is read,
      which the ledger has charged: these figures are covered by epsilon.
      """)

  @Argument(help: "The coordinator's directory.")
  var directory: String

  @Option(help: "Before the measurement: customers of all arms; the policy's cohort by default.")
  var customers: Int?

  @Option(help: "Before the measurement: accepted items a customer.")
  var rate: Double = 1

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (1...10_000_000).contains(customers ?? 1), rate > 0, rate <= 1_000_000 else {
      throw ValidationError("--customers is from 1 to 10000000, --rate above 0, at most 1000000.")
    }
  }

  func run() async throws {
    do {
      let ledger = try LedgerView(directory)
      guard let experiment = try Experiment(hyperparameters: ledger.policy.hyperparameters) else {
        throw CommandFailure(
          what: "there is no experiment in \(directory)", why: "its policy defines none",
          next: "define one with: coordinator init --experiment NAME --arm ...", exit: .usage)
      }
      if let released = try ledger.experimentRelease() {
        let report = ExperimentReport(
          experiment: experiment, round: released.round, epsilonSpent: ledger.state.epsilonSpent,
          analysis: ExperimentAnalysis(
            try ExperimentSums(released.parameters, of: experiment), of: experiment))
        print(json ? report.json.prettyText : report.text)
      } else {
        let highest = ExperimentDesign.highestRate(of: experiment)
        guard rate <= highest else {
          throw CommandFailure(
            what: "--rate is \(Format.decimal(rate, places: 2))",
            why: "of a customer at most \(Format.decimal(highest, places: 0)) accepted items count",
            next: "give at most that", exit: .usage)
        }
        let report = ExperimentDesignReport(
          design: ExperimentDesign(
            experiment: experiment,
            customers: Double(customers ?? ledger.policy.targetCohort), rate: rate,
            noiseStandardDeviation: Self.leastNoise(under: ledger.policy)))
        print(json ? report.json.prettyText : report.text)
      }
    } catch {
      throw TacitFailure.explain(error)
    }
  }

  /// At least this: where clients add the noise, more survivors than the fewest add more.
  private static func leastNoise(under policy: PrivacyPolicy) -> Double {
    policy.plan.last.map {
      ExperimentSums.noiseStandardDeviation(noiseMultiplier: $0.noiseMultiplier.doubleValue)
    } ?? 0
  }
}

/// The arms of a measured experiment, as text and as JSON.
struct ExperimentReport {
  let experiment: Experiment
  let round: UInt64
  let epsilonSpent: Double
  let analysis: ExperimentAnalysis

  private static let looks =
    "The sums were released once: the intervals hold for one look, each by itself."

  private var caps: String {
    "counts above "
      + zip(Experiment.Measure.allCases, experiment.caps).map { "\($1) \($0.rawValue)" }
      .joined(separator: ", ") + " of a customer count as these"
  }

  private static func number(_ value: Double) -> String { Format.decimal(value, places: 3) }

  private static func interval(_ estimate: ExperimentAnalysis.Estimate) -> String {
    "\(number(estimate.value)) [\(number(estimate.interval.lowerBound)), "
      + "\(number(estimate.interval.upperBound))]"
  }

  var text: String {
    var lines = [
      "experiment \(experiment.name), measured in round \(round); in all epsilon "
        + "\(Format.decimal(epsilonSpent, places: 4)) spent",
      "noise on every sum: \(Format.decimal(analysis.noiseStandardDeviation, places: 1)) customers "
        + "(standard deviation)", caps, "",
    ]
    var arms = TextTable(columns: [
      .init("arm"), .init("share", .right), .init("customers", .right), .init("policy"),
    ])
    for (index, arm) in experiment.arms.enumerated() {
      let customers = analysis.arms[index].customers
      arms.append([
        arm.name, Format.percent(experiment.fraction(of: index), places: 1),
        "\(Format.decimal(customers.value, places: 0)) +- "
          + Format.decimal(1.96 * customers.standardError, places: 0), arm.plan.text,
      ])
    }
    lines += arms.lines() + [sampleRatioSentence, ""]
    var table = TextTable(columns: [
      .init("a customer"), .init("arm"), .init("mean [95 %]", .right),
      .init("less control [95 %]", .right), .init("detectable", .right),
    ])
    for (place, measure) in Experiment.Measure.allCases.enumerated() {
      for (index, arm) in experiment.arms.enumerated() {
        let comparison = analysis.comparisons.first { $0.arm == index && $0.measure == measure }
        table.append([
          measure.rawValue, arm.name,
          analysis.arms[index].rates.map { Self.interval($0[place]) } ?? "too few customers",
          comparison.map { Self.interval($0.difference) + ($0.isDifferent ? " *" : "  ") } ?? "",
          comparison.map { Self.number($0.minimumDetectableEffect) } ?? "",
        ])
      }
    }
    lines += table.lines()
    lines += ["* zero is outside the interval. " + Self.looks]
    if analysis.arms.contains(where: { $0.rates == nil }) {
      lines.append(
        "An arm needs \(Format.decimal(analysis.fewestCustomers.rounded(.up), places: 0)) customers "
          + "to be compared under this noise.")
    }
    return lines.joined(separator: "\n")
  }

  private var sampleRatioSentence: String {
    let value = analysis.sampleRatio.pValue
    let shown = value < 0.0001 ? "below 0.0001" : Format.decimal(value, places: 4)
    return analysis.sampleRatio.isMismatch
      ? "sample ratio: p \(shown): the arms are not what was designed; believe no difference"
      : "sample ratio: p \(shown), as designed"
  }

  var json: JSONValue {
    .object([
      "experiment": .string(experiment.name), "measured": .bool(true),
      "round": .integer(Int64(round)), "epsilon_spent": .number(epsilonSpent),
      "noise_standard_deviation_customers": .number(analysis.noiseStandardDeviation),
      "fewest_customers": .number(analysis.fewestCustomers),
      "interval": .string("95 %, normal approximation, sampling and noise"),
      "looks": .string(Self.looks),
      "sample_ratio": .object([
        "p_value": .number(analysis.sampleRatio.pValue),
        "mismatch": .bool(analysis.sampleRatio.isMismatch),
      ]),
      "arms": .array(experiment.arms.indices.map(arm)),
    ])
  }

  private func arm(_ index: Int) -> JSONValue {
    let result = analysis.arms[index]
    var measures: [String: JSONValue] = [:]
    for (place, measure) in Experiment.Measure.allCases.enumerated() {
      let comparison = analysis.comparisons.first { $0.arm == index && $0.measure == measure }
      measures[measure.rawValue] = .object([
        "cap": .integer(Int64(experiment.caps[place])),
        "per_customer": result.rates.map { Self.json($0[place]) } ?? .null,
        "difference_to_control": comparison.map { Self.json($0.difference) } ?? .null,
        "minimum_detectable_effect":
          comparison.map { .number($0.minimumDetectableEffect) } ?? .null,
      ])
    }
    return .object([
      "name": .string(experiment.arms[index].name),
      "policy": .string(experiment.arms[index].plan.text),
      "share": .number(experiment.fraction(of: index)),
      "is_control": .bool(index == 0), "customers": Self.json(result.customers),
      "measures": .object(measures),
    ])
  }

  private static func json(_ estimate: ExperimentAnalysis.Estimate) -> JSONValue {
    .object([
      "value": .number(estimate.value), "standard_error": .number(estimate.standardError),
      "interval": .array([
        .number(estimate.interval.lowerBound), .number(estimate.interval.upperBound),
      ]),
    ])
  }
}

/// What an experiment could find, as text and as JSON.
struct ExperimentDesignReport {
  let design: ExperimentDesign

  private var experiment: Experiment { design.experiment }

  private func detectable(_ arm: Int) -> String {
    if arm == 0 { return "control" }
    return design.minimumDetectableEffect(ofArm: arm).map { Format.decimal($0, places: 3) }
      ?? "too few customers"
  }

  private var hasTooFew: Bool {
    experiment.arms.indices.dropFirst().contains {
      design.minimumDetectableEffect(ofArm: $0) == nil
    }
  }

  var text: String {
    var table = TextTable(columns: [
      .init("arm"), .init("share", .right), .init("detectable", .right), .init("policy"),
    ])
    for (index, arm) in experiment.arms.enumerated() {
      table.append([
        arm.name, Format.percent(experiment.fraction(of: index), places: 1), detectable(index),
        arm.plan.text,
      ])
    }
    let few =
      hasTooFew
      ? "\nUnder this noise all arms are compared from about "
        + "\(Format.count(Int(design.fewestCustomers))) customers on." : ""
    return """
      experiment \(experiment.name), not measured yet
      with \(Format.count(Int(design.customers))) customers who accept \
      \(Format.decimal(design.rate, places: 2)) items each (Poisson), and noise of
      at least \(Format.decimal(design.noiseStandardDeviation, places: 1)) customers on every sum, an \
      arm's effect is found with 80 % power from

      \(table.lines().joined(separator: "\n"))

      accepted items a customer on. Measure it with: coordinator serve --measure-experiment\(few)
      """
  }

  var json: JSONValue {
    .object([
      "experiment": .string(experiment.name), "measured": .bool(false),
      "customers": .number(design.customers), "accepted_per_customer": .number(design.rate),
      "noise_standard_deviation_customers": .number(design.noiseStandardDeviation),
      "fewest_customers_of_all_arms": .number(design.fewestCustomers),
      "arms": .array(
        experiment.arms.indices.map { index in
          .object([
            "name": .string(experiment.arms[index].name),
            "policy": .string(experiment.arms[index].plan.text),
            "share": .number(experiment.fraction(of: index)),
            "expected_customers": .number(design.customers(ofArm: index)),
            "minimum_detectable_effect":
              design.minimumDetectableEffect(ofArm: index).map(JSONValue.number) ?? .null,
          ])
        }),
    ])
  }
}
