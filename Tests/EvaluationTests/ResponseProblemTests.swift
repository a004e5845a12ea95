import Evaluation
import Recommendation
import Testing

@testable import Datasets

/// Two households and four campaigns, a week apart: the first three hold 75 % of the examples.
@Suite("coupon responses")
struct ResponseProblemTests {
  private static let day: Int64 = 86_400
  private static let starts: [Int64] = [70 * day, 77 * day, 84 * day, 91 * day]

  private static func line(_ household: Int, at seconds: Int64) -> CompleteJourney.Line {
    CompleteJourney.Line(
      household: household, basket: 2 * seconds + Int64(household), product: seconds,
      productType: household, seconds: seconds, quantity: 1, paid: 20, discount: 5,
      usedCoupon: true)
  }

  /// Of each household in the second before each start, at the start and in the second after.
  private static let lines: [CompleteJourney.Line] = starts.flatMap { start in
    [start - 1, start, start + 1].flatMap { [line(0, at: $0), line(1, at: $0)] }
  }

  /// Each on the first day of a campaign, which it may not be seen by.
  private static let redemptions: [CompleteJourney.Redemption] = [
    .init(household: 0, campaign: 0, seconds: starts[1]),
    .init(household: 1, campaign: 1, seconds: starts[1]),
    .init(household: 0, campaign: 2, seconds: starts[3]),
    .init(household: 1, campaign: 3, seconds: starts[3]),
  ]

  /// What is on record before a moment; campaigns and whom they are sent to are there from the start.
  private static func journey(
    before end: Int64 = .max, kind: String = "Type A"
  ) -> CompleteJourney {
    CompleteJourney(
      households: [101, 102], productTypes: ["a", "b"], categories: ["x", "y"],
      lines: lines.filter { $0.seconds < end },
      campaigns: starts.enumerated().map { place, start in
        CompleteJourney.Campaign(id: Int64(place), kind: kind, startSeconds: start)
      },
      sendings: (0..<4).flatMap { campaign in
        (0..<2).map { CompleteJourney.Sending(household: $0, campaign: campaign) }
      },
      redemptions: redemptions.filter { $0.seconds < end })
  }

  /// By household and campaign.
  private static func inputs(_ journey: CompleteJourney) throws -> [[[Float]]] {
    try ResponseProblem.coupons(journey, tuning: false).customers.map { household in
      (household.training + household.test).map(\.inputs)
    }
  }

  @Test("what happens at a campaign's start or later is in no input of it; what came before is")
  func onlyBefore() throws {
    let whole = try Self.inputs(Self.journey())
    #expect(whole.map(\.count) == [4, 4])
    for (campaign, start) in Self.starts.enumerated() {
      let before = try Self.inputs(Self.journey(before: start))
      let earlier = try Self.inputs(Self.journey(before: start - 1))
      for household in whole.indices {
        #expect(before[household][campaign] == whole[household][campaign])
        #expect(earlier[household][campaign] != whole[household][campaign])
      }
    }
  }

  @Test("campaigns count as received and redeemed from the day after they were")
  func counts() throws {
    let whole = try Self.inputs(Self.journey())
    func values(_ feature: BehaviorFeatures.Feature, of household: Int) throws -> [Float] {
      let place = try #require(ResponseSchema.coupon.inputs.firstIndex(of: feature.rawValue))
      return whole[household].map { $0[place] }
    }
    for household in whole.indices {
      #expect(try values(.campaignsReceived, of: household) == [0, 0.1, 0.2, 0.3])
      // The one of the second start is seen by the third, that of the fourth start by none.
      #expect(try values(.campaignsRedeemed, of: household) == [0, 0, 0.2, 0.2])
    }
  }

  @Test(
    "the parts share no campaign, and every one that is learned from began before those judged",
    arguments: [(false, [0, 1, 2], [3]), (true, [0, 1], [2])])
  func parts(tuning: Bool, learned: [Int], judged: [Int]) throws {
    let problem = try ResponseProblem.coupons(Self.journey(), tuning: tuning)
    #expect(problem.customers.map { $0.training.map(\.offer) } == [learned, learned])
    #expect(problem.customers.map { $0.test.map(\.offer) } == [judged, judged])
    #expect(problem.histories.map(\.responses) == problem.customers.map(\.training))
    let redeemed = [[true, false, true, false], [false, true, false, true]]
    for (household, responses) in zip(problem.customers, redeemed) {
      #expect(household.training.map(\.isResponse) == learned.map { responses[$0] })
      #expect(household.test.map(\.isResponse) == judged.map { responses[$0] })
    }
  }

  @Test("a campaign of an unknown kind is named")
  func unknownKind() {
    #expect(
      throws: EvaluationError.invalidPlan(reason: "campaign 0 is of an unknown kind")
    ) { try ResponseProblem.coupons(Self.journey(kind: "Type D"), tuning: false) }
  }
}
