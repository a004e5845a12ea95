internal import CanonicalJSON
internal import Glibc

/// How often items of each score were right answers, over all questions of a task: what a ROC
/// curve, a calibrated probability or a threshold needs, without keeping every score.
///
/// Models score in different units and customers in different ranges. So a score counts as its
/// number of standard deviations z from the mean of the items ranked for that customer, on the
/// scale asinh(z), in ``binCount`` equal bins over ±``range``. Items in one bin count as tied.
/// Customers of even and odd index are apart: what is chosen on one half is judged on the other.
package struct ScoreTally: Equatable, Sendable {
  /// Half of the customers.
  package struct Half: Equatable, Sendable {
    /// Right answers in each bin.
    package fileprivate(set) var positives: [Int]
    /// Other ranked items in each bin.
    package fileprivate(set) var negatives: [Int]

    package init(positives: [Int], negatives: [Int]) {
      precondition(
        positives.count == ScoreTally.binCount && negatives.count == ScoreTally.binCount,
        "a half has a count for each bin")
      self.positives = positives
      self.negatives = negatives
    }

    fileprivate init() {
      positives = [Int](repeating: 0, count: ScoreTally.binCount)
      negatives = positives
    }
  }

  /// Bins of a half.
  package static let binCount = 1024
  /// asinh of 33 standard deviations; what lies beyond counts in the last bin.
  private static let range = 4.2

  /// Customers of even index, then of odd index.
  package private(set) var halves = [Half(), Half()]

  package init() {}

  package init(even: Half, odd: Half) { halves = [even, odd] }

  /// asinh(z) in the middle of a bin.
  package static func place(ofBin bin: Int) -> Double {
    (2 * (Double(bin) + 0.5) / Double(binCount) - 1) * range
  }

  /// Counts the items that were ranked for one customer.
  ///
  /// - Parameters:
  ///   - scores: of the ranked items; finite.
  ///   - isTarget: whether each was a right answer.
  mutating func add(scores: [Float], isTarget: [Bool], customer: Int) {
    let count = Double(scores.count)
    let mean = scores.reduce(0.0) { $0 + Double($1) } / count
    let squares = scores.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    let deviation = (squares / count).squareRoot()
    let half = customer & 1
    for (score, isTarget) in zip(scores, isTarget) {
      let standardized = deviation > 0 ? (Double(score) - mean) / deviation : 0
      let place = (asinh(standardized) / Self.range + 1) / 2 * Double(Self.binCount)
      let bin = Int(min(max(place, 0), Double(Self.binCount - 1)))
      if isTarget {
        halves[half].positives[bin] += 1
      } else {
        halves[half].negatives[bin] += 1
      }
    }
  }

  mutating func add(_ other: ScoreTally) {
    for half in halves.indices {
      for bin in 0..<Self.binCount {
        halves[half].positives[bin] += other.halves[half].positives[bin]
        halves[half].negatives[bin] += other.halves[half].negatives[bin]
      }
    }
  }
}

extension ScoreTally {
  /// The form kept in the cache.
  var json: JSONValue {
    .array(
      halves.flatMap { [$0.positives, $0.negatives] }.map { counts in
        .array(counts.map { .integer(Int64($0)) })
      })
  }

  /// - Returns: nil for anything that `json` does not write.
  init?(json: JSONValue) {
    guard case .array(let lists) = json, lists.count == 4 else { return nil }
    var counts: [[Int]] = []
    for list in lists {
      guard case .array(let values) = list, values.count == Self.binCount else { return nil }
      let numbers = values.compactMap(\.integerValue).filter { $0 >= 0 }.map(Int.init)
      guard numbers.count == Self.binCount else { return nil }
      counts.append(numbers)
    }
    self.init(
      even: Half(positives: counts[0], negatives: counts[1]),
      odd: Half(positives: counts[2], negatives: counts[3]))
  }
}
