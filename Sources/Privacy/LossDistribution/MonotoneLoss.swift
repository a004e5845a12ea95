/// Two neighbouring distributions P and Q on the line whose privacy loss ln dP/dQ does not decrease
/// along it.
protocol MonotoneLoss {
  /// ln dP/dQ at `point`.
  func loss(_ point: Double) -> Double
  /// Where the loss reaches `loss`; infinite where it never does.
  func point(loss: Double) -> Double
  /// P and Q of the points in (`from`, `to`].
  func masses(from: Double, to: Double) -> LossMasses
  /// Points outside which P has at most `tail` on either side, or where the loss is constant.
  func range(tail: Double) -> ClosedRange<Double>
  /// Mass of P and Q at points where the loss is constant, kept out of ``masses(from:to:)``.
  var ends: [LossAtom] { get }
  /// Whether P has mass outside ``range(tail:)``.
  var isUnbounded: Bool { get }
  /// Bound of the relative error of ``masses(from:to:)`` on cells at distance `point`.
  func relativeError(at point: Double) -> Double
  /// Bound of the error of the loss at a point that ``point(loss:)`` returned.
  var lossError: Double { get }
}

/// Mass of a set of outcomes under the two neighbouring inputs.
struct LossMasses {
  var p: Double
  var q: Double
}

/// Outcomes of one privacy loss: P's mass, and the loss; Q's mass is p e^-loss.
struct LossAtom: Equatable, Sendable {
  let loss: Double
  let p: Double
}

/// How P and Q of a sampled mechanism are made of the mechanism's distributions M(0) and M(±1).
///
/// Source: Zhu, Dong, Wang, "Optimal accounting of differential privacy via characteristic
/// function", arXiv:2106.08567, theorem 11.
enum LossDirection: Sendable, Hashable, CaseIterable {
  /// P = (1-q) M(0) + q M(1), Q = M(0): the unit is present in P.
  case remove
  /// P = M(0), Q = (1-q) M(0) + q M(-1): the unit is present in Q.
  case add
  /// P = (1-q) M(0) + q M(1), Q = (1-q) M(0) + q M(-1): one contribution against another.
  case replace
}
