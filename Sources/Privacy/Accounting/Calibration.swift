internal import Glibc

/// Finds the value of an event's free parameter at which it just reaches a target.
package enum Calibration {
  /// The answer: always on the safe side of the target.
  package struct Solution: Sendable, Equatable {
    /// The least noise, or the largest rate, count or loss, that keeps the target, to a relative
    /// tolerance.
    package let value: Double
    /// What the event costs at ``value``: epsilon is at most the target.
    package let loss: AccountedLoss
  }

  /// - Parameters:
  ///   - expression: with one parameter `?`.
  ///   - epsilon: target, finite, 0 or more.
  ///   - delta: in (0, 1), at least 1e-250.
  /// - Throws: ``PrivacyError/notCalibratable(reason:)`` if no value reaches the target or every
  ///   value does; ``PrivacyError/invalidQuery(parameter:value:accepted:)``; as
  ///   ``AccountingQuery``.
  package static func solve(
    _ expression: EventExpression, epsilon: Double, delta: Double,
    relation: NeighbouringRelation = .zeroOut, by accountant: Accountant
  ) throws(PrivacyError) -> Solution {
    guard let parameter = expression.freeParameter else {
      throw .notCalibratable(reason: "write one parameter as \"?\"")
    }
    guard epsilon >= 0, epsilon < .infinity else {
      throw .invalidQuery(parameter: "epsilon", value: "\(epsilon)", accepted: "0 or more, finite")
    }
    try AccountingQuery.require(delta: delta)
    var search = CalibrationSearch(
      expression: expression, scale: CalibrationScale(parameter.role), epsilon: epsilon,
      delta: delta, relation: relation, accountant: accountant)
    return try search.solution(parameter.name)
  }
}

/// Values of a parameter on an axis along which epsilon falls.
struct CalibrationScale {
  let role: FreeParameter.Role

  init(_ role: FreeParameter.Role) { self.role = role }

  var isInteger: Bool { role == .count }

  /// Where the parameter's range begins and ends; the second end is the safer one.
  var range: (unsafe: Double, safe: Double) {
    switch role {
    case .noise: (position(1e-6), position(1e9))
    case .noiseProbability: (0, 1)
    case .loss: (position(1e6), position(1e-12))
    case .rate: (position(1), position(1e-12))
    case .count: (position(Double(DPEvent.largestCount)), position(1))
    }
  }

  /// Where the search starts.
  var start: Double {
    switch role {
    case .noise, .loss: position(1)
    case .noiseProbability: 0.5
    case .rate: position(0.01)
    case .count: position(100)
    }
  }

  func value(_ position: Double) -> Double {
    switch role {
    case .noise: exp(position)
    case .noiseProbability: position
    case .loss: exp(-position)
    case .rate: min(1, exp(-position))
    case .count: exp(-position).rounded()
    }
  }

  func position(_ value: Double) -> Double {
    switch role {
    case .noise: log(value)
    case .noiseProbability: value
    default: -log(value)
    }
  }
}

/// Brackets by steps that double, then closes in by a safeguarded secant on ln epsilon.
struct CalibrationSearch {
  let expression: EventExpression
  let scale: CalibrationScale
  let epsilon: Double
  let delta: Double
  let relation: NeighbouringRelation
  let accountant: Accountant
  private var precision = PLDPrecision.standard

  private static let mostEvaluations = 200

  init(
    expression: EventExpression, scale: CalibrationScale, epsilon: Double, delta: Double,
    relation: NeighbouringRelation, accountant: Accountant
  ) {
    self.expression = expression
    self.scale = scale
    self.epsilon = epsilon
    self.delta = delta
    self.relation = relation
    self.accountant = accountant
  }

  /// A place on the axis with what was found there.
  private struct Point {
    var position: Double
    var value: Double
    var loss: AccountedLoss
    /// ln of epsilon over the target, within ±50; positive where the target is missed.
    var gap: Double
  }

