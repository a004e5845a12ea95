internal import Glibc
internal import Privacy
internal import Recommendation
internal import VectorMath

/// Attack A1: which items did this customer buy, read from what the coordinator gets.
///
/// The attacker ranks all items by the posterior odds that the customer has them, and names as many
/// as the customer has (it is told how many). Prior: the popularity among everybody else. Evidence:
/// the popularity round exactly, the Gram round by mean-field steps, both with the true noise; the
/// refinement, a function of the same row under as much noise, is left out. Every rule of the
/// program is known to it.
/// - Source: reliability-and-audit, attack A1; Yuan et al., "Interaction-level membership inference
///   attack against federated recommender systems", arXiv:2301.10964, for the attack on plain
///   updates.
package struct ItemAttack {
  /// How far above a guess by popularity the default may be: two points of precision.
  package static let tolerance = 0.02
  /// At least this precision counts as a win without protection.
  package static let winningPrecision = 0.95
  private static let meanFieldSteps = 3
  /// The round of `GramModel` that sends pairs of items.
  private static let gramStage = 1
  /// Deviation that stands for no noise: below any grid's effect on a decision.
  private static let noNoise = 1e-3

  private let cohort: AttackCohort
  private let counts: [Double]

  package init(_ cohort: AttackCohort) {
    self.cohort = cohort
    var counts = [Double](repeating: 0, count: cohort.catalogue.count)
    for history in cohort.histories {
      for row in history.rows { counts[row.item] += 1 }
    }
    self.counts = counts
  }

  /// Attacks every customer of the cohort, once for each seed of the noise.
  /// - Parameters:
  ///   - seeds: of the noise, at least one.
  ///   - progress: told after each attacked (customer, seed), from 1.
  /// - Throws: errors of the model and the encoding.
  package func run(
    seeds: [UInt64], progress: (_ done: Int) -> Void = { _ in }
  ) throws -> AttackReport {
    precondition(!seeds.isEmpty, "an attack has a seed")
    let customers = cohort.histories.indices
    var precision: [CoordinatorView: [Double]] = [:]
    for view in CoordinatorView.allCases {
      precision[view] = [Double](repeating: 0, count: customers.count)
    }
    var guess = [Double](repeating: 0, count: customers.count)
    for (seedIndex, seed) in seeds.enumerated() {
      let rounds = try rounds(seed: seed)
      let views =
        seedIndex == 0 ? CoordinatorView.allCases : CoordinatorView.allCases.filter(\.isDefault)
      for customer in customers {
        if seedIndex == 0 { guess[customer] = hitShare(priorOdds(of: customer), customer) }
        for view in views {
          let repeats = Double(view.isDefault ? seeds.count : 1)
          precision[view, default: []][customer] +=
            hitShare(try scores(of: customer, view: view, rounds: rounds), customer) / repeats
        }
        progress(seedIndex * customers.count + customer + 1)
      }
    }
    return report(precision: precision, guess: guess, seeds: seeds.count)
  }

  /// Popularity, then the Gram matrix, as the default runs them.
  private func rounds(seed: UInt64) throws -> [AttackedRound] {
    var generator = SeededRandom(seed: seed)
    var parameters = try cohort.model.initialParameters(catalogue: cohort.catalogue)
    var rounds: [AttackedRound] = []
    for stage in cohort.model.stages.indices {
      let round = try AttackedRound(
        stage: stage, parameters: parameters, cohort: cohort, generator: &generator)
      rounds.append(round)
      guard stage + 1 < cohort.model.stages.count else { break }
      parameters = try round.advanced(protected: true)
    }
    return rounds
  }

  // MARK: - The attacker

  private func priorOdds(of customer: Int) -> [Double] {
    var odds = [Double](repeating: 0, count: counts.count)
    let others = Double(cohort.histories.count - 1)
    var own = [Bool](repeating: false, count: counts.count)
    for row in cohort.histories[customer].rows { own[row.item] = true }
    for item in odds.indices {
      let share = (counts[item] - (own[item] ? 1 : 0) + 0.5) / (others + 1)
      odds[item] = log(share / (1 - share))
    }
    return odds
  }

  private func scores(
    of customer: Int, view: CoordinatorView, rounds: [AttackedRound]
  ) throws -> [Double] {
    if view == .exactSum || view == .noisedSum {
      // Of one customer a sum alone says next to nothing: the best guess is its largest entries.
      return try rounds[0].observation(of: customer, as: view)
    }
    var odds = priorOdds(of: customer)
    let seen = try rounds[0].observation(of: customer, as: view)
    let size = Double(cohort.histories[customer].rows.count)
    let deviation = max(view.noiseStandardDeviation(in: rounds[0]), Self.noNoise)
    // A purchase is written as min(1/8, 1/norm) in the popularity round.
    let height = min(0.125, 1 / size.squareRoot())
    for item in odds.indices {
      odds[item] += (height * seen[item] - height * height / 2) / (deviation * deviation)
    }
    try addPairs(of: customer, view: view, round: rounds[Self.gramStage], to: &odds)
    return odds
  }

  /// Adds what the Gram round tells. With h head items the row is 1/sqrt(h) on them, less its part
  /// along the public direction of popularity q, at norm 1: y = P x / r, P = I - q q'. The
  /// likelihood of y y' under what is seen, M, grows with y' M y = x' (P M P) x / r^2.
  private func addPairs(
    of customer: Int, view: CoordinatorView, round: AttackedRound, to odds: inout [Double]
  ) throws {
    let head = try Head(round.parameters, itemCount: cohort.catalogue.count)
    let size = head.places(of: cohort.histories[customer]).count
    guard size > 0 else { return }
    let popularity = round.parameters["popularity"]?.values ?? []
    let direction = PopularityDirection(popularity: popularity, head: head).values
    let seen = Self.projected(
      try round.observation(of: customer, as: view), size: head.count, off: direction)
    let triangle = UpperTriangle(size: head.count)
    let deviation = max(view.noiseStandardDeviation(in: round), Self.noNoise)
    // What popularity takes off a row of so many items, as of the best sellers among them.
    let along = direction.sorted(by: >).prefix(size).reduce(0, +) / Double(size).squareRoot()
    let residual = max(0.1, 1 - along * along)
    let weight = 1 / (Double(size) * residual * deviation * deviation)
    let prior = head.items.map { odds[$0] }
    var field = prior
    for _ in 0..<Self.meanFieldSteps {
      var next = [Double](repeating: 0, count: head.count)
      let belief = field.map { 2.0.squareRoot() / (1 + exp(-max(-500, min(500, $0)))) }
      var place = 0
      for row in 0..<head.count {
        next[row] += seen[place]
        place += 1
        var along = 0.0
        for column in (row + 1)..<max(head.count, row + 1) {
          let value = seen[place]
          along += value * belief[column]
          next[column] += value * belief[row]
          place += 1
        }
        next[row] += along
      }
      precondition(place == triangle.count, "the triangle is read to its end")
      for index in field.indices { field[index] = prior[index] + weight * next[index] }
    }
    for (index, item) in head.items.enumerated() { odds[item] = field[index] }
  }

  /// The triangle of P M P, for the triangle of M: entries off the diagonal times sqrt 2 in both.
  private static func projected(
    _ triangle: [Double], size: Int, off direction: [Double]
  ) -> [Double] {
    var image = [Double](repeating: 0, count: size)
    let root = 2.0.squareRoot()
    var place = 0
    for row in 0..<size {
      image[row] += triangle[place] * direction[row]
      place += 1
      for column in (row + 1)..<max(size, row + 1) {
        let value = triangle[place] / root
        image[row] += value * direction[column]
        image[column] += value * direction[row]
        place += 1
      }
    }
    let twice = zip(image, direction).reduce(0) { $0 + $1.0 * $1.1 }
    var result = triangle
    place = 0
    for row in 0..<size {
      for column in row..<size {
        let change =
          twice * direction[row] * direction[column] - image[row] * direction[column]
          - direction[row] * image[column]
        result[place] += (column == row ? 1 : root) * change
        place += 1
      }
    }
    return result
  }

  /// Precision of naming as many items as the customer has, ties by ascending item.
  private func hitShare(_ scores: [Double], _ customer: Int) -> Double {
    let truth = Set(cohort.histories[customer].rows.map(\.item))
    let order = scores.indices.sorted { left, right in
      scores[left] != scores[right] ? scores[left] > scores[right] : left < right
    }
    let hits = order.prefix(truth.count).count { truth.contains($0) }
    return Double(hits) / Double(truth.count)
  }

  // MARK: - The report

  private func report(
    precision: [CoordinatorView: [Double]], guess: [Double], seeds: Int
  ) -> AttackReport {
    let guessed = MeanInterval(guess)
    var rows: [AttackReport.Row] = []
    var worstAdvantage = -Double.infinity
    var weakestWin = Double.infinity
    for view in CoordinatorView.allCases {
      guard let values = precision[view] else { continue }
      let value = MeanInterval(values)
      rows.append(
        AttackReport.Row(
          key: view.rawValue, setting: view.title, measure: "precision", value: value,
          guess: guessed.mean, isDefault: view.isDefault))
      // Paired: the same customers, guessed and attacked.
      if view.isDefault {
        worstAdvantage = max(
          worstAdvantage, MeanInterval(zip(values, guess).map { $0 - $1 }).high)
      } else if view != .exactSum {
        weakestWin = min(weakestWin, value.low)
      }
    }
    let verdict: AttackReport.Verdict =
      weakestWin < Self.winningPrecision
      ? .inconclusive : worstAdvantage > Self.tolerance ? .broken : .holds
    return AttackReport(
      name: "items", question: "Which items did you buy?",
      setup: cohort.summary(seeds: seeds), rows: rows, verdict: verdict,
      meaning: [
        "A coordinator that reads single updates reads shopping histories.",
        "An exact sum hides you only while nobody knows the other updates.",
        "Against the default, knowing all other updates gives at most "
          + "\(points(worstAdvantage)) points of precision over naming the best sellers "
          + "(upper 95 % limit; up to \(points(Self.tolerance)) count as lost).",
      ])
  }

  private func points(_ share: Double) -> String {
    let tenths = (share * 1000).rounded() / 10
    return "\(tenths)"
  }
}

extension AttackCohort {
  /// For the line under a report's title.
  func summary(seeds: Int) -> String {
    "\(dataName), \(histories.count) customers, \(catalogue.count) items, model \(policy.model), "
      + "epsilon \(policy.epsilonLimit) at delta \(policy.delta), \(seeds) draws of the noise"
  }
}
