internal import Glibc

/// Adds releases one by one and answers epsilon after each: one spectrum multiplication a release
/// and direction, whatever came before.
///
/// Grid, window and tilt are fixed at the start, so this is as tight as they suit the composition
/// so far; every answer is an upper bound all the same. What it says of a run whose parameters
/// depended on its outcomes is information, not a guarantee: use a filter to decide.
package struct LossComposer: Sendable {
  private var spectra: [(direction: LossDirection, spectrum: LossSpectrum)]
  private let relation: NeighbouringRelation
  private let delta: Double
  private let tail: Double
  private var isWithoutNoise = false

  /// - Parameters:
  ///   - delta: the one to be asked about, in (0, 1).
  ///   - horizon: roughly what will be composed in all; it fixes tilt and window.
  ///   - length: of the grid, a power of two in 2^8...2^22.
  /// - Throws: as ``PLDAccountant/init(_:relation:precision:)``, for `horizon`;
  ///   ``PrivacyError/invalidQuery(parameter:value:accepted:)``.
  package init(
    relation: NeighbouringRelation, delta: Double, horizon: DPEvent, length: Int = 1 << 16
  ) throws(PrivacyError) {
    guard delta > 0, delta < 1 else {
      throw .invalidQuery(parameter: "delta", value: "\(delta)", accepted: "above 0, below 1")
    }
    guard (1 << 8...1 << 22).contains(length), length.nonzeroBitCount == 1 else {
      throw .invalidQuery(
        parameter: "length", value: "\(length)", accepted: "a power of two, 2^8 to 2^22")
    }
    let schedule = try LossSchedule(horizon, relation: relation)
    let releases = schedule.releases
    let total = releases.reduce(1) { $0 + Double($1.count) }
    self.relation = relation
    self.delta = delta
    tail = delta * 1e-7 / total
    let transform = NegacyclicTransform(length: length)
    // Later releases may be asymmetric where the horizon was not.
    let directions: [LossDirection] = relation == .replaceOne ? [.replace] : [.remove, .add]
    spectra = []
    for direction in directions {
      let estimate = LossEstimate(
        releases.map { ($0.release.distribution(direction, tail: tail), $0.count) })
      // Half the tilt of the end suits the beginning better than all of it.
      let tilt = estimate.tilt(logDelta: log(delta)) / 2
      let moments = estimate.moments(tilt: tilt)
      let deviation = max(moments.variance.squareRoot(), 1e-6)
      let reach = max(moments.mean, 0) + 12 * deviation + 9 * deviation
      let probes = [0.05, 0.3, 1.2, 5, 12].map { $0 / deviation }
      spectra.append(
        (
          direction,
          LossSpectrum(
            interval: reach / Double(length), tilt: tilt, probes: probes, transform: transform)
        ))
    }
  }

  /// Composes one more event.
  /// - Throws: as ``PLDAccountant/init(_:relation:precision:)``; nothing is added then.
  package mutating func add(_ event: DPEvent) throws(PrivacyError) {
    let schedule = try LossSchedule(event, relation: relation)
    isWithoutNoise = isWithoutNoise || schedule.isWithoutNoise
    guard !isWithoutNoise else { return }
    for (release, count) in schedule.releases {
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
    return spectra.map { $0.spectrum.epsilon(delta: delta).epsilon }.max() ?? 0
  }
}
