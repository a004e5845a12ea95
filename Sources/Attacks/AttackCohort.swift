package import CanonicalJSON
package import Datasets
internal import Federation
package import Privacy
package import Recommendation
internal import VectorMath

/// Real customers under a policy, as an attack finds them: one history each, and the plan that the
/// default settings would run on them.
package struct AttackCohort: Sendable {
  /// Where the histories come from, for the report.
  package let dataName: String
  package let histories: [CustomerHistory]
  package let catalogue: Catalogue
  package let model: any FederatedModel
  package let policy: PrivacyPolicy
  /// Customers with a history that were not chosen: what an attacker may know of similar people.
  package let others: [CustomerHistory]

  /// Draws `count` customers with a history.
  /// - Parameters:
  ///   - count: at least 8.
  ///   - seed: fixes who is drawn.
  ///   - epsilon: of the whole plan, a decimal.
  /// - Throws: `AttackError.tooFewCustomers`; errors of the policy or the model.
  package init(
    _ dataset: InteractionDataset, count: Int, seed: UInt64, model: String,
    hyperparameters: JSONValue = .object([:]), epsilon: String = "8", delta: String = "1e-5",
    mode: String = PolicyTemplate.defaultMode
  ) throws {
    var available = dataset.histories().filter { !$0.isEmpty }
    guard count >= 8, available.count >= count else {
      throw AttackError.tooFewCustomers(have: available.count, need: max(count, 8))
    }
    var generator = SeededRandom(seed: seed)
    available.shuffle(using: &generator)
    self.model = try ModelRegistry.model(identifier: model, hyperparameters: hyperparameters)
    policy = try PolicyTemplate(
      federation: "attack", model: model, hyperparameters: hyperparameters, epsilon: epsilon,
      delta: delta, customers: count, minimumCohort: max(2, count / 2), maximumCohort: count,
      roundDeadlineSeconds: 600, mode: mode
    ).policy()
    dataName = dataset.name
    histories = Array(available.prefix(count))
    others = Array(available.dropFirst(count))
    catalogue = dataset.catalogue
  }
}

extension AttackCohort {
  private init(_ other: AttackCohort, histories: [CustomerHistory]) {
    dataName = other.dataName
    self.histories = histories
    catalogue = other.catalogue
    model = other.model
    policy = other.policy
    others = []
  }

  /// The same federation with other customers, as many.
  func replacing(histories: [CustomerHistory]) -> AttackCohort {
    precondition(histories.count == self.histories.count, "the policy is for so many customers")
    return AttackCohort(self, histories: histories)
  }
}
