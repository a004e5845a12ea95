internal import Glibc

/// Chooses tilt, grid and window for one composition and reads upper bounds from it.
///
/// Discretisation adds about (1+θ)/2 × V to epsilon, where θ is the slope of ln delta and V what it
/// adds to the variance. V of a grid is at least twice, and for smooth losses four times, that of
/// the grid of half the interval: two nested grids tell the excess of the finer one.
struct LossComposition {
  /// What to read.
  enum Query {
    case epsilon(delta: Double)
    case delta(epsilon: Double)
  }

  struct Answer {
    var reading: LossSpectrum.Reading
    let plan: Plan
    /// Bound of the excess over the truth, in epsilon; infinite where only one grid was read.
    var excess = Double.infinity
  }

  private let releases: [(release: LossRelease, count: Int)]
  private let direction: LossDirection
  private let precision: PLDPrecision
  private let query: Query
  private let totalCount: Double
  private let tail: Double
  private let estimate: LossEstimate
  private let distributions: [LossDistribution]

  /// Mass outside the window, on either side, is to be e^-14 of the answer.
  private static let windowExponent = 14.0
  private static let largestLength = 1 << 21
  /// Of the first grids, of which several tilts are tried.
  private static let largestCoarseLength = 1 << 18
  /// A lattice of losses is taken as the grid, whatever the precision, up to here.
  private static let largestLattice = 1 << 16
  private static let smallestLength = 1 << 8
  private static let mostAttempts = 6
  private static let mostPictures = 4
  private static let finerGrids = 16.0

  init(
    _ releases: [(release: LossRelease, count: Int)], direction: LossDirection,
    precision: PLDPrecision, query: Query
  ) {
    self.releases = releases
    self.direction = direction
    self.precision = precision
    self.query = query
    let total = releases.reduce(0) { $0 + Double($1.count) }
    totalCount = total
    let spectra = { (tail: Double) in
      releases.map { $0.release.distribution(direction, tail: tail) }
    }
    let picture = { (distributions: [LossDistribution]) in
      LossEstimate(zip(distributions, releases).map { ($0, $1.count) })
    }
    switch query {
    case .epsilon(let delta):
      tail = max(1e-290, delta * 1e-7 / total)
      distributions = spectra(tail)
      estimate = picture(distributions)
    case .delta(let epsilon):
      // Only a picture tells the size of delta that truncation has to stay below; one that was cut
      // short shows too large a delta, and the next one is deeper.
      var (depth, first) = (1e-20, picture(spectra(1e-20 / total)))
      for _ in 0..<Self.mostPictures {
        let tilt = first.tilt(epsilon: epsilon)
        let moments = first.moments(tilt: tilt)
        let logDelta = max(-640, min(0, moments.value - tilt * moments.mean) - 5)
        let deeper = max(1e-290, min(1e-20, exp(logDelta) * 1e-7))
        guard deeper < depth else { break }
        depth = deeper
        first = picture(spectra(max(1e-290, depth / total)))
      }
      tail = max(1e-290, depth / total)
      distributions = spectra(tail)
      estimate = first
    }
  }

  /// A first answer on a grid of twice the interval that the precision wants.
  func coarse() -> Answer {
    let steep = tilt(logShift: 0)
    // A tilt that suits a larger delta keeps enough accuracy where it matters and gives less weight
    // to what lies far above. Where the normal approximation is off, another one may do better.
    var best: (answer: Answer, score: Double)?
    for tilt in [
      tilt(logShift: 10), tilt(logShift: 4), steep, steep * 0.3, steep * 0.6, steep * 3,
      steep * 0.05, 0,
    ] {
      let answer = evaluate(plan(tilt: tilt, slope: steep))
      let score = score(answer)
      let isFirstInside = answer.reading.isInside && best?.answer.reading.isInside != true
      let isComparable = answer.reading.isInside == best?.answer.reading.isInside
      if isFirstInside || best == nil || isComparable && score < best?.score ?? .infinity {
        best = (answer, score)
      }
      if answer.reading.isInside,
        Self.finerGrids * answer.reading.roundingExcess <= tolerance(answer) / 2
      {
        break
      }
    }
    guard let best else { preconditionFailure("several tilts were tried") }
    return best.answer
  }

  /// The figure with the round-off that it would have on the grids to come, which grows with the
  /// root of their lengths, and a margin.
  private func score(_ answer: Answer) -> Double {
    let rounding = Self.finerGrids * answer.reading.roundingExcess
    return switch query {
    case .epsilon: answer.reading.epsilon + rounding
    case .delta: answer.reading.logDelta + rounding * answer.reading.slope
    }
  }