  private func point(_ position: Double) throws(PrivacyError) -> Point {
    let value = scale.value(position)
    let query = try AccountingQuery(
      try expression.event(freeParameter: value), relation: relation)
    let loss = try query.epsilon(delta: delta, by: accountant, precision: precision)
    let ratio = loss.epsilon == .infinity ? 50 : log(loss.epsilon) - log(epsilon)
    let gap = loss.epsilon <= epsilon ? min(0, ratio) : max(1e-300, ratio)
    return Point(position: position, value: value, loss: loss, gap: max(-50, min(50, gap)))
  }

  mutating func solution(_ name: String) throws(PrivacyError) -> Calibration.Solution {
    let isNumerical = accountant == .pld
    if isNumerical { precision = .coarse }
    var (unsafe, safe) = try bracket(name)
    if isNumerical {
      (unsafe, safe) = try narrowed(unsafe, safe, tolerance: 3e-3)
      precision = .standard
      (unsafe, safe) = try refined(safe, name)
    }
    (_, safe) = try narrowed(unsafe, safe, tolerance: isNumerical ? 3e-5 : 1e-13)
    return Calibration.Solution(value: safe.value, loss: safe.loss)
  }

  /// A point that misses the target, and one that keeps it.
  private func bracket(_ name: String) throws(PrivacyError) -> (unsafe: Point, safe: Point) {
    try bracket(from: scale.start, step: 1, name)
  }

  /// The same around a point found at a coarser precision.
  private func refined(
    _ coarse: Point, _ name: String
  ) throws(PrivacyError) -> (unsafe: Point, safe: Point) {
    try bracket(from: coarse.position, step: 2e-3, name)
  }

  private func bracket(
    from start: Double, step first: Double, _ name: String
  ) throws(PrivacyError) -> (unsafe: Point, safe: Point) {
    let range = scale.range
    var step = first
    var last = try point(min(max(start, range.unsafe), range.safe))
    let isSafe = last.gap <= 0
    while true {
      let end = isSafe ? range.unsafe : range.safe
      let target = last.position + (isSafe ? -step : step)
      let next = try point(isSafe ? max(target, end) : min(target, end))
      if (next.gap <= 0) != isSafe { return isSafe ? (next, last) : (last, next) }
      guard next.position != end else {
        // At the permissive end of its range the parameter still keeps the target.
        if isSafe { return (next, next) }
        let value = scale.isInteger ? "\(Int64(next.value))" : "\(next.value)"
        throw .notCalibratable(
          reason: "no \(name) reaches epsilon \(epsilon) at delta \(delta); at \(value) it is "
            + "\(next.loss.epsilon)")
      }
      last = next
      step *= scale.role == .noiseProbability ? 1 : 2
    }
  }

  /// Closes a bracket to a width of `tolerance` on the axis, or to neighbouring integers.
  private func narrowed(
    _ unsafe: Point, _ safe: Point, tolerance: Double
  ) throws(PrivacyError) -> (unsafe: Point, safe: Point) {
    var (unsafe, safe) = (unsafe, safe)
    guard unsafe.gap > 0 else { return (unsafe, safe) }
    // Illinois: an end that stays twice in a row counts half.
    var (unsafeGap, safeGap) = (unsafe.gap, safe.gap)
    for _ in 0..<Self.mostEvaluations {
      let width = safe.position - unsafe.position
      let isClosed =
        scale.isInteger
        ? unsafe.value - safe.value <= 1 : width <= tolerance * max(1, abs(safe.position) * 1e-3)
      guard !isClosed else { break }
      var share = unsafeGap / (unsafeGap - safeGap)
      // A little beyond the estimate, so that the safe end moves too.
      share = min(0.95, max(0.05, share + 0.25 * tolerance / width))
      var position = unsafe.position + share * width
      if scale.isInteger {
        let value = scale.value(position)
        position = scale.position(min(unsafe.value - 1, max(safe.value + 1, value)))
      }
      guard position > unsafe.position, position < safe.position else { break }
      let next = try point(position)
      if next.gap > 0 {
        (unsafe, unsafeGap, safeGap) = (next, next.gap, safeGap / 2)
      } else {
        (safe, safeGap, unsafeGap) = (next, next.gap, unsafeGap / 2)
      }
    }
    return (unsafe, safe)
  }
}
