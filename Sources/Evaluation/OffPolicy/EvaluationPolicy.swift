package import Datasets
internal import Glibc
internal import Recommendation
internal import VectorMath

/// A policy whose value is to be estimated on another policy's log.
///
/// The probability of item a in a row is that of a table by position and item, and for policies with a greedy
/// part a share on top for the row's greedy item.
package struct EvaluationPolicy: Equatable, Sendable {
  /// The items that the greedy part shows.
  package enum Greedy: Equatable, Sendable {
    case none
    /// The same item in every row.
    case always(Int)
    /// One a row of the log that is evaluated.
    case perRow([Int])

    func item(row: Int) -> Int? {
      switch self {
      case .none: nil
      case .always(let item): item
      case .perRow(let items): items[row]
      }
    }
  }

  /// Name in reports, with its parameter.
  package let name: String
  /// Shape [positions, items].
  let table: [[Double]]
  /// Probability on top for the greedy item, in [0, 1].
  let greedyShare: Double
  let greedy: Greedy

  /// - Precondition: `table` has a row a position, and each row's sum with `greedyShare` is 1.
  init(name: String, table: [[Double]], greedyShare: Double = 0, greedy: Greedy = .none) {
    for row in table {
      precondition(
        abs(row.reduce(greedyShare, +) - 1) <= OpenBanditPolicyTable.tolerance,
        "the probabilities of a policy have the sum 1")
    }
    self.name = name
    self.table = table
    self.greedyShare = greedyShare
    self.greedy = greedy
  }

  /// The probability of showing `item` in this row of the log.
  func probability(of item: Int, row: Int, position: Int) -> Double {
    let base = table[position][item]
    return greedy.item(row: row) == item ? base + greedyShare : base
  }

  /// All items alike.
  package static func uniform(for log: OpenBanditLog) -> EvaluationPolicy {
    EvaluationPolicy(
      name: "uniform", table: same(1 / Double(log.itemCount), for: log))
  }

  /// A policy given as a table; one row serves all positions.
  ///
  /// - Throws: `EvaluationError.invalidPlan` if it does not fit the log.
  package static func table(
    _ table: OpenBanditPolicyTable, name: String, for log: OpenBanditLog
  ) throws(EvaluationError) -> EvaluationPolicy {
    var rows = table.probabilities
    if rows.count == 1, let only = rows.first {
      rows = [[Double]](repeating: only, count: log.positionCount)
    }
    guard rows.count == log.positionCount else {
      throw .invalidPlan(
        reason: "the table of \(name) has \(rows.count) positions, the log \(log.positionCount)")
    }
    let itemCount = rows[0].count
    guard itemCount <= log.itemCount else {
      throw .invalidPlan(
        reason: "the table of \(name) has \(itemCount) items, the log \(log.itemCount); "
          + "say how many there are with --items")
    }
    let missing = [Double](repeating: 0, count: log.itemCount - itemCount)
    return EvaluationPolicy(name: name, table: rows.map { $0 + missing })
  }

  /// With probability epsilon any item, else the one with the highest smoothed click rate in another log:
  /// (clicks + 1) / (impressions + 100); the lowest among equals.
  ///
  /// - Throws: `EvaluationError.invalidPlan`.
  package static func clickRateEpsilonGreedy(
    learnedFrom other: OpenBanditLog, epsilon: Double, for log: OpenBanditLog
  ) throws(EvaluationError) -> EvaluationPolicy {
    try check(epsilon: epsilon)
    let rates = try smoothedRates(other, for: log)
    let best = rates.indices.reduce(0) { rates[$1] > rates[$0] ? $1 : $0 }
    return EvaluationPolicy(
      name: "ctr-eps-greedy:\(epsilon)", table: same(epsilon / Double(log.itemCount), for: log),
      greedyShare: 1 - epsilon, greedy: .always(best))
  }

  /// Probabilities proportional to exp(scale times the smoothed click rate in another log).
  ///
  /// - Throws: `EvaluationError.invalidPlan`.
  package static func clickRateSoftmax(
    learnedFrom other: OpenBanditLog, scale: Double, for log: OpenBanditLog
  ) throws(EvaluationError) -> EvaluationPolicy {
    guard scale.isFinite, scale >= 0 else {
      throw .invalidPlan(reason: "the scale of ctr-softmax is a finite number from 0")
    }
    let rates = try smoothedRates(other, for: log)
    let highest = rates.max() ?? 0
    let weights = rates.map { exp(scale * ($0 - highest)) }
    let total = weights.reduce(0, +)
    return EvaluationPolicy(
      name: "ctr-softmax:\(scale)",
      table: [[Double]](repeating: weights.map { $0 / total }, count: log.positionCount))
  }

  /// With probability epsilon any item, else the one with the largest user-item affinity of the row.
  ///
  /// - Throws: `EvaluationError.invalidPlan`, also for a log without affinities.
  package static func affinity(
    epsilon: Double, for log: OpenBanditLog
  ) throws(EvaluationError) -> EvaluationPolicy {
    try check(epsilon: epsilon)
    guard let favourites = log.favourites else {
      throw .invalidPlan(
        reason:
          "the policy affinity needs the columns user-item_affinity_K, and \(log.name) has none")
    }
    return EvaluationPolicy(
      name: "affinity:\(epsilon)", table: same(epsilon / Double(log.itemCount), for: log),
      greedyShare: 1 - epsilon, greedy: .perRow(favourites))
  }

  /// Bernoulli Thompson sampling with the counts of another log: a chance for each item from
  /// Beta(1 + clicks, 1 + other impressions), the best items shown, the first at the first position.
  ///
  /// The probabilities are shares of `draws` draws.
  /// - Throws: `EvaluationError.invalidPlan`.
  package static func bernoulliThompson(
    learnedFrom other: OpenBanditLog, draws: Int, seed: UInt64, for log: OpenBanditLog
  ) throws(EvaluationError) -> EvaluationPolicy {
    guard draws >= 1 else { throw .invalidPlan(reason: "Thompson sampling needs draws") }
    guard log.positionCount <= log.itemCount else {
      throw .invalidPlan(reason: "the log has more positions than items")
    }
    let (clicks, impressions) = try counts(other, for: log)
    var random = SeededRandom(seed: seed)
    var wins = [[Double]](
      repeating: [Double](repeating: 0, count: log.itemCount), count: log.positionCount)
    for _ in 0..<draws {
      let chances = clicks.indices.map {
        Float(
          RandomVariates.beta(1 + clicks[$0], 1 + impressions[$0] - clicks[$0], using: &random))
      }
      for (position, item) in Ranking.topK(chances, log.positionCount).enumerated() {
        wins[position][item] += 1
      }
    }
    return EvaluationPolicy(
      name: "bernoulli-ts:\(draws) draws",
      table: wins.map { row in row.map { $0 / Double(draws) } })
  }

  private static func check(epsilon: Double) throws(EvaluationError) {
    guard epsilon >= 0, epsilon <= 1 else {
      throw .invalidPlan(reason: "epsilon is from 0 to 1")
    }
  }

  private static func same(_ probability: Double, for log: OpenBanditLog) -> [[Double]] {
    [[Double]](
      repeating: [Double](repeating: probability, count: log.itemCount), count: log.positionCount)
  }

  private static func counts(
    _ other: OpenBanditLog, for log: OpenBanditLog
  ) throws(EvaluationError) -> (clicks: [Double], impressions: [Double]) {
    guard other.itemCount <= log.itemCount else {
      throw .invalidPlan(
        reason: "\(other.name) has \(other.itemCount) items and \(log.name) \(log.itemCount); "
          + "say how many there are with --items")
    }
    var clicks = [Double](repeating: 0, count: log.itemCount)
    var impressions = clicks
    for (item, reward) in zip(other.items, other.rewards) {
      clicks[item] += reward
      impressions[item] += 1
    }
    return (clicks, impressions)
  }

  private static func smoothedRates(
    _ other: OpenBanditLog, for log: OpenBanditLog
  ) throws(EvaluationError) -> [Double] {
    let (clicks, impressions) = try counts(other, for: log)
    return zip(clicks, impressions).map { ($0 + 1) / ($1 + 100) }
  }
}
