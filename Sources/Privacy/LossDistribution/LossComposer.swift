internal import Glibc

/// Adds releases one by one and answers epsilon after each: one spectrum multiplication a release
/// and direction, whatever came before.
///
/// Grid, window and tilt are fixed at the start, so that they suit what was foreseen and all that
/// leads to it; every answer is an upper bound all the same. What it says of a run whose parameters
/// depended on its outcomes is information, not a guarantee: use a filter to decide.
package struct LossComposer: Sendable {
  private var spectra: [(direction: LossDirection, spectrum: LossSpectrum)] = []
  private let relation: NeighbouringRelation
  private let delta: Double
  private let tail: Double
  private var isWithoutNoise = false
  private var count = 0
  /// Exact, as long as there was one release only; the grid suits the horizon better than that.
  private var singleEpsilon: Double?

  /// Different releases by which a horizon is planned, about.
  private static let plannedReleases = 24
  /// Checks in between meet the precision on a grid that is finer than the last one needs.
  private static let margin = 2.0
  private static let earlyReleases = 3
  private static let largestLength = 1 << 16

  /// - Parameters:
  ///   - delta: the one to be asked about, in (0, 1), at least 1e-250.
  ///   - horizon: roughly what will be composed in all; it fixes grid, tilt and window.
  ///   - precision: what the composition of the horizon is to reach.
  /// - Throws: as ``PLDAccountant/init(_:relation:precision:)``, for `horizon`;
  ///   ``PrivacyError/invalidQuery(parameter:value:accepted:)``.
  package init(
    relation: NeighbouringRelation, delta: Double, horizon: DPEvent,
    precision: PLDPrecision = .standard
  ) throws(PrivacyError) {
    try AccountingQuery.require(delta: delta)
    let releases = try LossSchedule(horizon, relation: relation).releases
    let total = releases.reduce(1) { $0 + Double($1.count) }
    self.relation = relation
    self.delta = delta
    tail = max(1e-290, delta * 1e-7 / total)
    var finer = precision
    finer.relativeExcess /= Self.margin
    // Later releases may be asymmetric where the horizon was not.
    let directions: [LossDirection] = relation == .replaceOne ? [.replace] : [.remove, .add]
    for direction in directions {
      let plan = Self.plan(
        Self.thinned(releases, direction, tail: tail, delta: delta), direction, finer, delta)
      let first = Self.plan(Self.prefix(releases), direction, precision, delta)
      // The window of the whole on the finer of both grids; a refined grid is finer than need be.
      var length = plan.length
      while length < Self.largestLength, 2 * first.interval < plan.window / Double(length) {
        length *= 2
      }
      let spectrum = LossSpectrum(
        interval: plan.window / Double(length), tilt: plan.tilt, probes: Self.probes(plan),
        transform: NegacyclicTransform(length: length))
      spectra.append((direction, spectrum))
    }
  }

  private static func plan(
    _ releases: [(release: LossRelease, count: Int)], _ direction: LossDirection,
    _ precision: PLDPrecision, _ delta: Double
  ) -> LossComposition.Plan {
    let composition = LossComposition(
      releases, direction: direction, precision: precision, query: .epsilon(delta: delta))
    return composition.refined(composition.coarse()).plan
  }

  /// The first few releases: their loss is the narrowest that is asked about.
  private static func prefix(
    _ releases: [(release: LossRelease, count: Int)]
  ) -> [(release: LossRelease, count: Int)] {
    var left = earlyReleases
    return releases.prefix(earlyReleases).compactMap { release, count in
      defer { left -= min(left, count) }
      return left > 0 ? (release, min(left, count)) : nil
    }
  }

  /// Fewer different releases that lose a little more: groups of about equal shares of the moment
  /// that decides the tail, each as often as it has members the worst of them.
  private static func thinned(
    _ releases: [(release: LossRelease, count: Int)], _ direction: LossDirection, tail: Double,
    delta: Double
  ) -> [(release: LossRelease, count: Int)] {
    guard releases.count > plannedReleases else { return releases }
    let distributions = releases.map { $0.release.distribution(direction, tail: tail) }
    let whole = LossEstimate(zip(distributions, releases).map { ($0, $1.count) })
    let tilt = whole.tilt(logDelta: log(delta))
    let moments = zip(distributions, releases).map { distribution, release in
      max(0, LossEstimate([(distribution, 1)]).value(tilt: tilt)) * Double(release.count)
    }
    let each = { (index: Int) in moments[index] / Double(releases[index].count) }
    let share = moments.reduce(0, +) / Double(plannedReleases)
    var thinned: [(release: LossRelease, count: Int)] = []
    var sum = Double.infinity
    for index in releases.indices.sorted(by: { each($0) > each($1) }) {
      if sum + moments[index] <= share {
        sum += moments[index]
        thinned[thinned.count - 1].count += releases[index].count
      } else {
        sum = moments[index]
        thinned.append(releases[index])
      }
    }
    return thinned
  }

  /// The bulk of what leads to the horizon is narrower: larger distances bound its tails better.
  private static func probes(_ plan: LossComposition.Plan) -> [Double] {
    plan.probes + [3.0, 10].map { $0 * (plan.probes.max() ?? 1) }
  }

  /// Composes one more event.
  /// - Throws: as ``PLDAccountant/init(_:relation:precision:)``; nothing is added then.
  package mutating func add(_ event: DPEvent) throws(PrivacyError) {
    let schedule = try LossSchedule(event, relation: relation)
    isWithoutNoise = isWithoutNoise || schedule.isWithoutNoise
    guard !isWithoutNoise else { return }
    for (release, count) in schedule.releases {
      self.count += count
      singleEpsilon =
        self.count == 1 ? epsilon(of: release, largestLoss: schedule.largestLoss) : nil
      for index in spectra.indices {
        let loss = DiscretizedLoss(
          release.distribution(spectra[index].direction, tail: tail),
          interval: spectra[index].spectrum.interval)
        spectra[index].spectrum.add(loss, count: count)
      }
    }
  }

  /// Epsilon of everything added so far at the composer's delta, from above.
  package var epsilon: Double {
    guard !isWithoutNoise else { return .infinity }
    return singleEpsilon ?? spectra.map { $0.spectrum.epsilon(delta: delta).epsilon }.max() ?? 0
  }

  private func epsilon(of release: LossRelease, largestLoss: Double) -> Double? {
    let figures = spectra.map { direction, _ in
      SingleLoss(release.distribution(direction, tail: tail), largestLoss: largestLoss)
        .epsilon(delta: delta)
    }
    return figures.allSatisfy { $0.excess <= 1e-3 * $0.value } ? figures.map(\.value).max() : nil
  }
}
