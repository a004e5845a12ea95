package import CanonicalJSON
internal import Glibc

/// A model judged as a forecast of what happens: for every customer and ranked item, is it a right
/// answer?
///
/// A score becomes a probability by p = 1 / (1 + exp(-(a x + b))), x = asinh(z) of ``ScoreTally``,
/// with a and b fitted on the half of the customers that is not judged; so is the threshold of F1.
/// Every figure is a mean over both halves, by their pairs.
/// - Source: Platt, "Probabilistic Outputs for Support Vector Machines" (1999), with its targets
///   (N+ + 1) / (N+ + 2) and 1 / (N- + 2).
package struct OutcomeFigures: Equatable, Sendable {
  /// A point of the ROC curve.
  package struct Point: Equatable, Sendable {
    /// Share of the other items at or above the threshold.
    package let falsePositiveRate: Double
    /// Share of the right answers at or above it.
    package let truePositiveRate: Double
  }

  /// Pairs of customer and item judged.
  package let pairs: Int
  /// Share of them that are right answers.
  package let baseRate: Double
  /// Area under ``curve``: over all pairs at once, unlike the mean over customers that a row `auc`
  /// shows.
  package let area: Double
  /// Mean of -ln p of what happened.
  package let logLoss: Double
  /// That of a forecast of the base rate for every pair.
  package let baseLogLoss: Double
  /// Expected calibration error: over ten groups of pairs of (nearly) one size, by ascending p, the
  /// mean of |mean p - share of right answers|, by pairs.
  package let calibrationError: Double
  /// 2 PR / (P + R) over all pairs at the threshold, unlike the mean over customers of their lists that a row
  /// `f1` shows.
  package let f1: Double
  /// Probabilities from which an item counts as foreseen, for even and for odd customers; each is
  /// the one with the highest F1 on the other half.
  package let thresholds: [Double]
  /// From (0, 0) to (1, 1), by descending threshold; one point for each bin that holds a pair.
  package let curve: [Point]

  private static let calibrationGroups = 10.0

  /// - Returns: nil if a half has no right answer, or nothing but right answers.
  package init?(_ tally: ScoreTally) {
    var losses: [Double] = []
    var errors: [Double] = []
    var weights: [Double] = []
    var thresholds: [Double] = []
    var confusion = Confusion()
    var baseLosses = 0.0
    for half in tally.halves.indices {
      let judged = tally.halves[half]
      let other = tally.halves[1 - half]
      let counts = [judged, other].map { ($0.positives.reduce(0, +), $0.negatives.reduce(0, +)) }
      guard counts.allSatisfy({ $0.0 > 0 && $0.1 > 0 }) else { return nil }
      let line = LogisticLine(fitting: other)
      weights.append(Double(counts[0].0 + counts[0].1))
      losses.append(line.logLoss(of: judged))
      errors.append(line.calibrationError(of: judged, groups: Self.calibrationGroups))
      let cut = Confusion.bestCut(of: other)
      thresholds.append(line.probability(atBin: cut))
      confusion.add(judged, from: cut)
      let rate = Double(counts[1].0) / Double(counts[1].0 + counts[1].1)
      baseLosses -= Double(counts[0].0) * log(rate) + Double(counts[0].1) * log(1 - rate)
    }
    let total = weights.reduce(0, +)
    func mean(_ values: [Double]) -> Double {
      zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
    }
    pairs = Int(total)
    logLoss = mean(losses)
    baseLogLoss = baseLosses / total
    calibrationError = mean(errors)
    f1 = confusion.f1
    self.thresholds = thresholds
    let curve = Self.curve(tally)
    self.curve = curve
    area = zip(curve, curve.dropFirst()).reduce(0) { sum, ends in
      sum + (ends.1.falsePositiveRate - ends.0.falsePositiveRate)
        * (ends.1.truePositiveRate + ends.0.truePositiveRate) / 2
    }
    baseRate =
      Double(tally.halves.reduce(0) { $0 + $1.positives.reduce(0, +) }) / total
  }

  private static func curve(_ tally: ScoreTally) -> [Point] {
    var positives = [Int](repeating: 0, count: ScoreTally.binCount)
    var negatives = positives
    for half in tally.halves {
      for bin in positives.indices {
        positives[bin] += half.positives[bin]
        negatives[bin] += half.negatives[bin]
      }
    }
    let allPositives = Double(positives.reduce(0, +))
    let allNegatives = Double(negatives.reduce(0, +))
    var points = [Point(falsePositiveRate: 0, truePositiveRate: 0)]
    var (hits, alarms) = (0, 0)
    for bin in positives.indices.reversed() where positives[bin] + negatives[bin] > 0 {
      hits += positives[bin]
      alarms += negatives[bin]
      points.append(
        Point(
          falsePositiveRate: Double(alarms) / allNegatives,
          truePositiveRate: Double(hits) / allPositives))
    }
    return points
  }

  /// The form of `tacit compare --json`.
  package var json: JSONValue {
    .object([
      "pairs": .integer(Int64(pairs)), "base_rate": .number(baseRate),
      "auc_over_all_pairs": .number(area), "log_loss": .number(logLoss),
      "log_loss_of_base_rate": .number(baseLogLoss),
      "calibration_error": .number(calibrationError), "f1_over_all_pairs": .number(f1),
      "f1_thresholds": .array(thresholds.map(JSONValue.number)),
      "threshold_origin": .string(Self.thresholdOrigin),
      "roc": .array(
        curve.map {
          JSONValue.array([.number($0.falsePositiveRate), .number($0.truePositiveRate)])
        }),
    ])
  }

  /// For every report that shows an F1 over pairs.
  package static let thresholdOrigin =
    "highest F1 on the other half of the customers; probabilities are fitted there too"
}

