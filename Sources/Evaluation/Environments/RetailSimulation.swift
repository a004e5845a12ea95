internal import Recommendation
internal import VectorMath

/// What came of one policy for one customer.
package struct CustomerOutcome: Equatable, Sendable {
  /// Sum over sessions of the best slate's expected clicks less the shown one's, after each session.
  package let regret: [Double]
  /// Expected clicks of what was shown, by session.
  package let expectedClicks: [Double]
  /// Sum over all slots of the click probability of the learned model's best slate less that of what was
  /// shown in the same state: what exploring itself gave up.
  package let explorationRegret: Double
  package let clicks: Int
  package let carts: Int
  package let purchases: Int
  /// Clicks in categories that are not in the history the customer came with.
  package let discoveries: Int
  /// Categories with at least two clicks in the last sessions (`RetailSimulation.window`).
  package let coveredCategories: Int
}

/// Sessions of simulated customers with one policy.
package enum RetailSimulation {
  /// Items shown in a session.
  package static let slateLength = 10
  /// The trailing sessions over which long-term interest coverage is counted.
  package static let window = 50
  /// Clicks that make a category an interest.
  package static let leastClicks = 2
  private static let concurrentCustomers = 8

  /// Plays `sessions` sessions with every customer of the environment.
  ///
  /// - Parameter report: called after each customer, from any task.
  /// - Returns: one outcome a customer, in the environment's order; the same on every run.
  /// - Throws: `CancellationError`, what a policy throws.
  package static func run(
    _ policy: RetailPolicy, in environment: RetailEnvironment, sessions: Int,
    report: @escaping @Sendable () -> Void = {}
  ) async throws -> [CustomerOutcome] {
    precondition(sessions >= 1, "a customer comes at least once")
    return try await eachCustomer(of: environment, report: report) { customer in
      try play(policy, in: environment, customer: customer, sessions: sessions)
    }
  }

  /// What `body` makes of each customer of the environment, in the environment's order.
  ///
  /// - Parameter report: called after each customer, from any task.
  /// - Throws: `CancellationError`, what `body` throws.
  static func eachCustomer<Outcome: Sendable>(
    of environment: RetailEnvironment, report: @escaping @Sendable () -> Void,
    _ body: @escaping @Sendable (Int) throws -> Outcome
  ) async throws -> [Outcome] {
    try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
      var outcomes = [Outcome?](repeating: nil, count: environment.customers.count)
      func collect() async throws {
        guard let (customer, outcome) = try await group.next() else { return }
        outcomes[customer] = outcome
        report()
      }
      for customer in environment.customers.indices {
        if customer >= concurrentCustomers { try await collect() }
        group.addTask {
          try Task.checkCancellation()
          return (customer, try body(customer))
        }
      }
      for _ in 0..<concurrentCustomers { try await collect() }
      return outcomes.compactMap { $0 }
    }
  }

  private static func play(
    _ policy: RetailPolicy, in environment: RetailEnvironment, customer index: Int, sessions: Int
  ) throws -> CustomerOutcome {
    var visits = try RetailVisits(policy, in: environment, customer: index)
    var tally = OutcomeTally(
      environment: environment, customer: environment.customers[index], sessions: sessions)
    for session in 0..<sessions {
      let candidates = visits.candidates
      let learned = visits.learnedScores()
      let slate = try visits.slate()
      tally.add(slate, candidates: candidates, learned: learned)
      for item in slate {
        let reaction = visits.show(item)
        guard reaction.isClick else { continue }
        tally.addClick(
          item, session: session, isInCart: reaction.isInCart, isBought: reaction.isBought)
      }
    }
    return tally.outcome()
  }
}

/// One simulated customer with one device, slate by slate.
///
/// An item that was clicked, or bought before, is not shown again; one that was passed over may be.
struct RetailVisits {
  /// What a customer did with an item that was shown.
  struct Reaction {
    let isClick: Bool
    /// Only after a click.
    let isInCart: Bool
    /// Only after a click.
    let isBought: Bool
  }