  /// Divides the interval until the excess, told by two nested grids, is within the precision.
  func refined(_ coarse: Answer) -> Answer {
    guard coarse.reading.epsilon < .infinity, coarse.reading.isInside else { return coarse }
    guard !coarse.plan.isExact else {
      var answer = coarse
      answer.excess = coarse.reading.roundingExcess
      return answer
    }
    var (last, ratio) = (coarse, 2.0)
    for _ in 0..<Self.mostAttempts {
      guard let plan = divided(last.plan, by: ratio) else { break }
      var next = evaluate(plan)
      guard next.reading.isInside else { break }
      let excess = max(0, difference(last, next)) / (ratio - 1)
      next.excess = excess + next.reading.roundingExcess
      // Where rounding made the coarser figure the smaller one, it stands.
      if !isBetter(next, last) { next.reading = last.reading }
      last = next
      let tolerance = tolerance(next)
      if excess <= tolerance { break }
      // The next grid states about a quarter of this, divided by its ratio less one.
      ratio = [2.0, 4, 8].first { 0.35 * excess / ($0 - 1) <= tolerance } ?? 16
    }
    return last
  }

  private func isBetter(_ next: Answer, _ best: Answer) -> Bool {
    switch query {
    case .epsilon: next.reading.epsilon <= best.reading.epsilon
    case .delta: next.reading.logDelta <= best.reading.logDelta
    }
  }

  /// What the finer grid gained, in epsilon.
  private func difference(_ coarse: Answer, _ fine: Answer) -> Double {
    switch query {
    case .epsilon: coarse.reading.epsilon - fine.reading.epsilon
    case .delta:
      (coarse.reading.logDelta - fine.reading.logDelta) / max(fine.reading.slope, 1e-300)
    }
  }

  private func tolerance(_ answer: Answer) -> Double {
    switch query {
    case .epsilon: tolerance(answer.reading.epsilon)
    case .delta:
      precision.relativeExcess * max(answer.reading.epsilon, 1 / max(answer.reading.slope, 1e-300))
    }
  }

  private func tolerance(_ epsilon: Double) -> Double {
    max(precision.relativeExcess * epsilon, precision.absoluteExcess)
  }

  /// The tilt that suits a delta e^`logShift` times that of the query, up to 1/4.
  private func tilt(logShift: Double) -> Double {
    switch query {
    case .epsilon(let delta): return estimate.tilt(logDelta: min(log(delta) + logShift, log(0.25)))
    case .delta(let epsilon):
      let tilt = estimate.tilt(epsilon: epsilon)
      guard logShift > 0, tilt > 0 else { return tilt }
      let moments = estimate.moments(tilt: tilt)
      let logDelta = moments.value - tilt * moments.mean
      return min(tilt, estimate.tilt(logDelta: min(logDelta + logShift, log(0.25))))
    }
  }
}

extension LossComposition {
  struct Plan {
    let tilt: Double
    let interval: Double
    let length: Int
    let probes: [Double]
    /// Whether all losses fall on the grid, so that discretisation adds nothing.
    var isExact = false

    var window: Double { interval * Double(length) }
  }

  private var lengthLimit: Int {
    // Many different releases cost a transform each.
    let share = (1 << 27) / max(1, releases.count)
    let power = 1 << (Int.bitWidth - 1 - share.leadingZeroBitCount)
    return min(Self.largestLength, max(1 << 14, power))
  }

  /// The grid of twice the interval that the precision wants, filling a power of two.
  /// - Parameter steep: the tilt whose mean is near the answer.
  private func plan(tilt: Double, slope steep: Double) -> Plan {
    let moments = estimate.moments(tilt: tilt)
    let deviation = max(moments.variance.squareRoot(), 1e-12 * (1 + abs(moments.mean)))
    let slope = steep + 1 / deviation
    let tolerance: Double =
      switch query {
      case .epsilon: tolerance(max(0, estimate.moments(tilt: steep).mean))
      case .delta(let epsilon): precision.relativeExcess * max(epsilon, 1 / slope)
      }
    let exponent = exponent(tilt: tilt, steep: steep)
    let probes = probes(tilt: tilt, deviation: deviation, exponent: exponent)
    let reach = reach(tilt: tilt, probes: probes, exponent: exponent)
    // A third of the tolerance is the excess of the finer grid; h²/12 per release of a smooth loss.
    var interval = min(
      2 * (4 * tolerance / ((1 + slope) * totalCount)).squareRoot(), reach / 128)
    let coarseLimit = min(lengthLimit / 2, Self.largestCoarseLength)
    let finest = reach / Double(coarseLimit - 8)
    for _ in 0..<(releases.count > 64 ? 1 : 4) {
      interval = max(interval, finest)
      let ratio = (1 + slope) / 2 * spread(interval: interval, tilt: steep) / (2 * tolerance)
      guard ratio > 1.3 && interval > finest || ratio < 0.4 && reach / interval > 1024 else {
        break
      }
      let factor = ratio > 0 ? (0.9 / ratio).squareRoot() : 16
      interval = min(interval * min(16, max(1 / 64, factor)), reach / 128)
    }
    if releases.contains(where: \.release.hasAtoms) {
      // A single atom moves by up to one interval; many of them are as good as smooth.
      interval = min(interval, max(2 * tolerance / min(totalCount, 16), reach / 0x1p15))
    }
    interval = max(interval, finest)
    var length = Self.smallestLength
    while Double(length) * 1.2 < reach / interval, length < coarseLimit { length *= 2 }
    return aligned(
      Plan(tilt: tilt, interval: reach / Double(length - 8), length: length, probes: probes),
      reach: reach)
  }

