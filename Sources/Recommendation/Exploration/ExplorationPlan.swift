/// How slates are drawn, as a person writes it: `linucb:0.5,epsilon=0.05,mmr=0.8`.
///
/// Scores come in the units of a model, which differ; everything here is in units of the log-odds that a
/// shown item is accepted (``ResponseScale``), so that a plan means the same for every model.
package struct ExplorationPlan: Sendable, Equatable {
  /// What draws the positions.
  package enum Rule: Sendable, Equatable {
    case greedy
    case epsilonGreedy(EpsilonDecay)
    /// - temperature: in log-odds.
    case plackettLuce(temperature: Double)
    /// - alpha: standard deviations; epsilon: share of positions drawn uniformly.
    case linUCB(alpha: Double, epsilon: Double)
    /// - scale: of the posterior's standard deviation.
    case linearThompson(scale: Double)
    /// - strength, optimism: as in ``CategoryBeliefs``; epsilon: inside the category.
    case categoryThompson(strength: Double, optimism: Double, epsilon: Double)
  }

  /// What a position is adjusted to before it is drawn.
  package enum Diversity: Sendable, Equatable {
    case none
    /// - lambda: weight of relevance, above 0 and at most 1.
    case marginalRelevance(lambda: Float)
    /// - lambda: weight of calibration, from 0 and below 1.
    case calibrated(lambda: Double)
  }

  /// Which item vectors the linear policies learn over.
  package enum Vectors: String, CaseIterable, Sendable {
    /// Public text vectors: every item has one.
    case text
    /// Those of the shared model: zero for items outside its head.
    case model
  }

  package let rule: Rule
  package let diversity: Diversity
  package let vectors: Vectors
  /// Draws for each Monte Carlo propensity, 1 ... 100,000.
  package let propensityDraws: Int

  /// Names of the rules, in the order in which they are shown.
  package static let identifiers = [
    Greedy.identifier, EpsilonGreedy.identifier, PlackettLuce.identifier, "linucb",
    "linear-thompson", "category-thompson",
  ]

  package static let greedy = ExplorationPlan(
    rule: .greedy, diversity: .none, vectors: .text, propensityDraws: 1)

  package init(rule: Rule, diversity: Diversity, vectors: Vectors, propensityDraws: Int) {
    self.rule = rule
    self.diversity = diversity
    self.vectors = vectors
    self.propensityDraws = propensityDraws
  }

  /// Reads `NAME[:VALUE][,KEY=VALUE ...]`; what is left out has its default.
  ///
  /// | name | value | keys |
  /// |---|---|---|
  /// | `greedy` | | |
  /// | `epsilon-greedy` | epsilon | `floor`, `half-life` |
  /// | `plackett-luce` | temperature | |
  /// | `linucb` | alpha | `epsilon` |
  /// | `linear-thompson` | scale | |
  /// | `category-thompson` | strength | `optimism`, `epsilon` |
  ///
  /// and for each `mmr` (0.7 unless the rule is greedy or category-thompson; 1 for none) or `calibrated`,
  /// `vectors` (text or model), `draws`.
  /// - Throws: `.unknownPolicy`, `.invalidHyperparameter`.
  package init(parsing text: String) throws(RecommendationError) {
    var fields = try PlanFields(text)
    switch fields.name {
    case Greedy.identifier: rule = .greedy
    case EpsilonGreedy.identifier:
      let initial = try fields.main(default: Defaults.epsilon, name: "epsilon")
      let floor = try fields.number("floor", default: initial)
      rule = .epsilonGreedy(
        try EpsilonDecay(
          initial: initial, floor: floor,
          halfLife: try fields.number("half-life", default: Defaults.halfLife)))
    case PlackettLuce.identifier:
      rule = .plackettLuce(
        temperature: try fields.main(default: Defaults.temperature, name: "temperature"))
    case "linucb":
      rule = .linUCB(
        alpha: try fields.main(default: Defaults.alpha, name: "alpha"),
        epsilon: try fields.number("epsilon", default: Defaults.linUCBEpsilon))
    case "linear-thompson":
      rule = .linearThompson(
        scale: try fields.main(default: Defaults.thompsonScale, name: "scale"))
    case "category-thompson":
      rule = .categoryThompson(
        strength: try fields.main(default: Defaults.priorStrength, name: "strength"),
        optimism: try fields.number("optimism", default: Defaults.optimism),
        epsilon: try fields.number("epsilon", default: 0))
    default: throw .unknownPolicy(identifier: fields.name, known: Self.identifiers)
    }
    diversity = try Self.diversity(&fields, default: Self.defaultDiversity(of: rule))
    vectors = try fields.choice("vectors", default: Vectors.text)
    let draws = try fields.number("draws", default: Double(Defaults.propensityDraws))
    guard let whole = Int(exactly: draws), (1...100_000).contains(whole) else {
      throw .invalidHyperparameter(name: "draws", accepted: "a whole number from 1 to 100000")
    }
    propensityDraws = whole
    try fields.end()
    try check()
  }

  /// What explores item by item fills a slate with one kind of items unless likeness costs something;
  /// categories and the best list need no such help.
  private static func defaultDiversity(of rule: Rule) -> Diversity {
    switch rule {
    case .greedy, .categoryThompson: .none
    case .epsilonGreedy, .plackettLuce, .linUCB, .linearThompson:
      .marginalRelevance(lambda: Defaults.marginalRelevance)
    }
  }

  private static func diversity(
    _ fields: inout PlanFields, default fallback: Diversity
  ) throws(RecommendationError) -> Diversity {
    let mmr = try fields.optionalNumber("mmr")
    let calibrated = try fields.optionalNumber("calibrated")
    switch (mmr, calibrated) {
    case (nil, nil): return fallback
    case (1, nil): return .none
    case (let lambda?, nil):
      guard lambda > 0, lambda <= 1 else {
        throw .invalidHyperparameter(name: "mmr", accepted: "above 0, at most 1")
      }
      return .marginalRelevance(lambda: Float(lambda))
    case (nil, let lambda?):
      guard lambda >= 0, lambda < 1 else {
        throw .invalidHyperparameter(name: "calibrated", accepted: "from 0, below 1")
      }
      return .calibrated(lambda: lambda)
    default:
      throw .invalidHyperparameter(name: "mmr and calibrated", accepted: "one of the two")
    }
  }

  /// Beyond these, scores in Float are no numbers any more.
  private static let largest = 1e6
  private static let acceptedTemperatures = 1e-6...largest

  /// What the policies themselves would refuse, before a customer waits for a slate.
  private func check() throws(RecommendationError) {
    func require(_ holds: Bool, _ name: String, _ accepted: String) throws(RecommendationError) {
      guard holds else { throw .invalidHyperparameter(name: name, accepted: accepted) }
    }
    switch rule {
    case .greedy, .epsilonGreedy: break
    case .plackettLuce(let temperature):
      try require(
        Self.acceptedTemperatures.contains(temperature), "temperature", "0.000001 to 1000000")
    case .linUCB(let alpha, let epsilon):
      try require((0...Self.largest).contains(alpha), "alpha", "0 to 1000000")
      try require((0...1).contains(epsilon), "epsilon", "from 0 to 1")
    case .linearThompson(let scale):
      try require((0...Self.largest).contains(scale), "scale", "0 to 1000000")
    case .categoryThompson(let strength, let optimism, let epsilon):
      try require(
        Self.acceptedTemperatures.contains(strength), "strength", "0.000001 to 1000000")
      try require((0...Self.largest).contains(optimism), "optimism", "0 to 1000000")
      try require((0...1).contains(epsilon), "epsilon", "from 0 to 1")
    }
  }

  /// The plan as it is read, with every value: what a log keeps beside a slate.
  package var text: String {
    var parts: [String]
    switch rule {
    case .greedy: parts = [Greedy.identifier]
    case .epsilonGreedy(let decay):
      parts = ["\(EpsilonGreedy.identifier):\(decay.initial)"]
      if decay.floor != decay.initial {
        parts += ["floor=\(decay.floor)", "half-life=\(decay.halfLife)"]
      }
    case .plackettLuce(let temperature): parts = ["\(PlackettLuce.identifier):\(temperature)"]
    case .linUCB(let alpha, let epsilon): parts = ["linucb:\(alpha)", "epsilon=\(epsilon)"]
    case .linearThompson(let scale):
      parts = ["linear-thompson:\(scale)", "draws=\(propensityDraws)"]
    case .categoryThompson(let strength, let optimism, let epsilon):
      parts = [
        "category-thompson:\(strength)", "optimism=\(optimism)", "epsilon=\(epsilon)",
        "draws=\(propensityDraws)",
      ]
    }
    switch diversity {
    case .none: if Self.defaultDiversity(of: rule) != .none { parts.append("mmr=1") }
    case .marginalRelevance(let lambda): parts.append("mmr=\(lambda)")
    case .calibrated(let lambda): parts.append("calibrated=\(lambda)")
    }
    if vectors != .text { parts.append("vectors=\(vectors.rawValue)") }
    return parts.joined(separator: ",")
  }

  /// The rule's name alone.
  package var identifier: String {
    switch rule {
    case .greedy: Greedy.identifier
    case .epsilonGreedy: EpsilonGreedy.identifier
    case .plackettLuce: PlackettLuce.identifier
    case .linUCB: "linucb"
    case .linearThompson: "linear-thompson"
    case .categoryThompson: "category-thompson"
    }
  }
}

