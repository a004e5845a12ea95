package import Datasets

/// Expected rewards by position and item, for estimators that use a model.
///
/// The click rate of the item at the position, drawn towards the log's mean as by `smoothing` impressions
/// of it. Fitted on the log that is evaluated, as the published reference has it, so that its own error is
/// in no interval.
package struct RewardModel: Equatable, Sendable {
  /// Impressions that the mean counts for.
  package static let smoothing = 100.0

  /// Shape [positions, items].
  let expected: [[Double]]

  package init(_ log: OpenBanditLog) {
    let mean = log.rewards.reduce(0, +) / Double(log.count)
    let zeros = [[Double]](
      repeating: [Double](repeating: 0, count: log.itemCount), count: log.positionCount)
    var clicks = zeros
    var impressions = zeros
    for row in 0..<log.count {
      clicks[log.positions[row]][log.items[row]] += log.rewards[row]
      impressions[log.positions[row]][log.items[row]] += 1
    }
    expected = zip(clicks, impressions).map { clicks, impressions in
      zip(clicks, impressions).map { ($0 + Self.smoothing * mean) / ($1 + Self.smoothing) }
    }
  }
}
