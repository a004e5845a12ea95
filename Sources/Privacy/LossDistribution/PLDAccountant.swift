internal import Glibc

/// Numerical accounting by privacy loss distributions: tight upper bounds for schedules that were
/// fixed before the first release.
///
/// Not a stopping rule: where later parameters depend on earlier outcomes, composing the profiles
/// that were used is not sound in general (arXiv:2602.15815); use a filter.
package struct PLDAccountant: Sendable {
  private let schedule: LossSchedule
  private let precision: PLDPrecision

  /// - Throws: ``PrivacyError/unsupportedRelation(event:relation:reason:)`` or
  ///   ``PrivacyError/notAccountable(event:accountant:reason:)``.
  package init(
    _ event: DPEvent, relation: NeighbouringRelation, precision: PLDPrecision = .standard
  ) throws(PrivacyError) {
    schedule = try LossSchedule(event, relation: relation)
    self.precision = precision
  }

  /// An upper bound with what is known about its tightness.
  package struct Bound: Sendable, Equatable {
    package var epsilon: Double
    package var logDelta: Double
    /// How far epsilon lies above the truth: round-off, which is a bound, and what a nested grid of
    /// twice the interval or more lay above, which is an estimate from above; infinite if unknown.
    package var excess: Double
    /// Interval of the grid, in epsilon, and its length; nil where nothing was discretised.
    package var interval: Double?
    package var length: Int?
  }

  /// The smallest epsilon at `delta`, from above; infinity where there is none.
  /// - Parameter delta: in (0, 1).
  package func epsilon(delta: Double) -> Bound {
    precondition(delta > 0 && delta < 1, "delta lies strictly between 0 and 1")
    let exact = Bound(epsilon: 0, logDelta: log(delta), excess: 0, interval: nil, length: nil)
    if schedule.isWithoutNoise { return with(exact, epsilon: .infinity) }
    guard !schedule.counts.isEmpty else {
      let mu = schedule.gaussianMuSquared.squareRoot() * (1 + 4 * Double.ulpOfOne)
      return with(exact, epsilon: GaussianAccountant.epsilon(mu: mu, delta: delta))
    }
    if let single = singleBound(delta: delta) { return single }
    return bound(.epsilon(delta: delta)) { $0.epsilon > $1.epsilon }
  }

  /// ln of the smallest delta at `epsilon`, from above.
  /// - Parameter epsilon: finite, not negative.
  package func logDelta(epsilon: Double) -> Bound {
    precondition(epsilon >= 0 && epsilon < .infinity, "epsilon is finite and not negative")
    let exact = Bound(epsilon: epsilon, logDelta: 0, excess: 0, interval: nil, length: nil)
    if schedule.isWithoutNoise { return exact }
    guard !schedule.counts.isEmpty else {
      let mu = schedule.gaussianMuSquared.squareRoot() * (1 + 4 * Double.ulpOfOne)
      var bound = exact
      bound.logDelta = GaussianAccountant.logDelta(mu: mu, epsilon: epsilon)
      return bound
    }
    // No finite loss exceeds epsilon: only infinite ones count.
    if epsilon >= schedule.largestLoss {
      var bound = exact
      bound.logDelta = schedule.logInfinityMass
      return bound
    }
    if let single = singleBound(epsilon: epsilon) { return single }
    return bound(.delta(epsilon: epsilon)) { $0.logDelta > $1.logDelta }
  }

  /// One release by itself, where rounding leaves the precision.
  private func singleBound(delta: Double) -> Bound? {
    guard let single = singleLosses(tail: max(1e-290, delta * 1e-13)) else { return nil }
    var worst = Bound(epsilon: 0, logDelta: log(delta), excess: 0, interval: nil, length: nil)
    for loss in single {
      let (epsilon, excess) = loss.epsilon(delta: delta)
      guard excess <= max(precision.relativeExcess * epsilon, precision.absoluteExcess) else {
        return nil
      }
      if epsilon >= worst.epsilon { (worst.epsilon, worst.excess) = (epsilon, excess) }
    }
    return worst
  }

  private func singleBound(epsilon: Double) -> Bound? {
    guard let single = singleLosses(tail: 1e-290) else { return nil }
    var worst = Bound(
      epsilon: epsilon, logDelta: -.infinity, excess: 0, interval: nil, length: nil)
    for loss in single {
      let (delta, slack, slope) = loss.delta(epsilon: epsilon)
      let logDelta = log(delta)
      guard slack <= 1e-3 * delta || logDelta < -600 else { return nil }
      if logDelta > worst.logDelta {
        (worst.logDelta, worst.excess) = (logDelta, slope > 0 ? slack / slope : 0)
      }
    }
    return worst
  }

  private func singleLosses(tail: Double) -> [SingleLoss]? {
    let releases = schedule.releases
    guard releases.count == 1, releases[0].count == 1 else { return nil }
    return schedule.directions.map {
      SingleLoss(
        releases[0].release.distribution($0, tail: tail), largestLoss: schedule.largestLoss)
    }
  }

  private func with(_ bound: Bound, epsilon: Double) -> Bound {
    var bound = bound
    bound.epsilon = epsilon
    return bound
  }

  /// The larger of the directions' answers. A direction whose coarse bound is already below
  /// another's is not refined.
  private func bound(
    _ query: LossComposition.Query, isWorse: (Bound, Bound) -> Bool
  ) -> Bound {
    let releases = schedule.releases
    let compositions = schedule.directions.map {
      LossComposition(releases, direction: $0, precision: precision, query: query)
    }
    let coarse = compositions.map { ($0, $0.coarse()) }.sorted {
      isWorse(bound($0.1), bound($1.1))
    }
    var worst: Bound?
    for (composition, answer) in coarse {
      if let worst, !isWorse(bound(answer), worst) { continue }
      let refined = bound(composition.refined(answer))
      if worst.map({ isWorse(refined, $0) }) ?? true { worst = refined }
    }
    guard let worst else { preconditionFailure("every relation has a direction") }
    return worst
  }

  private func bound(_ answer: LossComposition.Answer) -> Bound {
    Bound(
      epsilon: min(answer.reading.epsilon, largestLoss(at: answer.reading)),
      logDelta: answer.reading.logDelta, excess: answer.excess, interval: answer.plan.interval,
      length: answer.plan.length)
  }

  /// Where all losses are bounded, their sum is an epsilon for any delta above the infinite mass.
  private func largestLoss(at reading: LossSpectrum.Reading) -> Double {
    guard reading.epsilon < .infinity else { return .infinity }
    return schedule.largestLoss
  }
}
