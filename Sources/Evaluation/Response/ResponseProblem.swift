package import CanonicalJSON
package import Recommendation

/// What is foreseen of customers, one yes or no an example: learned from earlier examples, asked of later ones.
///
/// Made by ``coupons(_:tuning:)``, ``purchases(_:days:tuning:)`` and ``clicks(in:data:tuning:report:)``. What
/// learns and what judges is the same for all.
package struct ResponseProblem: Sendable {
  /// What is foreseen.
  package enum Target: String, CaseIterable, Sendable {
    case coupon, purchase, click

    /// Of ``ResponseModel``; what is left out has its default, but for the norm of many showings' moments.
    package func hyperparameters(inputs: Int, rounds: Int?, momentClip: String?) -> JSONValue {
      var members: [String: JSONValue] = ["inputs": .integer(Int64(inputs))]
      if let rounds { members["rounds"] = .integer(Int64(rounds)) }
      let usualClip: String? = self == .click ? "100" : nil
      if let clip = momentClip ?? usualClip { members["moment_clip"] = .string(clip) }
      return .object(members)
    }
  }

  /// The examples of one customer.
  package struct Customer: Equatable, Sendable {
    /// In the data set.
    package let id: String
    /// To learn from, by time.
    package let training: [ResponseExample]
    /// To foresee, by time.
    package let test: [ResponseExample]
    /// The probabilities by which the environment drew the responses; nil where nobody knows them.
    package let truth: Truth?
  }

  /// True probabilities, strictly between 0 and 1.
  package struct Truth: Equatable, Sendable {
    /// One a training example.
    package let training: [Double]
    /// One a test example.
    package let test: [Double]
  }

  package let target: Target
  /// Name of the data set.
  package let data: String
  /// What one customer of it is called: `household`, `customer`.
  package let unit: String
  /// What is asked, a clause: `does the customer buy within 28 days`.
  package let question: String
  /// How the examples were simulated, a clause; nil where customers responded themselves.
  package let environment: String?
  package let schema: ResponseSchema
  /// What is put to customers: campaigns, moments, items.
  package let catalogue: Catalogue
  /// Those with an example, in the data set's order.
  package let customers: [Customer]

  /// - Parameters:
  ///   - descriptions: of what is put to customers, in its order.
  ///   - need: what a log without examples of both parts lacks.
  /// - Throws: `EvaluationError.nothingToEvaluate` if either part is empty; `RecommendationError` for a
  ///   catalogue that cannot be.
  init(
    target: Target, data: String, unit: String, question: String, environment: String? = nil,
    schema: ResponseSchema, descriptions: [String], customers: [Customer], need: String
  ) throws {
    self.target = target
    self.data = data
    self.unit = unit
    self.question = question
    self.environment = environment
    self.schema = schema
    self.customers = customers.filter { !$0.training.isEmpty || !$0.test.isEmpty }
    guard self.customers.contains(where: { !$0.training.isEmpty }),
      self.customers.contains(where: { !$0.test.isEmpty })
    else { throw EvaluationError.nothingToEvaluate(protocolName: "response", need: need) }
    catalogue = try Catalogue(
      codes: descriptions.indices.map { place in
        let text = String(place)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
      }, descriptions: descriptions)
  }

  /// What the devices of the training customers hold, in their order.
  package var histories: [CustomerHistory] {
    customers.filter { !$0.training.isEmpty }.map { customer in
      var history = CustomerHistory.empty
      history.responses = customer.training
      return history
    }
  }

  /// Every training example, customer by customer.
  package var training: [ResponseExample] { customers.flatMap(\.training) }
  /// Every test example, customer by customer.
  package var test: [ResponseExample] { customers.flatMap(\.test) }
  /// The true probabilities of both, in their order; nil where one is not known.
  package var truth: Truth? {
    let known = customers.compactMap(\.truth)
    guard known.count == customers.count else { return nil }
    return Truth(training: known.flatMap(\.training), test: known.flatMap(\.test))
  }
}
