internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Ledger
internal import Operations
internal import Privacy
internal import Recommendation

/// The label as a record of the OpenDP registry of deployments.
///
/// Every field of its three tiers is filled from the ledger and the policy; only who publishes and
/// what for is unknown here, and said so.
/// - Source: opendp/deployments-registry-data, `schemas/deployments-schema.yaml`.
extension Label {
  var registryRecord: JSONValue {
    .object([
      "approved": .bool(false),
      "registry_author": .string("tacit label, from ledger \(state.genesis.ledgerID)"),
      "deployment": .object([
        "short_name": .string("\(state.policy.federation): recommendation model"),
        "data_curator": .string(state.policy.federation),
        "intended_use": .string(
          "Recommending items of one shop to its customers; scores are computed on each device."),
        "data_product_type": .string("machine learning model"),
        "data_product_description": .string(
          "Parameters of the model \"\(state.policy.model)\", released "
            + "\(state.rounds.released) time(s) to every enrolled device."),
        "publication_date":
          CalendarTime.date(state.genesis.createdAtSeconds).map(JSONValue.string) ?? .null,
        "dp_flavor": flavor, "privacy_loss": loss, "model": model,
        "additional_dp_information": additional, "implementation": implementation,
      ]),
    ])
  }

  /// The record as YAML, which takes JSON's strings and numbers as they are.
  var yaml: String { YAMLText.render(registryRecord) }

  private var flavor: JSONValue {
    .object([
      "name": .string("Approximate DP"),
      "data_domain": .string(
        "Behaviour logs (views, carts, purchases) of enrolled customers, each kept on its device; a "
          + "log may be empty."),
      "unprotected_quantities": .string(
        "That a customer took part in a round and when; cohort sizes and counts of refusals and "
          + "dropouts; the shop's public catalogue."),
    ])
  }

  private var loss: JSONValue {
    .object([
      "privacy_unit": .string("one enrolled identity (\(state.policy.unit.rawValue))"),
      "privacy_unit_description": .string(
        "\(state.policy.relation.rawValue): two data sets are adjacent if one customer's whole "
          + "contribution is replaced by the zero vector, in every round."),
      "privacy_parameters": .object([
        "epsilon": .number(spend.epsilonAgainstNone),
        "delta": .number(state.policy.delta.doubleValue),
      ]),
      "privacy_parameters_description": .string(
        "Spent so far, of a limit of epsilon \(state.policy.epsilonLimit). One history against "
          + "another: epsilon \(Format.decimal(spend.epsilonAgainstAnother, places: 4)) for any updates, "
          + "\(Format.decimal(spend.epsilonAgainstAnotherNonNegative, places: 4)) where no two have a "
          + "negative inner product. Sum of mu squared "
          + "\(spend.muSquared)."),
    ])
  }

  private var model: JSONValue {
    let isCentral = PolicyText.coordinatorCanSeeUpdates(in: state.policy)
    return .object([
      "model_type": .string("Federated"),
      "model_type_description": .string(PolicyText.modeSentence(of: state.policy)),
      "actors": .string(
        "Customers' devices compute updates and clip them. The coordinator "
          + (isCentral ? "reads each update in memory, clips again, " : "sums masked updates, ")
          + (state.policy.mode == "secagg-ddp"
            ? "and sees a sum that the devices noised. " : "and draws the noise. ")
          + "Every device, and whoever gets a device's model, sees what is released. "
          + (state.genesis.enrolmentKeyHeldByCoordinator
            ? "The operator also admits customers." : "Somebody else admits customers.")),
      "release_type": .string("Continual"),
      "release_type_description": .string(
        "One model for each released round, under one budget that never resets and is fixed in "
          + "the first entry of a public ledger."),
      "interactivity": .string("Non-interactive"),
      "interactivity_description": .string(
        "Nobody queries the data; the plan of rounds is part of the policy that customers consent "
          + "to."),
    ])
  }

  private var additional: JSONValue {
    .object([
      "post_processing": .string(
        "Division by a constant cohort, symmetrisation and rank reduction of the noised sum."),
      "composition": .string(
        "Exact composition of Gaussian mechanisms (fully adaptive, GDP filter): squares of mu add up. "
          + "No amplification by sampling."),
    ])
  }

  private var implementation: JSONValue {
    .object([
      "pre_processing_eda_hyperparameter_tuning": .string(
        "None on customers' data: sizes depend on the cohort and the noise only, and all else is "
          + "set on other data or after the noise."),
      "mechanisms": .string(
        "Discrete Gaussian noise on integer sums modulo 2^32, exact rational sampler (no floating "
          + "point), bits from the operating system; noise multipliers "
          + state.policy.plan.map(\.noiseMultiplier.description).joined(separator: ", ")
          + ". Not interactive, so that timing tells nobody a noise value. Raw logs stay on "
          + "devices. Software \(state.genesis.softwareVersion)."),
      "justification": .string(
        "Policy \(state.policyHash.hex), consented to on each device; audit: "
          + "\(report.verdict.sentence)."),
    ])
  }
}

/// Block-style YAML of a JSON document.
enum YAMLText {
  static func render(_ value: JSONValue) -> String {
    lines(value).joined(separator: "\n") + "\n"
  }

  private static func lines(_ value: JSONValue) -> [String] {
    switch value {
    case .object(let members):
      members.sorted { $0.key < $1.key }.flatMap { key, member in
        entry(prefix: "\(key):", member)
      }
    case .array(let elements): elements.flatMap { entry(prefix: "-", $0) }
    default: [scalar(value)]
    }
  }

  private static func entry(prefix: String, _ value: JSONValue) -> [String] {
    switch value {
    case .object(let members) where !members.isEmpty:
      [prefix] + lines(value).map { "  " + $0 }
    case .array(let elements) where !elements.isEmpty:
      [prefix] + lines(value).map { "  " + $0 }
    default: ["\(prefix) \(scalar(value))"]
    }
  }

  private static func scalar(_ value: JSONValue) -> String {
    String(decoding: value.canonicalBytes, as: UTF8.self)
  }
}
