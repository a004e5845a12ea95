import CanonicalJSON
import Federation
import Privacy
import Recommendation
import Testing

@Suite("Policy template")
struct PolicyTemplateTests {
  private func template(
    model: String = "gram", epsilon: String = "8", delta: String = "1e-6", customers: Int = 900,
    minimumCohort: Int = 2, hyperparameters: JSONValue = .object([:])
  ) -> PolicyTemplate {
    PolicyTemplate(
      federation: "shop", model: model, hyperparameters: hyperparameters, epsilon: epsilon,
      delta: delta, customers: customers, minimumCohort: minimumCohort,
      maximumCohort: max(customers, minimumCohort) * 2, roundDeadlineSeconds: 60, mode: "sealed")
  }

  @Test("the mode is the default one unless another is named")
  func defaultMode() {
    let template = PolicyTemplate(
      federation: "shop", model: "popularity", hyperparameters: .object([:]), epsilon: "8",
      delta: "1e-6", customers: 100, minimumCohort: 50, maximumCohort: 100,
      roundDeadlineSeconds: 60)
    #expect(template.mode == PolicyTemplate.defaultMode)
    #expect(PolicyTemplate.defaultMode == "secagg-ddp")
  }

  struct Case: Sendable {
    let model: String
    let epsilon: String
    let customers: Int
  }

  static let cases: [Case] = ModelRegistry.identifiers.flatMap { model in
    ["0.5", "1", "2", "8", "20"].flatMap { epsilon in
      [10, 943, 4_000, 200_000].map { Case(model: model, epsilon: epsilon, customers: $0) }
    }
  }

  @Test("a plan fits its budget and spends nearly all of it", arguments: cases)
  func planFits(item: Case) throws {
    let policy = try template(
      model: item.model, epsilon: item.epsilon, customers: item.customers
    ).policy()
    let bits = try FederationIdentity.fractionBits(of: policy)
    #expect(policy.check(fractionBits: bits) == [])
    let planned = try policy.plannedEpsilon(fractionBits: bits)
    let limit = try #require(Double(item.epsilon))
    #expect(planned <= limit)
    #expect(planned > 0.999 * limit)
    let model = try ModelRegistry.model(identifier: item.model, hyperparameters: .object([:]))
    #expect(policy.plan.map(\.stage) == model.stages)
    #expect(policy.targetCohort == item.customers)
  }

  @Test("a device that sums its own rounded charges admits the last round too")
  func deviceAgrees() throws {
    let policy = try template(model: "mf").policy()
    let bits = try FederationIdentity.fractionBits(of: policy)
    var spent = 0.0
    for (index, bits) in bits.enumerated() {
      let event = try policy.event(ofPlanned: index, fractionBits: bits)
      #expect(policy.makeFilter(spentMuSquared: spent).admits(event))
      spent += event.mu * event.mu
    }
  }

  @Test("the same figures give the same bytes")
  func deterministic() throws {
    #expect(
      try template().policy().canonicalBytes == template().policy().canonicalBytes)
  }

  @Test("more noise for less epsilon, and for more rounds")
  func monotone() throws {
    func noise(_ template: PolicyTemplate) throws -> [Double] {
      try template.policy().plan.map(\.noiseMultiplier.doubleValue)
    }
    for (strict, loose) in zip(
      try noise(template(epsilon: "2")), try noise(template(epsilon: "8")))
    { #expect(strict > loose) }
    let single = try noise(template(model: "popularity"))
    #expect(try noise(template(model: "gram")).allSatisfy { $0 > single[0] })
  }

  @Test("what is out of range is refused by the name of the field")
  func errors() throws {
    func field(_ template: PolicyTemplate) -> String? {
      do {
        _ = try template.policy()
        return nil
      } catch let error as PrivacyError {
        guard case .invalidPolicyField(let field, _, _) = error else { return "\(error)" }
        return field
      } catch {
        return "\(error)"
      }
    }
    #expect(field(template(epsilon: "0")) == "epsilon_limit")
    #expect(field(template(epsilon: "101")) == "epsilon_limit")
    #expect(field(template(delta: "0.5")) == "delta")
    #expect(field(template(minimumCohort: 0)) == "minimum_cohort")
    #expect(field(template(customers: 1, minimumCohort: 5)) == "target_cohort")
    #expect(throws: PrivacyError.invalidDecimal("eight")) {
      try template(epsilon: "eight").policy()
    }
    #expect(
      throws: RecommendationError.unknownModel(
        identifier: "nope", known: ModelRegistry.identifiers)
    ) { try template(model: "nope").policy() }
    let unknown = JSONValue.object(["colour": .string("red")])
    #expect(throws: RecommendationError.self) { try template(hyperparameters: unknown).policy() }
  }
}