extension ExplorationPlan {
  /// Chosen on the retail environment; docs/exploration.md says with which seeds.
  package enum Defaults {
    package static let epsilon = 0.1
    package static let halfLife = 100.0
    package static let temperature = 0.1
    package static let alpha = 1.0
    /// Optimism alone leaves other items without support, and its slates cannot be evaluated.
    package static let linUCBEpsilon = 0.05
    package static let thompsonScale = 0.5
    package static let priorStrength = 60.0
    package static let optimism = 1.5
    package static let propensityDraws = 200
    package static let marginalRelevance: Float = 0.7
  }
}

/// The parts of a plan's text, taken out one by one, so that what nobody asked for is an error.
private struct PlanFields {
  let name: String
  private var value: String?
  private var keys: [String: String] = [:]

  init(_ text: String) throws(RecommendationError) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let head = (parts.first ?? "").split(separator: ":", maxSplits: 1).map(String.init)
    name = head.first ?? ""
    value = head.count > 1 ? head[1] : nil
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2, keys.updateValue(pair[1], forKey: pair[0]) == nil else {
        throw .invalidHyperparameter(name: part, accepted: "written once, as KEY=VALUE")
      }
    }
  }

  mutating func main(default fallback: Double, name: String) throws(RecommendationError) -> Double {
    guard let text = value else { return fallback }
    value = nil
    return try Self.number(text, name)
  }

  mutating func number(_ key: String, default fallback: Double) throws(RecommendationError)
    -> Double
  {
    try optionalNumber(key) ?? fallback
  }

  mutating func optionalNumber(_ key: String) throws(RecommendationError) -> Double? {
    guard let text = keys.removeValue(forKey: key) else { return nil }
    return try Self.number(text, key)
  }

  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice
  ) throws(RecommendationError) -> Choice where Choice.RawValue == String {
    guard let text = keys.removeValue(forKey: key) else { return fallback }
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: " or ")
      throw .invalidHyperparameter(name: key, accepted: known)
    }
    return choice
  }

  func end() throws(RecommendationError) {
    if let value { throw .invalidHyperparameter(name: value, accepted: "left out for \(name)") }
    if let key = keys.keys.min() {
      throw .unknownHyperparameter(name: key, known: ["see: client recommend --help"])
    }
  }

  private static func number(_ text: String, _ name: String) throws(RecommendationError) -> Double {
    guard let number = Double(text), number.isFinite else {
      throw .invalidHyperparameter(name: name, accepted: "a finite number")
    }
    return number
  }
}
