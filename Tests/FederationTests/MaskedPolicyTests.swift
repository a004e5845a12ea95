import CanonicalJSON
import Federation
import SecureAggregation
import Testing

@Suite("Policies of masked rounds")
struct MaskedPolicyTests {
  private func template(customers: Int, dropout: String, mode: String = "secagg-ddp")
    -> PolicyTemplate
  {
    PolicyTemplate(
      federation: "shop", model: "popularity", hyperparameters: .object([:]), epsilon: "8",
      delta: "1e-5", customers: customers, minimumCohort: customers / 2,
      maximumCohort: customers, roundDeadlineSeconds: 60, mode: mode, dropoutFraction: dropout)
  }

  @Test(
    "cohorts that a ring can serve are accepted",
    arguments: [(100, "0.3"), (900, "0.2"), (3_613, "0.1")])
  func accepted(customers: Int, dropout: String) throws {
    let policy = try template(customers: customers, dropout: dropout).policy()
    #expect(throws: Never.self) { try FederationIdentity.requireMaskedRounds(of: policy) }
  }

  @Test("a cohort that no ring can serve is refused before a federation is made from it")
  func refused() throws {
    let policy = try template(customers: 3_613, dropout: "0.2").policy()
    #expect(throws: MaskingParameterError.noDegree(cohort: 3_613, limit: 254)) {
      try FederationIdentity.requireMaskedRounds(of: policy)
    }
    let sealed = try template(customers: 3_613, dropout: "0.2", mode: "sealed").policy()
    #expect(throws: Never.self) { try FederationIdentity.requireMaskedRounds(of: sealed) }
  }
}
