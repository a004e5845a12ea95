package import CanonicalJSON
internal import Glibc

/// How well probabilities foresee what happened to single examples.
///
/// Like ``OutcomeFigures``, but of probabilities that a model gives itself, one an example: they are judged as
/// they are, with no calibration fitted afterwards, and the threshold of F1 comes from the training part.
package struct ResponseFigures: Equatable, Sendable {
  /// A probability and what happened.
  package struct Forecast: Equatable, Sendable {
    /// Strictly between 0 and 1.
    package let probability: Double
    package let isResponse: Bool

    package init(probability: Double, isResponse: Bool) {
      self.probability = probability
      self.isResponse = isResponse
    }
  }

  /// For every report that shows this F1.
  package static let thresholdOrigin =
    "highest F1 on the training part, from raw data: not charged"
  private static let calibrationGroups = 10

  /// Examples judged.
  package let examples: Int
  /// Share of them that responded.
  package let baseRate: Double
  /// Area under ``curve``: the chance that a response has a higher probability than no response, ties half.
  package let area: Double
  /// Mean of -ln p of what happened.
  package let logLoss: Double
  /// Over groups by descending probability: the mean of |mean probability - share of responses|, by
  /// examples. A group is closed once it has a tenth of the examples; those of one probability are never
  /// apart, since their order says nothing.
  package let calibrationError: Double
  /// 2 PR / (P + R) at ``threshold``.
  package let f1: Double
  /// From this probability on a response is foreseen.
  package let threshold: Double
  /// From (0, 0) to (1, 1), one point a distinct probability, descending.
  package let curve: [OutcomeFigures.Point]
  /// What each example adds to ``area``, in the order given: their mean is the area, and their variance is that
  /// of the area, up to terms of second order.
  ///
  /// - Source: DeLong, DeLong, Clarke-Pearson, "Comparing the areas under two or more correlated receiver
  ///   operating characteristic curves", Biometrics 1988, equations 5 and 6.
  package let areaShares: [Double]

  /// - Parameters:
  ///   - judged: at least one response and one other.
  ///   - training: the same model's forecasts of the examples it learned from, for the threshold.
  /// - Returns: nil if either part has only responses or only others.
  package init?(_ judged: [Forecast], training: [Forecast]) {
    let positives = judged.count(where: \.isResponse)
    let negatives = judged.count - positives
    guard positives > 0, negatives > 0, training.contains(where: \.isResponse),
      training.contains(where: { !$0.isResponse })
    else { return nil }
    let groups = Self.descending(judged)
    var curve = [OutcomeFigures.Point(falsePositiveRate: 0, truePositiveRate: 0)]
    var (hits, alarms) = (0.0, 0.0)
    var shares = [Double](repeating: 0, count: judged.count)
    var area = 0.0
    for group in groups {
      let responses = Double(group.count { judged[$0].isResponse })
      let others = Double(group.count) - responses
      for place in group {
        // The share of the other class that this example is on the right side of.
        shares[place] =
          judged[place].isResponse
          ? 1 - (alarms + others / 2) / Double(negatives)
          : (hits + responses / 2) / Double(positives)
      }
      area += others * (hits + responses / 2)
      hits += responses
      alarms += others
      curve.append(
        OutcomeFigures.Point(
          falsePositiveRate: alarms / Double(negatives),
          truePositiveRate: hits / Double(positives)))
    }
    area /= Double(positives) * Double(negatives)
    let count = Double(judged.count)
    areaShares = judged.indices.map { place in
      let size = judged[place].isResponse ? positives : negatives
      return area + count / Double(size) * (shares[place] - area)
    }
    examples = judged.count
    baseRate = Double(positives) / count
    self.area = area
    self.curve = curve
    logLoss = judged.reduce(0) { $0 + Self.loss(of: $1) } / count
    calibrationError = Self.calibrationError(judged, tied: groups)
    threshold = Self.threshold(of: training)
    f1 = Self.f1(of: judged, threshold: threshold)
  }

  /// -ln p of what happened.
  package static func loss(of forecast: Forecast) -> Double {
    -log(forecast.isResponse ? forecast.probability : 1 - forecast.probability)
  }

  /// Places by descending probability, those of one probability together.
  private static func descending(_ forecasts: [Forecast]) -> [[Int]] {
    let order = forecasts.indices.sorted {
      (forecasts[$1].probability, $0) < (forecasts[$0].probability, $1)
    }
    var groups: [[Int]] = []
    for place in order {
      if let last = groups.last?.last, forecasts[last].probability == forecasts[place].probability {
        groups[groups.count - 1].append(place)
      } else {
        groups.append([place])
      }
    }
    return groups
  }

  private static func calibrationError(_ forecasts: [Forecast], tied: [[Int]]) -> Double {
    let size = Double(forecasts.count) / Double(calibrationGroups)
    var (error, here, gap) = (0.0, 0.0, 0.0)
    for places in tied {
      here += Double(places.count)
      gap += places.reduce(0.0) {
        $0 + forecasts[$1].probability - (forecasts[$1].isResponse ? 1 : 0)
      }
      if here >= size {
        error += abs(gap)
        (here, gap) = (0, 0)
      }
    }
    return (error + abs(gap)) / Double(forecasts.count)
  }

  private static func threshold(of forecasts: [Forecast]) -> Double {
    let positives = forecasts.count(where: \.isResponse)
    var (hits, foreseen) = (0, 0)
    var best = (f1: -1.0, threshold: 1.0)
    for group in descending(forecasts) {
      hits += group.count { forecasts[$0].isResponse }
      foreseen += group.count
      let f1 = 2 * Double(hits) / Double(positives + foreseen)
      if f1 > best.f1, let place = group.first { best = (f1, forecasts[place].probability) }
    }
    return best.threshold
  }

  private static func f1(of forecasts: [Forecast], threshold: Double) -> Double {
    let foreseen = forecasts.filter { $0.probability >= threshold }
    let hits = foreseen.count(where: \.isResponse)
    return 2 * Double(hits) / Double(foreseen.count + forecasts.count(where: \.isResponse))
  }

  /// The form of `tacit evaluate response --json`.
  package func json(withCurve: Bool) -> JSONValue {
    var members: [String: JSONValue] = [
      "examples": .integer(Int64(examples)), "base_rate": .number(baseRate),
      "auc": .number(area), "log_loss": .number(logLoss),
      "calibration_error": .number(calibrationError), "f1": .number(f1),
      "f1_threshold": .number(threshold), "threshold_origin": .string(Self.thresholdOrigin),
    ]
    if withCurve {
      members["roc"] = .array(
        curve.map { .array([.number($0.falsePositiveRate), .number($0.truePositiveRate)]) })
    }
    return .object(members)
  }
}