  private let customer: RetailEnvironment.Customer
  private var world: SeededRandom
  private var device: RetailDevice
  private var isOpen: [Bool]

  init(_ policy: RetailPolicy, in environment: RetailEnvironment, customer index: Int) throws {
    customer = environment.customers[index]
    // Seeds of a customer do not depend on the policy: all meet the same luck at the same slot.
    let seed = environment.settings.seed &* 1_000_003 &+ UInt64(index)
    world = SeededRandom(seed: seed)
    device = try RetailDevice(policy, environment: environment, customer: customer, seed: ~seed)
    isOpen = [Bool](repeating: true, count: environment.categories.count)
    for item in customer.known { isOpen[item] = false }
  }

  /// Items that may be shown, ascending.
  var candidates: [Int] { isOpen.indices.filter { isOpen[$0] } }

  /// Scores of every item with what the device learned so far.
  func learnedScores() -> [Float] { device.learnedScores() }

  /// The next slate.
  mutating func slate() throws(RecommendationError) -> [Int] {
    let open = candidates
    return try device.slate(candidates: open, count: RetailSimulation.slateLength)
  }

  /// Shows an item of the slate; the device learns what came of it.
  mutating func show(_ item: Int) -> Reaction {
    // Three draws a slot, whatever happens, so that luck stays aligned between policies.
    let draws = (0..<3).map { _ in RandomVariates.uniform(using: &world) }
    let isClick = draws[0] < customer.clickProbabilities[item]
    device.learn(item: item, isClicked: isClick)
    guard isClick else { return Reaction(isClick: false, isInCart: false, isBought: false) }
    isOpen[item] = false
    let isInCart = draws[1] < RetailEnvironment.cartRate
    let purchaseRate =
      isInCart
      ? RetailEnvironment.purchaseRateAfterCart : RetailEnvironment.purchaseRateWithoutCart
    return Reaction(isClick: true, isInCart: isInCart, isBought: draws[2] < purchaseRate)
  }
}

/// Counts one customer's sessions.
private struct OutcomeTally {
  private let environment: RetailEnvironment
  private let customer: RetailEnvironment.Customer
  private let sessions: Int
  private var regret: [Double] = []
  private var expectedClicks: [Double] = []
  private var explorationRegret = 0.0
  private var clicks = 0
  private var carts = 0
  private var purchases = 0
  private var discoveries = 0
  private var recentClicks: [Int]

  init(
    environment: RetailEnvironment, customer: RetailEnvironment.Customer, sessions: Int
  ) {
    self.environment = environment
    self.customer = customer
    self.sessions = sessions
    recentClicks = [Int](repeating: 0, count: environment.settings.categories)
  }

  mutating func add(_ slate: [Int], candidates: [Int], learned: [Float]) {
    func value(_ items: [Int]) -> Double {
      items.reduce(0) { $0 + customer.clickProbabilities[$1] }
    }
    func best(_ scores: (Int) -> Float) -> [Int] {
      Ranking.topK(candidates.map(scores), slate.count).map { candidates[$0] }
    }
    let shown = value(slate)
    expectedClicks.append(shown)
    let possible = value(best { Float(customer.clickProbabilities[$0]) })
    regret.append((regret.last ?? 0) + possible - shown)
    explorationRegret += value(best { learned[$0] }) - shown
  }

  mutating func addClick(_ item: Int, session: Int, isInCart: Bool, isBought: Bool) {
    let category = environment.categories[item]
    clicks += 1
    if isInCart { carts += 1 }
    if isBought { purchases += 1 }
    if !customer.knownCategories.contains(category) { discoveries += 1 }
    if session >= sessions - RetailSimulation.window { recentClicks[category] += 1 }
  }

  func outcome() -> CustomerOutcome {
    CustomerOutcome(
      regret: regret, expectedClicks: expectedClicks, explorationRegret: explorationRegret,
      clicks: clicks, carts: carts, purchases: purchases, discoveries: discoveries,
      coveredCategories: recentClicks.count { $0 >= RetailSimulation.leastClicks })
  }
}
