internal import Glibc

/// Reports what an adaptive run has spent so far. It has no limit, and its reading is text: what may
/// stop or admit a round is a filter, and a program cannot compare a reading with a budget by mistake.
///
/// - Source: Rogers et al., "Privacy odometers and filters", arXiv:1605.08294; doubling families:
///   Lécuyer, arXiv:2103.01379, and Whitehouse et al., arXiv:2203.05481.
package struct PrivacyOdometer: Sendable {
  private var total: RenyiCurve
  /// The largest release count that is reported exactly.
  private var releaseCount = 0

  package init(orders: RenyiOrders = .standard) {
    total = .zero(orders: orders)
  }

  /// The orders that recorded curves must have.
  package var orders: RenyiOrders { total.orders }

  /// Records `count` releases that have happened.
  package mutating func record(_ curve: RenyiCurve, count: Int = 1) {
    total.add(curve, count: count)
    releaseCount = Int(clamping: UInt64(releaseCount) + UInt64(count))
  }

  /// What has been spent, at `delta`.
  /// - Parameter delta: in (0, 1).
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package func reading(delta: Double) throws(PrivacyError) -> OdometerReading {
    try RenyiMechanism.require("delta", delta, delta > 0 && delta < 1, accepted: "above 0, below 1")
    return OdometerReading(
      releaseCount: releaseCount, delta: delta, atFixedTime: total.epsilon(delta: delta),
      atAnyTime: anyTimeEpsilon(delta: delta))
  }

  /// Level k stands for epsilon 2^(k - 10), with its own order, fixed by k and delta alone, and the
  /// share delta × 6 / (π (k + 1))² of delta. That the loss exceeds a level whose order is within
  /// budget has at most the level's share of probability, so all levels hold at once, whenever the
  /// run stops.
  private func anyTimeEpsilon(delta: Double) -> Double {
    let left = (delta - total.failureProbability) / (1 - total.failureProbability)
    guard left > 0 else { return .infinity }
    for level in 0..<Self.levelCount {
      let epsilon = exp2(Double(level) - 10)
      let share = left * 6 / (Double.pi * Double.pi * Double((level + 1) * (level + 1)))
      let logInverse = -log(share).nextDown
      // The best order for Gaussian noise that spends this epsilon.
      let root = (logInverse + epsilon).squareRoot() - logInverse.squareRoot()
      let order = 1 + logInverse.squareRoot() / root
      let index =
        orders.values.lastIndex { $0 <= order } ?? 0
      // P[loss > epsilon] <= e^((a - 1)(D_a - epsilon)) (Mironov, arXiv:1702.07476, proposition 3).
      let needed = total.divergence(at: index) + logInverse * orders.reciprocals[index]
      if needed * (1 + 1e-12) <= epsilon { return epsilon }
    }
    return .infinity
  }

  private static let levelCount = 40
}

/// What a ``PrivacyOdometer`` shows: text alone, by design.
package struct OdometerReading: Sendable, CustomStringConvertible {
  fileprivate let releaseCount: Int
  fileprivate let delta: Double
  fileprivate let atFixedTime: Double
  fileprivate let atAnyTime: Double

  package var description: String {
    "\(releaseCount) releases so far: epsilon \(atFixedTime) at delta \(delta) if this moment was "
      + "chosen beforehand, at most \(atAnyTime) whenever one looks; for information, not a limit"
  }
}
