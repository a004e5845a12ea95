import Recommendation
import Testing
import VectorMath

@testable import Datasets
@testable import Evaluation

/// Twelve moments, 28 days apart, and what is bought in the 7 days from each.
@Suite("purchases to come")
struct PurchaseProblemTests {
  private static let day = CalendarTime.secondsPerDay
  private static let first = 1_000 * day
  private static let moments = PurchaseMoments(first: first, days: 7)

  /// - Parameter days: from the first moment.
  private static func line(
    _ days: Int64, seconds: Int64 = 0, product: Int64 = 1, quantity: Int = 1
  ) -> PurchaseLine {
    PurchaseLine(
      basket: days * 100 + product, product: product, productType: Int(product),
      seconds: first + days * day + seconds, quantity: quantity, paid: 10, discount: 0,
      usedCoupon: false)
  }

  private static func problem(
    _ lines: [[PurchaseLine]], tuning: Bool = false, moments: PurchaseMoments = Self.moments
  ) throws -> ResponseProblem {
    try ResponseProblem.purchases(
      of: lines.enumerated().map { CustomerLog(id: String($0), lines: $1) }, data: "hand-made",
      unit: "customer", schema: .purchase, features: BehaviorFeatures.purchase, moments: moments,
      tuning: tuning)
  }

  /// Every example of a customer, by the place of its moment.
  private static func labels(_ customer: ResponseProblem.Customer) -> [Int: Bool] {
    Dictionary(
      uniqueKeysWithValues: (customer.training + customer.test).map { ($0.offer, $0.isResponse) })
  }

