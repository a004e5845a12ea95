internal import Glibc

// Figures of a list beside its accuracy, and of a whole ranking.
extension RankingMetrics {
  /// Harmonic mean of precision and recall of the list, 2 hits / (cutoff + targets).
  package static func f1(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    let hits = recall(list: list, targets: targets, cutoff: cutoff) * Double(targets.count)
    return 2 * hits.rounded() / Double(cutoff + targets.count)
  }

  /// The chance that a target has a higher score than another item, equal scores counted half: the
  /// area under the ROC curve of one customer. 0.5 where there is no target or nothing else.
  ///
  /// - Parameters:
  ///   - scores: of all items in question; finite.
  ///   - isTarget: one for each of them.
  /// - Complexity: O(items · log targets).
  /// - Source: Mann and Whitney (1947); Hanley and McNeil (1982).
  package static func areaUnderCurve(scores: [Float], isTarget: [Bool]) -> Double {
    precondition(scores.count == isTarget.count, "a mark for each score")
    let targets = zip(scores, isTarget).filter(\.1).map(\.0).sorted()
    let others = scores.count - targets.count
    guard !targets.isEmpty, others > 0 else { return 0.5 }
    // In halves, so that the sum is exact.
    var halves = 0
    for (score, isTarget) in zip(scores, isTarget) where !isTarget {
      let below = targets.partitioningIndex { $0 >= score }
      let notAbove = targets.partitioningIndex { $0 > score }
      halves += 2 * (targets.count - notAbove) + (notAbove - below)
    }
    return Double(halves) / (2 * Double(targets.count) * Double(others))
  }

  /// What it tells about a customer that an item was bought: -log2((c + 1) / (n + 1)) bits for c of
  /// n customers.
  ///
  /// - Parameter customersOfItem: c, one an item, each at most `customers`.
  package static func noveltyBits(customersOfItem: [Int], customers: Int) -> [Double] {
    customersOfItem.map { log2(Double(customers + 1) / Double($0 + 1)) }
  }

  /// Mean of `bits` over the list; 0 for an empty one.
  package static func novelty(list: [Int], bits: [Double]) -> Double {
    list.isEmpty ? 0 : list.reduce(0) { $0 + bits[$1] } / Double(list.count)
  }

  /// Mean of 1 - cosine over all pairs of the list; 0 for fewer than two items.
  package static func diversity(list: [Int], features: ItemFeatures) -> Double {
    guard list.count > 1 else { return 0 }
    var sum = 0.0
    for (place, first) in list.enumerated() {
      for second in list[(place + 1)...] { sum += 1 - Double(features.cosine(first, second)) }
    }
    return 2 * sum / (Double(list.count) * Double(list.count - 1))
  }

  /// Gini coefficient of how often each item of the catalogue is in a list: 0 when all are alike,
  /// 1 - 1/n when one of n has every place. 0 without lists.
  ///
  /// - Source: with x ascending, sum of (2 i - n - 1) x_i over n times the sum of x, i from 1.
  package static func gini(lists: some Sequence<[Int]>, cutoff: Int, itemCount: Int) -> Double {
    precondition(itemCount >= 1, "exposure is spread over a catalogue")
    var exposure = [Int](repeating: 0, count: itemCount)
    for list in lists {
      for item in list.prefix(cutoff) { exposure[item] += 1 }
    }
    let total = exposure.reduce(0, +)
    guard total > 0 else { return 0 }
    var weighted = 0.0
    for (index, count) in exposure.sorted().enumerated() {
      weighted += Double(2 * (index + 1) - itemCount - 1) * Double(count)
    }
    return weighted / (Double(itemCount) * Double(total))
  }
}

extension Array where Element == Float {
  /// The first index for which `belongs` holds, given that it holds from there on; the count if for
  /// none.
  fileprivate func partitioningIndex(where belongs: (Float) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if belongs(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