  /// Losses that are all multiples of one unit fall on a grid that divides it, without any error.
  private func aligned(_ plan: Plan, reach: Double) -> Plan {
    guard releases.count == 1, let unit = releases[0].release.latticeUnit else { return plan }
    var length = Self.smallestLength
    while Double(length - 8) < reach / unit, length < Self.largestCoarseLength { length *= 2 }
    if length <= max(plan.length, Self.largestLattice) {
      return Plan(
        tilt: plan.tilt, interval: unit, length: length, probes: plan.probes, isExact: true)
    }
    let share = (unit / plan.interval).rounded(.down)
    guard share >= 1 else { return plan }
    return Plan(
      tilt: plan.tilt, interval: unit / share, length: plan.length, probes: plan.probes)
  }

  /// -ln of the mass that may lie outside the window under the tilted measure.
  private func exponent(tilt: Double, steep: Double) -> Double {
    let moments = estimate.moments(tilt: steep)
    let (epsilon, logDelta) =
      switch query {
      case .epsilon(let delta): (moments.mean, log(delta))
      case .delta(let epsilon): (epsilon, moments.value - steep * moments.mean - 4)
      }
    let tilted = logDelta + tilt * epsilon - estimate.value(tilt: tilt)
    return min(44, max(14, Self.windowExponent - tilted))
  }

  /// The same tilt on a nested grid, or nil if that takes too much.
  private func divided(_ plan: Plan, by ratio: Double) -> Plan? {
    let length = plan.length * Int(ratio)
    guard length <= lengthLimit else { return nil }
    return Plan(
      tilt: plan.tilt, interval: plan.interval / ratio, length: length, probes: plan.probes)
  }

  private func spread(interval: Double, tilt: Double) -> Double {
    var sum = 0.0
    for (distribution, release) in zip(distributions, releases) {
      let loss = DiscretizedLoss(distribution, interval: interval)
      let moment = loss.logMoment(tilt: tilt)
      sum += Double(release.count) * loss.spread(tilt: tilt, logMoment: moment)
    }
    return sum
  }

  private func evaluate(_ plan: Plan) -> Answer {
    var spectrum = LossSpectrum(
      interval: plan.interval, tilt: plan.tilt, probes: plan.probes,
      transform: NegacyclicTransform(length: plan.length))
    for (distribution, release) in zip(distributions, releases) {
      spectrum.add(
        DiscretizedLoss(distribution, interval: plan.interval), count: release.count)
    }
    let reading =
      switch query {
      case .epsilon(let delta): spectrum.epsilon(delta: delta)
      case .delta(let epsilon): spectrum.delta(epsilon: epsilon)
      }
    return Answer(reading: reading, plan: plan)
  }

  /// Distances from the tilt at which moments bound what lies outside the window: the best one
  /// above and the best one below.
  private func probes(tilt: Double, deviation: Double, exponent: Double) -> [Double] {
    // For a normal bulk the best is √(2 × exponent) over its deviation; a skewed one wants less.
    // Where all but rare outcomes have one loss, a deviation says nothing: the others are absolute.
    let candidates =
      [0.002, 0.006, 0.02, 0.06, 0.2, 0.6, 1.3, 2.8, 5, 8.4, 16].map { $0 / deviation }
      + [0.01, 0.05, 0.2, 0.7, 2, 8]
    let moment = estimate.value(tilt: tilt)
    var best = [(candidates[0], Double.infinity), (candidates[0], Double.infinity)]
    for candidate in candidates {
      for (side, sign) in [1.0, -1.0].enumerated() {
        let value = estimate.value(tilt: tilt + sign * candidate)
        let reach = (value - moment + exponent) / candidate
        if reach < best[side].1 { best[side] = (candidate, reach) }
      }
    }
    return best[0].0 == best[1].0 ? [best[0].0] : [best[0].0, best[1].0]
  }

  private func reach(tilt: Double, probes: [Double], exponent: Double) -> Double {
    let moment = estimate.value(tilt: tilt)
    var (upper, lower) = (Double.infinity, Double.infinity)
    for probe in probes {
      upper = min(
        upper, (estimate.value(tilt: tilt + probe) - moment + exponent) / probe)
      lower = min(
        lower, (estimate.value(tilt: tilt - probe) - moment + exponent) / probe)
    }
    return (upper + lower) * 1.02
  }
}

/// How close to the truth an answer of the PLD accountant is to be.
package struct PLDPrecision: Sendable, Equatable {
  /// Excess over the true epsilon that the answer may state, relative and absolute; the larger one
  /// counts.
  package var relativeExcess: Double
  package var absoluteExcess: Double

  /// 0.1 %.
  package static let standard = PLDPrecision(relativeExcess: 1e-3, absoluteExcess: 1e-8)

  /// For the first steps of a calibration.
  static let coarse = PLDPrecision(relativeExcess: 2e-2, absoluteExcess: 1e-6)
}
