package import Datasets
internal import Glibc
internal import Privacy
internal import Recommendation
internal import SecureAggregation
internal import VectorMath

/// Attack A6: were this customer's data used?
///
/// Half of the customers train, the other half do not, and both are scored. Two attackers:
/// - an outsider with the released model, statistics of similar people, and a model of its own
///   trained on them (the ratio to a reference: Homer et al., PLoS Genetics 2008, for the
///   popularity; Carlini et al., "Membership inference attacks from first principles", IEEE S&P
///   2022, for the difference to a reference model);
/// - one who has the noised sums themselves and knows every other customer's update: the adversary
///   of the definition of differential privacy, whose likelihood ratio is optimal. What it can
///   reach is the area Φ(mu / sqrt 2) under the trade-off curve of mu-GDP (Dong, Roth, Su,
///   arXiv:1905.02383, definition 2.1).
package struct MembershipAttack {
  /// At least this area counts as a win without protection.
  package static let winningArea = 0.6
  private static let epsilon = "8"

  private let dataset: InteractionDataset
  private let customers: Int
  private let modelName: String

  /// - Parameter customers: members, and as many non-members; at least 8.
  package init(_ dataset: InteractionDataset, customers: Int, model: String = "gram") {
    self.dataset = dataset
    self.customers = customers
    modelName = model
  }

  /// What one split of the customers gave.
  private struct Areas {
    var outsiderPlain = 0.0
    var outsiderPrivate = 0.0
    var informedPlain = 0.0
    var informedPrivate = 0.0
  }

  /// - Parameters:
  ///   - seeds: each draws a split and the noise; at least one, five or more for an interval of use.
  ///   - progress: told after each seed, from 1.
  package func run(
    seeds: [UInt64], progress: (_ done: Int) -> Void = { _ in }
  ) throws -> AttackReport {
    precondition(!seeds.isEmpty, "an attack has a seed")
    var areas: [Areas] = []
    var setup = ""
    var mu = 0.0
    for (index, seed) in seeds.enumerated() {
      let cohort = try AttackCohort(
        dataset, count: customers, seed: seed, model: modelName, epsilon: Self.epsilon)
      guard cohort.others.count >= 2 * customers else {
        throw AttackError.tooFewCustomers(
          have: cohort.histories.count + cohort.others.count, need: 3 * customers)
      }
      areas.append(try attack(cohort, seed: seed))
      setup = cohort.summary(seeds: seeds.count)
      mu = GaussianAccountant.mu(
        epsilon: cohort.policy.epsilonLimit.doubleValue, delta: cohort.policy.delta.doubleValue)
      progress(index + 1)
    }
    return report(areas, mu: mu, setup: setup)
  }

  private func attack(_ cohort: AttackCohort, seed: UInt64) throws -> Areas {
    let nonMembers = Array(cohort.others.prefix(customers))
    let similar = cohort.others.dropFirst(customers).prefix(customers)
    let reference = try Release(
      cohort: cohort.replacing(histories: Array(similar)), seed: seed, protected: false)
    let knowledge = Knowledge(
      histories: Array(cohort.others.dropFirst(customers)), itemCount: cohort.catalogue.count)
    var areas = Areas()
    for protected in [false, true] {
      let release = try Release(cohort: cohort, seed: seed, protected: protected)
      let score = { (history: CustomerHistory) in
        try release.outsiderScore(history, against: reference, knowledge: knowledge)
      }
      let (inside, outside) = standardised(
        try cohort.histories.map(score), try nonMembers.map(score))
      let outsider = ROCArea.of(members: inside, nonMembers: outside)
      let informed = try release.informedArea(nonMembers: nonMembers)
      if protected {
        areas.outsiderPrivate = outsider
        areas.informedPrivate = informed
      } else {
        areas.outsiderPlain = outsider
        areas.informedPlain = informed
      }
    }
    return areas
  }

  /// Adds up the parts of a score, each scaled to deviation 1 over all who are scored.
  private func standardised(
    _ members: [[Double]], _ others: [[Double]]
  ) -> ([Double], [Double]) {
    let all = members + others
    var sums = [Double](repeating: 0, count: all.count)
    for part in 0..<(all.first?.count ?? 0) {
      let values = all.map { $0[part] }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      guard variance > 0 else { continue }
      for index in sums.indices { sums[index] += (values[index] - mean) / variance.squareRoot() }
    }
    return (Array(sums.prefix(members.count)), Array(sums.dropFirst(members.count)))
  }

  private func report(_ areas: [Areas], mu: Double, setup: String) -> AttackReport {
    let bound = 0.5 * erfc(-mu / 2)
    let outsiderPlain = MeanInterval(areas.map(\.outsiderPlain))
    let outsiderPrivate = MeanInterval(areas.map(\.outsiderPrivate))
    let informedPlain = MeanInterval(areas.map(\.informedPlain))
    let informedPrivate = MeanInterval(areas.map(\.informedPrivate))
    let wins = outsiderPlain.low > Self.winningArea && informedPlain.low > Self.winningArea
    // Paired: the same split with and without noise.
    let fall = MeanInterval(areas.map { $0.outsiderPlain - $0.outsiderPrivate })
    let isBroken =
      informedPrivate.low > bound || outsiderPrivate.low > bound || fall.low <= 0
    func row(
      _ key: String, _ setting: String, _ value: MeanInterval, _ isDefault: Bool
    ) -> AttackReport.Row {
      AttackReport.Row(
        key: key, setting: setting, measure: "AUC", value: value, guess: 0.5, isDefault: isDefault)
    }
    return AttackReport(
      name: "membership", question: "Were your data used?", setup: setup,
      rows: [
        row("outsider_plain", "no noise: has the model", outsiderPlain, false),
        row("informed_plain", "no noise: exact sums, all others known", informedPlain, false),
        row("outsider_default", "default: has the model", outsiderPrivate, true),
        row("informed_default", "default: noised sums, all others known", informedPrivate, true),
      ], verdict: !wins ? .inconclusive : isBroken ? .broken : .holds,
      meaning: [
        "0.5 is a coin: the attacker learns nothing. 1.0 is certainty.",
        "Epsilon 8 bounds every attacker by \(Self.rounded(bound)); one who knows everybody "
          + "else comes near it, by design, and none may pass it.",
        "That you took part in rounds at all is not protected; what you sent is.",
      ])
  }

  private static func rounded(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}

/// Statistics of similar people that an outsider has.
private struct Knowledge {
  /// Share of customers with each item.
  let popularity: [Double]

  init(histories: [CustomerHistory], itemCount: Int) {
    var counts = [Double](repeating: 0.5, count: itemCount)
    for history in histories { for row in history.rows { counts[row.item] += 1 } }
    popularity = counts.map { $0 / Double(histories.count + 1) }
  }
}

/// What a training released, with the rounds behind it.
private struct Release {
  let cohort: AttackCohort
  let rounds: [AttackedRound]
  let protected: Bool
  /// The public parameters at the end.
  let parameters: ModelParameters

  init(cohort: AttackCohort, seed: UInt64, protected: Bool) throws {
    var generator = SeededRandom(seed: seed)
    var parameters = try cohort.model.initialParameters(catalogue: cohort.catalogue)
    var rounds: [AttackedRound] = []
    for stage in cohort.model.stages.indices {
      let round = try AttackedRound(
        stage: stage, parameters: parameters, cohort: cohort, isNoised: protected,
        generator: &generator)
      parameters = try round.advanced(protected: protected)
      rounds.append(round)
    }
    self.cohort = cohort
    self.rounds = rounds
    self.protected = protected
    self.parameters = parameters
  }

  /// The parts of an outsider's score, larger for members.
  func outsiderScore(
    _ history: CustomerHistory, against reference: Release, knowledge: Knowledge
  ) throws -> [Double] {
    [
      popularityPart(history, knowledge: knowledge),
      try fit(of: history) - reference.fit(of: history),
    ]
  }

  /// How much nearer the released popularity is to this customer than similar people's is.
  private func popularityPart(_ history: CustomerHistory, knowledge: Knowledge) -> Double {
    guard let released = parameters["popularity"]?.values else { return 0 }
    var score = 0.0
    var has = [Bool](repeating: false, count: released.count)
    for row in history.rows { has[row.item] = true }
    // Customers of more than 64 items are written smaller; the released share is then of the scaled rows.
    let height = min(1, 8 / Double(max(1, history.rows.count)).squareRoot())
    for item in released.indices {
      let expected = knowledge.popularity[item]
      let own = (has[item] ? height : 0) - expected
      score += own * (Double(released[item]) - expected) / (expected * (1 - expected) + 0.01)
    }
    return score
  }

  /// The share of the customer's row that the released basis holds.
  private func fit(of history: CustomerHistory) throws -> Double {
    guard let basis = parameters["vectors"], basis.shape.count == 2 else { return 0 }
    let head = try Head(
      parameters, itemCount: cohort.catalogue.count, limit: Head.wideLimit)
    let places = head.places(of: history).map(\.place)
    guard !places.isEmpty else { return 0 }
    let rank = basis.shape[1]
    var energy = 0.0
    for column in 0..<rank {
      var product = 0.0
      for place in places { product += Double(basis.values[place * rank + column]) }
      energy += product * product
    }
    return energy / Double(places.count)
  }

  /// Area of the likelihood ratio with the sums in hand and all others known: what is left of a sum is the
  /// update or nothing, and noise.
  func informedArea(nonMembers: [CustomerHistory]) throws -> Double {
    var members = [Double](repeating: 0, count: cohort.histories.count)
    var absent = [Double](repeating: 0, count: nonMembers.count)
    for round in rounds {
      // Squared and inverted: the weight of a round in the likelihood ratio.
      let deviation = protected ? round.noiseStandardDeviation : 1e-3
      let left = round.encoding.decode(
        protected
          ? zip(round.noisedSum, round.exactSum).map { $0 &- $1 }
          : [UInt32](repeating: 0, count: round.exactSum.count))
      func statistic(_ update: [Float], isMember: Bool) -> Double {
        var product = 0.0
        var square = 0.0
        for index in update.indices {
          let value = Double(update[index])
          guard value != 0 else { continue }
          product += value * (left[index] + (isMember ? value : 0))
          square += value * value
        }
        return (product - square / 2) / (deviation * deviation)
      }
      for (index, history) in cohort.histories.enumerated() {
        members[index] += statistic(
          try update(history, in: round), isMember: true)
      }
      for (index, history) in nonMembers.enumerated() {
        absent[index] += statistic(try update(history, in: round), isMember: false)
      }
    }
    return ROCArea.of(members: members, nonMembers: absent)
  }

  private func update(_ history: CustomerHistory, in round: AttackedRound) throws -> [Float] {
    try cohort.model.update(
      stage: round.stage, history: history, parameters: round.parameters,
      itemCount: cohort.catalogue.count)
  }
}