/// The probability of a right answer, logistic in the place of a bin.
private struct LogisticLine {
  private(set) var slope = 0.0
  private(set) var intercept = 0.0

  private static let iterations = 50
  private static let smallestStep = 1e-10

  /// Newton's method on the mean log loss; a half whose right answers all lie in one bin gives
  /// slope 0 or a finite one, thanks to Platt's targets.
  init(fitting half: ScoreTally.Half) {
    let positives = Double(half.positives.reduce(0, +))
    let negatives = Double(half.negatives.reduce(0, +))
    let high = (positives + 1) / (positives + 2)
    let low = 1 / (negatives + 2)
    intercept = log((positives + 1) / (negatives + 1))
    for _ in 0..<Self.iterations {
      var (gradientSlope, gradientIntercept) = (0.0, 0.0)
      var (squares, products, count) = (1e-12, 0.0, 1e-12)
      for bin in 0..<ScoreTally.binCount {
        let here = Double(half.positives[bin] + half.negatives[bin])
        guard here > 0 else { continue }
        let x = ScoreTally.place(ofBin: bin)
        let p = probability(atBin: bin)
        let wanted = Double(half.positives[bin]) * high + Double(half.negatives[bin]) * low
        let residual = here * p - wanted
        gradientSlope += residual * x
        gradientIntercept += residual
        let curvature = here * p * (1 - p)
        squares += curvature * x * x
        products += curvature * x
        count += curvature
      }
      let determinant = squares * count - products * products
      guard determinant > 0 else { return }
      let slopeStep = (count * gradientSlope - products * gradientIntercept) / determinant
      let interceptStep = (squares * gradientIntercept - products * gradientSlope) / determinant
      // A step of more than 2 would leave the region where the second derivative says anything.
      let shrink = min(1, 2 / max(abs(slopeStep), abs(interceptStep), 1e-300))
      slope -= shrink * slopeStep
      intercept -= shrink * interceptStep
      if max(abs(slopeStep), abs(interceptStep)) < Self.smallestStep { return }
    }
  }

  func probability(atBin bin: Int) -> Double {
    1 / (1 + exp(-(slope * ScoreTally.place(ofBin: bin) + intercept)))
  }

  func logLoss(of half: ScoreTally.Half) -> Double {
    var (sum, pairs) = (0.0, 0.0)
    for bin in 0..<ScoreTally.binCount {
      let line = slope * ScoreTally.place(ofBin: bin) + intercept
      // -ln p = ln(1 + e^-line), -ln(1 - p) = ln(1 + e^line), without overflow.
      let tail = log1p(exp(-abs(line)))
      sum += Double(half.positives[bin]) * (max(-line, 0) + tail)
      sum += Double(half.negatives[bin]) * (max(line, 0) + tail)
      pairs += Double(half.positives[bin] + half.negatives[bin])
    }
    return sum / pairs
  }

  func calibrationError(of half: ScoreTally.Half, groups: Double) -> Double {
    let pairs = Double(half.positives.reduce(0, +) + half.negatives.reduce(0, +))
    let bins = Array(0..<ScoreTally.binCount)
    var error = 0.0
    var (here, expected, found) = (0.0, 0.0, 0.0)
    for bin in slope < 0 ? bins.reversed() : bins {
      let count = Double(half.positives[bin] + half.negatives[bin])
      here += count
      expected += count * probability(atBin: bin)
      found += Double(half.positives[bin])
      if here >= pairs / groups {
        error += abs(expected - found)
        (here, expected, found) = (0, 0, 0)
      }
    }
    return (error + abs(expected - found)) / pairs
  }
}

/// Counts at a threshold.
private struct Confusion {
  private var hits = 0
  private var alarms = 0
  private var misses = 0

  var f1: Double {
    hits == 0 ? 0 : 2 * Double(hits) / Double(2 * hits + alarms + misses)
  }

  mutating func add(_ half: ScoreTally.Half, from cut: Int) {
    hits += half.positives[cut...].reduce(0, +)
    alarms += half.negatives[cut...].reduce(0, +)
    misses += half.positives[..<cut].reduce(0, +)
  }

  /// The lowest bin that counts as foreseen, for the highest F1; of equal ones the highest bin.
  static func bestCut(of half: ScoreTally.Half) -> Int {
    var best = (cut: ScoreTally.binCount - 1, f1: -1.0)
    var running = Confusion()
    running.misses = half.positives.reduce(0, +)
    for bin in (0..<ScoreTally.binCount).reversed() {
      running.hits += half.positives[bin]
      running.misses -= half.positives[bin]
      running.alarms += half.negatives[bin]
      if running.f1 > best.f1 { best = (bin, running.f1) }
    }
    return best.cut
  }
}
