internal import Datasets

/// What every estimator needs of each row; sums run in the order of the log.
struct OffPolicyTerms {
  /// w of each row.
  let weights: [Double]
  /// V of each row.
  private let modelValues: [Double]
  /// r - q of each row.
  private let residuals: [Double]
  /// Rows in which the greedy item was shown; nil for a policy without a greedy part.
  private let greedyRows: [Int]?

  init(_ policy: EvaluationPolicy, log: OpenBanditLog, model: RewardModel) {
    precondition(
      policy.table.count == log.positionCount && policy.table[0].count == log.itemCount,
      "the policy was made for this log")
    // The part of V that does not depend on the row.
    let fixed = zip(policy.table, model.expected).map { probabilities, expected in
      zip(probabilities, expected).reduce(0) { $0 + $1.0 * $1.1 }
    }
    var weights: [Double] = []
    var modelValues: [Double] = []
    var residuals: [Double] = []
    var greedyRows: [Int] = []
    weights.reserveCapacity(log.count)
    modelValues.reserveCapacity(log.count)
    residuals.reserveCapacity(log.count)
    for row in 0..<log.count {
      let (item, position) = (log.items[row], log.positions[row])
      weights.append(
        policy.probability(of: item, row: row, position: position) / log.propensities[row])
      var value = fixed[position]
      if let greedy = policy.greedy.item(row: row) {
        value += policy.greedyShare * model.expected[position][greedy]
        if greedy == item { greedyRows.append(row) }
      }
      modelValues.append(value)
      residuals.append(log.rewards[row] - model.expected[position][item])
    }
    self.weights = weights
    self.modelValues = modelValues
    self.residuals = residuals
    self.greedyRows = policy.greedy == .none ? nil : greedyRows
  }

  func diagnostics(_ log: OpenBanditLog) -> OffPolicyEvaluation.Diagnostics {
    let highest = weights.max() ?? 0
    // Over the largest weight, so that no square overflows.
    let relative = highest > 0 ? weights.map { $0 / highest } : weights
    let sum = relative.reduce(0, +)
    let squares = relative.reduce(0) { $0 + $1 * $1 }
    return OffPolicyEvaluation.Diagnostics(
      rows: log.count, clicks: log.rewards.reduce(0, +), loggedValue: Self.mean(log.rewards),
      loggedValueError: Self.standardError(log.rewards), meanWeight: Self.mean(weights),
      meanWeightError: Self.standardError(weights), maxWeight: highest,
      effectiveSampleSize: squares > 0 ? sum * sum / squares : 0,
      weightedClicks: zip(weights, log.rewards).reduce(0) { $0 + $1.0 * $1.1 })
  }

  /// Sum of w r over sum of w; nil where no row has weight.
  func selfNormalizedValue(_ log: OpenBanditLog) -> Double? {
    let sum = weights.reduce(0, +)
    guard sum > 0 else { return nil }
    return zip(weights, log.rewards).reduce(0) { $0 + $1.0 * $1.1 } / sum
  }

  /// Nil for replay of a policy without a greedy part.
  func estimate(_ estimator: OffPolicyEstimator, log: OpenBanditLog) -> OffPolicyEstimate? {
    switch estimator {
    case .ipw: plain(estimator, zip(weights, log.rewards).map { $0 * $1 })
    case .clippedIPW(let bound):
      plain(estimator, zip(weights, log.rewards).map { min($0, bound) * $1 })
    case .snipw: selfNormalized(estimator, log.rewards, beside: nil)
    case .directMethod:
      OffPolicyEstimate(
        estimator: estimator, value: Self.mean(modelValues),
        roundRewardError: Self.standardError(modelValues), standardError: nil,
        rows: weights.count)
    case .doublyRobust: corrected(estimator) { $0 }
    case .selfNormalizedDoublyRobust:
      selfNormalized(estimator, residuals, beside: modelValues)
    case .switchDR(let threshold): corrected(estimator) { $0 <= threshold ? $0 : 0 }
    case .optimisticShrinkage(let lambda): corrected(estimator) { lambda * $0 / ($0 * $0 + lambda) }
    case .replay: replay(log)
    }
  }

  private func plain(_ estimator: OffPolicyEstimator, _ terms: [Double]) -> OffPolicyEstimate {
    let error = Self.standardError(terms)
    return OffPolicyEstimate(
      estimator: estimator, value: Self.mean(terms), roundRewardError: error, standardError: error,
      rows: terms.count)
  }

  private func corrected(
    _ estimator: OffPolicyEstimator, weight: (Double) -> Double
  ) -> OffPolicyEstimate {
    plain(estimator, weights.indices.map { modelValues[$0] + weight(weights[$0]) * residuals[$0] })
  }

  /// Mean of `beside` + sum of w x over sum of w. The delta method replaces x by its distance to that ratio.
  private func selfNormalized(
    _ estimator: OffPolicyEstimator, _ values: [Double], beside: [Double]?
  ) -> OffPolicyEstimate {
    let meanWeight = Self.mean(weights)
    guard meanWeight > 0 else {
      return OffPolicyEstimate(
        estimator: estimator, value: nil, roundRewardError: nil, standardError: nil, rows: 0)
    }
    let terms = weights.indices.map {
      weights[$0] * values[$0] / meanWeight + (beside?[$0] ?? 0)
    }
    let ratio = zip(weights, values).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
    let linear = weights.indices.map {
      weights[$0] * (values[$0] - ratio) / meanWeight + (beside?[$0] ?? 0)
    }
    return OffPolicyEstimate(
      estimator: estimator, value: Self.mean(terms), roundRewardError: Self.standardError(terms),
      standardError: Self.standardError(linear), rows: weights.count)
  }

  private func replay(_ log: OpenBanditLog) -> OffPolicyEstimate? {
    guard let greedyRows else { return nil }
    let rewards = greedyRows.map { log.rewards[$0] }
    return OffPolicyEstimate(
      estimator: .replay, value: rewards.isEmpty ? nil : Self.mean(rewards), roundRewardError: nil,
      standardError: rewards.count > 1 ? Self.standardError(rewards) : nil, rows: rewards.count)
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }

  /// Standard deviation (n - 1) over sqrt(n); 0 for one value.
  static func standardError(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let mean = mean(values)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1) / Double(values.count)).squareRoot()
  }
}