  @Test("what is bought from a moment until the horizon's end is its label")
  func windows() throws {
    let lines = [
      Self.line(-3),
      // Three days into the third window, and a day after the fifth's end.
      Self.line(2 * 28 + 3), Self.line(4 * 28 + 8),
      // In the first second of the seventh, and the first after the eighth.
      Self.line(6 * 28), Self.line(7 * 28 + 7),
      // In the last of the twelfth.
      Self.line(11 * 28 + 7, seconds: -1),
    ]
    let labels = Self.labels(try #require(try Self.problem([lines]).customers.first))
    #expect(labels.keys.sorted() == Array(0..<12))
    #expect(labels.filter { $0.value }.keys.sorted() == [2, 6, 11])
  }

  @Test("a customer has no example before there is a purchase to know of")
  func firstPurchase() throws {
    let problem = try Self.problem([[Self.line(5 * 28), Self.line(5 * 28 + 1)], [Self.line(-1)]])
    #expect(Self.labels(problem.customers[0]).keys.sorted() == Array(6..<12))
    #expect(Self.labels(problem.customers[1]).keys.sorted() == Array(0..<12))
    // Who bought nothing has none.
    #expect(try Self.problem([[], [Self.line(-1)]]).customers.map(\.id) == ["1"])
    #expect(throws: EvaluationError.self) { try Self.problem([[], []]) }
  }

  @Test("what is cancelled by the end of a window is no purchase; what is cancelled later was one")
  func cancellations() throws {
    let start: Int64 = 3 * 28
    func lines(cancelledAfter days: Int64) -> [PurchaseLine] {
      [
        Self.line(-5), Self.line(start + 2, product: 2),
        Self.line(start + days, product: 2, quantity: -1),
      ]
    }
    let early = try #require(try Self.problem([lines(cancelledAfter: 6)]).customers.first)
    let late = try #require(try Self.problem([lines(cancelledAfter: 7)]).customers.first)
    let never = try #require(try Self.problem([lines(cancelledAfter: 300)]).customers.first)
    #expect(Self.labels(early)[3] == false && Self.labels(late)[3] == true)
    // At the next moment both devices know of it.
    #expect(early.training[4].inputs == late.training[4].inputs)
    #expect(early.training[4].inputs != never.training[4].inputs)
    // What was the only purchase and was cancelled before a moment is none to know of.
    let gone = try Self.problem([
      [Self.line(-5), Self.line(-4, quantity: -1), Self.line(6 * 28 - 1)]
    ])
    #expect(gone.customers.map { Self.labels($0).keys.sorted() } == [Array(6..<12)])
  }

  @Test("inputs see nothing from their moment on, and training nothing of the part that is judged")
  func onlyBefore() throws {
    let moments = PurchaseMoments(first: Self.first, days: 28)
    let lines = (Int64(-10)..<120).map { Self.line($0 * 3, product: $0 % 5) }
    let whole = try #require(try Self.problem([lines], moments: moments).customers.first)
    let all = whole.training + whole.test
    for (place, moment) in moments.seconds.enumerated() {
      let before = try Self.problem([lines.filter { $0.seconds < moment }], moments: moments)
      let customer = try #require(before.customers.first)
      #expect((customer.training + customer.test)[place].inputs == all[place].inputs)
    }
    let known = try Self.problem(
      [lines.filter { $0.seconds < moments.seconds[9] }], moments: moments)
    #expect(known.customers.first?.training == whole.training)
    #expect(moments.window(8).upperBound == moments.seconds[9])
  }

  @Test(
    "the last three moments are judged, with tuning the three before them",
    arguments: [(false, 9, 12), (true, 6, 9)])
  func parts(tuning: Bool, learned: Int, judged: Int) throws {
    let problem = try Self.problem([[Self.line(-1)]], tuning: tuning)
    let customer = try #require(problem.customers.first)
    #expect(customer.training.map(\.offer) == Array(0..<learned))
    #expect(customer.test.map(\.offer) == Array(learned..<judged))
    #expect(problem.catalogue.count == 12 && customer.truth == nil && problem.environment == nil)
  }

  @Test("a shop's log has its moments, horizon and schema; no window reaches beyond the log")
  func shops() throws {
    let retail = PurchaseMoments.onlineRetail(days: nil)
    #expect(CalendarTime.text(retail.seconds[0]) == "2011-01-07 00:00:00")
    #expect(CalendarTime.text(retail.window(11).upperBound) == "2011-12-09 00:00:00")
    let grocer = PurchaseMoments.completeJourney(days: nil)
    #expect(CalendarTime.text(grocer.seconds[0]) == "2017-01-30 00:00:00")
    let longest = PurchaseMoments.completeJourney(days: 28)
    #expect(CalendarTime.text(longest.window(11).upperBound) == "2018-01-01 00:00:00")
    #expect(grocer.seconds == longest.seconds)

    let bought = retail.seconds[0] - Self.day
    let log = InteractionDataset(
      name: OnlineRetail.name,
      events: [
        .init(customer: 0, item: 0, kind: .purchase, seconds: bought, value: 3, occasion: 0)
      ], customers: ["7"], occasions: ["1"],
      catalogue: try Catalogue(codes: ["a"], descriptions: ["first"]))
    let problem = try ResponseProblem.purchases(log, tuning: false)
    #expect(problem.customers.map(\.id) == ["7"] && problem.schema == .purchase)
    #expect(problem.question == "does the customer buy within 28 days")
    #expect(problem.catalogue.descriptions[0] == "2011-01-07")
    let baskets = try #require(problem.schema.inputs.firstIndex(of: "baskets"))
    #expect(problem.training.allSatisfy { $0.inputs[baskets] > 0 && $0.inputs.count == 15 })
  }

  @Test("a household's inputs hold its campaigns and coupons, from the day after they were")
  func household() throws {
    let start = PurchaseMoments.completeJourney(days: nil).seconds
    let journey = CompleteJourney(
      households: [5], productTypes: ["a"], categories: ["x"],
      lines: [
        .init(
          household: 0, basket: 1, product: 1, productType: 0, seconds: start[0] - 1, quantity: 1,
          paid: 4, discount: 1, usedCoupon: true)
      ], campaigns: [.init(id: 1, kind: "Type A", startSeconds: start[1])],
      sendings: [.init(household: 0, campaign: 0)],
      redemptions: [.init(household: 0, campaign: 0, seconds: start[2])])
    let problem = try ResponseProblem.purchases(journey, days: 3, tuning: false)
    #expect(problem.schema == .purchaseWithCampaigns && problem.unit == "household")
    #expect(problem.question == "does the household buy within 3 days")
    func values(_ input: String) throws -> [Float] {
      let place = try #require(problem.schema.inputs.firstIndex(of: input))
      return problem.training.prefix(4).map { $0.inputs[place] }
    }
    #expect(try values("campaigns_received") == [0, 0, 0.1, 0.1])
    #expect(try values("has_redeemed") == [0, 0, 0, 1])
    #expect(try values("coupon_baskets").allSatisfy { $0 > 0 })
  }

  /// 80 customers, half of whom come ten times as often as the others.
  private static func shop() -> [[PurchaseLine]] {
    var random = SeededRandom(seed: 21)
    var shop: [[PurchaseLine]] = []
    for customer in 0..<80 {
      let rate = customer.isMultiple(of: 2) ? 0.01 : 0.1
      var lines: [PurchaseLine] = []
      for day in Int64(-40)..<336 where Double.random(in: 0..<1, using: &random) < rate {
        lines.append(line(day, product: Int64.random(in: 0..<9, using: &random)))
      }
      shop.append(lines)
    }
    return shop
  }

  @Test("federated without noise is the centralized model; a log gives the same examples again")
  func twin() throws {
    let problem = try Self.problem(Self.shop())
    #expect(try problem.customers == Self.problem(Self.shop()).customers)
    let hyperparameters = problem.target.hyperparameters(
      inputs: problem.schema.inputs.count, rounds: nil, momentClip: nil)
    let trained = try PlainTrainer().train(
      FederatedTrainingRequest(
        histories: problem.histories, catalogue: problem.catalogue, features: nil,
        model: "response", hyperparameters: hyperparameters, epsilon: nil, delta: 1e-5, seed: 1))
    let comparison = try ResponseComparison(problem)
    let baselines = try comparison.baselines()
    #expect(baselines.map(\.label) == ["base-rate", "centralized"])
    let row = try comparison.federated(
      [trained], hyperparameters: hyperparameters, epsilon: nil, mode: "sealed")
    let centralized = baselines[1].figures[0]
    #expect(abs(row.figures[0].area - centralized.area) < 0.005)
    #expect(abs(row.figures[0].logLoss - centralized.logLoss) < 0.005)
    // 7 % and 52 % buy within a week: knowing who is who has an area of 0.77, give or take 0.03 over 240 examples.
    #expect(centralized.area > 0.65)
  }
}
