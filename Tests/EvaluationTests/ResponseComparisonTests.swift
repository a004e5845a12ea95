import CanonicalJSON
import Recommendation
import Testing

@testable import Datasets
@testable import Evaluation

@Suite("ResponseComparison")
struct ResponseComparisonTests {
  @Test("a customer's value is the mean and what its examples differ from it, by hand")
  func byCustomer() {
    // The mean of five is 2; the differences of each customer, -1 + 1 and -1 - 1 + 2, cancel.
    #expect(ResponseComparison.byCustomer([1, 3, 1, 1, 4], counts: [2, 0, 3]) == [2, 2])
    // The mean of four is 3; differences 3 and -3, times two customers over four examples.
    #expect(ResponseComparison.byCustomer([6, 3, 3, 0], counts: [1, 3]) == [4.5, 1.5])
  }

  @Test("examples that are all alike give an interval of no width, however many a customer has")
  func numberOfExamples() {
    let values = ResponseComparison.byCustomer(
      [Double](repeating: 0.25, count: 12), counts: [1, 2, 9])
    #expect(values == [0.25, 0.25, 0.25])
    let interval = PairedBootstrap(seed: 1).intervals(of: [values])[0]
    #expect(interval.lower == 0.25 && interval.upper == 0.25)
  }

  /// 30 households, each sent two or three of four campaigns.
  private static func journey() -> CompleteJourney {
    let day: Int64 = 86_400
    var sendings: [CompleteJourney.Sending] = []
    var redemptions: [CompleteJourney.Redemption] = []
    for campaign in 0..<4 {
      for household in 0..<30 where (household + campaign) % 3 != 0 {
        sendings.append(.init(household: household, campaign: campaign))
        guard (7 * household + 3 * campaign) % 4 == 0 else { continue }
        redemptions.append(
          .init(
            household: household, campaign: campaign, seconds: (72 + 7 * Int64(campaign)) * day))
      }
    }
    return CompleteJourney(
      households: (100..<130).map { Int64($0) }, productTypes: ["a"], categories: ["x"],
      lines: (0..<30).map { household in
        .init(
          household: household, basket: Int64(household), product: 1, productType: 0,
          seconds: (5 + Int64(household)) * day, quantity: 1, paid: Double(household % 7) * 10,
          discount: 0, usedCoupon: household % 2 == 0)
      },
      campaigns: (0..<4).map { place in
        .init(
          id: Int64(place), kind: place % 2 == 0 ? "Type A" : "Type B",
          startSeconds: (70 + 7 * Int64(place)) * day)
      }, sendings: sendings, redemptions: redemptions)
  }

  @Test("the middle of every interval is the difference of the figures; centralized has none")
  func differences() throws {
    let problem = try ResponseProblem.coupons(Self.journey(), tuning: false)
    let comparison = try ResponseComparison(problem)
    var rows = try comparison.baselines()
    let hyperparameters = problem.target.hyperparameters(
      inputs: problem.schema.inputs.count, rounds: nil, momentClip: nil)
    let trained = try (1...2).map { seed in
      try PlainTrainer().train(
        FederatedTrainingRequest(
          histories: problem.histories, catalogue: problem.catalogue, features: nil,
          model: "response", hyperparameters: hyperparameters, epsilon: 4, delta: 1e-5,
          seed: UInt64(seed)))
    }
    rows.append(
      try comparison.federated(
        trained, hyperparameters: hyperparameters, epsilon: 4, mode: "sealed"))
    #expect(
      rows.map(\.label) == ["base-rate", "kind-rate", "centralized", "federated:4:sealed"])
    #expect(rows[3].figures.count == 2 && rows[3].epsilonSpent == 4)
    #expect(rows[2].noise == nil && rows[3].noise == .central)
    let masked = try comparison.federated(
      trained, hyperparameters: hyperparameters, epsilon: 4, mode: "secagg-ddp")
    #expect(masked.label == "federated:4:secagg-ddp" && masked.noise == .sharesDrawnAtOnce)
    let noiseless = try comparison.federated(
      trained, hyperparameters: hyperparameters, epsilon: nil, mode: "sealed")
    #expect(noiseless.label == "federated:inf" && noiseless.noise == nil)
    let centralized = rows[2].figures[0]
    #expect(rows[2].difference == nil)
    for row in [rows[0], rows[1], rows[3]] {
      let difference = try #require(row.difference)
      // Sums of some dozens of values of about 1.
      #expect(abs(difference.area.mean - row.mean(\.area) + centralized.area) < 1e-9)
      #expect(abs(difference.logLoss.mean - row.mean(\.logLoss) + centralized.logLoss) < 1e-9)
      #expect(difference.area.lower <= difference.area.mean)
      #expect(difference.area.mean <= difference.area.upper)
    }
  }
}
