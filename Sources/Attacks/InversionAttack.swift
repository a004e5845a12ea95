internal import Glibc
internal import Privacy
internal import Recommendation
internal import VectorMath

/// Attack A3: the private user vector, and with it the history, out of one gradient.
///
/// In the factorisation the gradient of the item vectors is the outer product of the customer's
/// weighted errors and the customer's vector: a matrix of rank 1, whose right singular vector is
/// the user vector. Clipping scales it and hides nothing. Errors are negative where the customer
/// bought, which gives the sign and ranks the items.
/// - Source: Zhu, Liu, Han, "Deep leakage from gradients", NeurIPS 2019; for one linear layer the
///   inversion is in closed form (Geiping et al., "Inverting gradients", NeurIPS 2020, proposition
///   3.1).
package struct InversionAttack {
  /// How far above the average customer's vector the cosine against the default may be.
  package static let tolerance = 0.05
  /// At least this cosine counts as a win without protection.
  package static let winningCosine = 0.99

  private let cohort: AttackCohort

  /// - Parameter cohort: with the model `mf`.
  /// - Throws: `AttackError.unsuitablePolicy` for another model.
  package init(_ cohort: AttackCohort) throws {
    guard cohort.policy.model == FactorizationModel.identifier else {
      throw AttackError.unsuitablePolicy(
        "gradients of user vectors are in the model mf, not in \(cohort.policy.model)")
    }
    self.cohort = cohort
  }

  /// Sums over the customers and rounds of one view.
  private struct Tally {
    var cosine: [Double]
    var recall: [Double]
  }

  /// Attacks every customer in every gradient round of one training a seed, and reports the round
  /// in which the attacker does best.
  /// - Parameters:
  ///   - seeds: of the noise, at least one.
  ///   - progress: told after each seed, from 1.
  package func run(
    seeds: [UInt64], progress: (_ done: Int) -> Void = { _ in }
  ) throws -> AttackReport {
    precondition(!seeds.isEmpty, "an attack has a seed")
    let stages = cohort.model.stages.count
    // Indexed by view, then stage: per-customer means over the seeds.
    var tallies: [CoordinatorView: [Int: Tally]] = [:]
    var guesses: [Int: Tally] = [:]
    for (seedIndex, seed) in seeds.enumerated() {
      var generator = SeededRandom(seed: seed)
      var parameters = try cohort.model.initialParameters(catalogue: cohort.catalogue)
      for stage in 0..<stages {
        let round = try AttackedRound(
          stage: stage, parameters: parameters, cohort: cohort, generator: &generator)
        if stage > 0 {
          try attack(
            round, repeats: seeds.count, tallies: &tallies, guesses: &guesses)
        }
        parameters = try round.advanced(protected: true)
      }
      progress(seedIndex + 1)
    }
    return report(tallies, guesses: guesses, seeds: seeds.count)
  }

  private func attack(
    _ round: AttackedRound, repeats: Int, tallies: inout [CoordinatorView: [Int: Tally]],
    guesses: inout [Int: Tally]
  ) throws {
    let head = try Head(round.parameters, itemCount: cohort.catalogue.count)
    let places = cohort.histories.map { head.places(of: $0).map(\.place) }
    let victims = places.indices.filter { !places[$0].isEmpty }
    guard !victims.isEmpty else { return }
    let truths = try victims.map { try trueVector(of: $0, round: round, rows: head.count) }
    let average = Self.mean(truths)
    let popular = popularity(places, count: head.count)
    for view in [
      CoordinatorView.update, .exactSum, .exactSumAndOthers, .noisedSum,
      .noisedSumAndOthers,
    ] {
      for (index, victim) in victims.enumerated() {
        let seen = try round.observation(of: victim, as: view)
        let found = Self.invert(seen, rows: head.count, towards: average)
        add(
          cosine: Self.cosine(found.vector, truths[index]),
          recall: Self.recall(found.errors.map { -$0 }, truth: places[victim]),
          of: index, count: victims.count, repeats: repeats,
          to: &tallies[view, default: [:]][round.stage])
      }
    }
    for (index, victim) in victims.enumerated() {
      add(
        cosine: Self.cosine(average, truths[index]),
        recall: Self.recall(popular, truth: places[victim]), of: index, count: victims.count,
        repeats: repeats, to: &guesses[round.stage])
    }
  }

  private func add(
    cosine: Double, recall: Double, of index: Int, count: Int, repeats: Int,
    to tally: inout Tally?
  ) {
    var sums =
      tally
      ?? Tally(
        cosine: [Double](repeating: 0, count: count), recall: [Double](repeating: 0, count: count))
    if index < sums.cosine.count {
      sums.cosine[index] += cosine / Double(repeats)
      sums.recall[index] += recall / Double(repeats)
    }
    tally = sums
  }

  /// The direction of the vector that the device computed. It is the right singular vector of the
  /// update before encoding, exactly: the update is an outer product with it.
  private func trueVector(
    of customer: Int, round: AttackedRound, rows: Int
  ) throws -> [Double] {
    let update = try cohort.model.update(
      stage: round.stage, history: cohort.histories[customer], parameters: round.parameters,
      itemCount: cohort.catalogue.count)
    let head = try Head(round.parameters, itemCount: cohort.catalogue.count)
    guard let bought = head.places(of: cohort.histories[customer]).first?.place else { return [] }
    // The row of a bought item is a negative multiple of the vector while u·q < 1.
    let width = update.count / rows
    let row = update[bought * width..<(bought + 1) * width].map { -Double($0) }
    return Self.normalised(row)
  }

  private func popularity(_ places: [[Int]], count: Int) -> [Double] {
    var counts = [Double](repeating: 0, count: count)
    for history in places { for place in history { counts[place] += 1 } }
    return counts
  }

  // MARK: - Linear algebra

  /// The leading right singular vector, by power iteration, signed towards `towards`; and the rows'
  /// products with it.
  static func invert(
    _ gradient: [Double], rows: Int, towards: [Double]
  ) -> (vector: [Double], errors: [Double]) {
    let width = gradient.count / rows
    var gram = [Double](repeating: 0, count: width * width)
    for row in 0..<rows {
      let start = row * width
      for left in 0..<width {
        for right in 0..<width {
          gram[left * width + right] += gradient[start + left] * gradient[start + right]
        }
      }
    }
    var vector = normalised((0..<width).map { 1 + 0.01 * Double($0) })
    for _ in 0..<200 {
      var next = [Double](repeating: 0, count: width)
      for left in 0..<width {
        for right in 0..<width { next[left] += gram[left * width + right] * vector[right] }
      }
      vector = normalised(next)
    }
    func products(_ vector: [Double]) -> [Double] {
      (0..<rows).map { row in
        (0..<width).reduce(0) { $0 + gradient[row * width + $1] * vector[$1] }
      }
    }
    var errors = products(vector)
    // A few large errors are negative (bought), many small ones positive: the third moment tells the sign.
    let skewness = errors.reduce(0) { $0 + $1 * $1 * $1 }
    if skewness > 0 {
      vector = vector.map { -$0 }
      errors = errors.map { -$0 }
    }
    return (vector, errors)
  }

  static func cosine(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private static func normalised(_ vector: [Double]) -> [Double] {
    let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return norm > 0 ? vector.map { $0 / norm } : vector
  }

  private static func mean(_ vectors: [[Double]]) -> [Double] {
    var sum = vectors[0]
    for vector in vectors.dropFirst() {
      for index in sum.indices { sum[index] += vector[index] }
    }
    return normalised(sum)
  }

  /// Share of the bought head items among as many top entries, ties by ascending place.
  static func recall(_ scores: [Double], truth: [Int]) -> Double {
    let order = scores.indices.sorted { left, right in
      scores[left] != scores[right] ? scores[left] > scores[right] : left < right
    }
    let bought = Set(truth)
    return Double(order.prefix(truth.count).count { bought.contains($0) }) / Double(truth.count)
  }

  // MARK: - The report

  private func report(
    _ tallies: [CoordinatorView: [Int: Tally]], guesses: [Int: Tally], seeds: Int
  ) -> AttackReport {
    var rows: [AttackReport.Row] = []
    var weakestWin = Double.infinity
    var advantage = -Double.infinity
    for view in CoordinatorView.allCases {
      guard let stages = tallies[view] else { continue }
      // The attacker's best round: where it gains most over the guess.
      func gain(_ stage: Int) -> Double {
        guard let tally = stages[stage], let guess = guesses[stage] else { return -.infinity }
        return MeanInterval(tally.cosine).mean - MeanInterval(guess.cosine).mean
      }
      guard let best = stages.keys.sorted().max(by: { gain($0) < gain($1) }),
        let tally = stages[best], let guess = guesses[best]
      else { continue }
      let cosine = MeanInterval(tally.cosine)
      rows.append(
        AttackReport.Row(
          key: "\(view.rawValue)_cosine", setting: view.title, measure: "cosine", value: cosine,
          guess: MeanInterval(guess.cosine).mean, isDefault: view.isDefault))
      rows.append(
        AttackReport.Row(
          key: "\(view.rawValue)_recall", setting: view.title, measure: "recall",
          value: MeanInterval(tally.recall), guess: MeanInterval(guess.recall).mean,
          isDefault: view.isDefault))
      if view.isDefault {
        for (values, guessed) in [(tally.cosine, guess.cosine), (tally.recall, guess.recall)] {
          advantage = max(advantage, MeanInterval(zip(values, guessed).map { $0 - $1 }).high)
        }
      } else if view != .exactSum {
        weakestWin = min(weakestWin, cosine.low)
      }
    }
    return AttackReport(
      name: "inversion", question: "Can your taste be computed from your gradient?",
      setup: cohort.summary(seeds: seeds), rows: rows,
      verdict: weakestWin < Self.winningCosine
        ? .inconclusive : advantage > Self.tolerance ? .broken : .holds,
      meaning: [
        "One plain gradient is the customer's private vector, times a number an item.",
        "The guess is the average customer's vector and the best sellers: what is known without you.",
        "Of all rounds, the one where the attacker does best is shown.",
      ])
  }
}
