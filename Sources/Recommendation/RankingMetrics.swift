internal import Glibc

/// Accuracy of one list against the items that turned out to be relevant.
///
/// A list holds distinct places, best first; only its first `cutoff` count. A customer without targets
/// has no accuracy: callers leave such customers out, and asking for one is a broken promise.
/// - Source: recommendation-and-evaluation, section 4.
package enum RankingMetrics {
  /// Targets in the list, divided by all targets (not by the cutoff).
  package static func recall(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    Double(hits(list, targets, cutoff)) / Double(targets.count)
  }

  /// Targets in the list, divided by the cutoff.
  package static func precision(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    Double(hits(list, targets, cutoff)) / Double(cutoff)
  }

  /// 1 if a target is in the list, else 0.
  package static func hitRate(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    hits(list, targets, cutoff) > 0 ? 1 : 0
  }

  /// Discounted gain with discount 1 / log2(rank + 2), rank from 0, divided by that of the best list of
  /// min(cutoff, targets) hits.
  package static func ndcg(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    check(targets, cutoff)
    var gain = 0.0
    for (rank, item) in list.prefix(cutoff).enumerated() where targets.contains(item) {
      gain += 1 / log2(Double(rank + 2))
    }
    var ideal = 0.0
    for rank in 0..<min(cutoff, targets.count) { ideal += 1 / log2(Double(rank + 2)) }
    return gain / ideal
  }

  /// Mean over hits of the precision at their rank, divided by min(cutoff, targets) instead of by the
  /// number of hits.
  package static func averagePrecision(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    check(targets, cutoff)
    var found = 0
    var sum = 0.0
    for (rank, item) in list.prefix(cutoff).enumerated() where targets.contains(item) {
      found += 1
      sum += Double(found) / Double(rank + 1)
    }
    return sum / Double(min(cutoff, targets.count))
  }

  /// 1 / (rank + 1) of the first target, rank from 0; 0 if none is in the list.
  package static func reciprocalRank(list: [Int], targets: Set<Int>, cutoff: Int) -> Double {
    check(targets, cutoff)
    guard let rank = list.prefix(cutoff).firstIndex(where: targets.contains) else { return 0 }
    return 1 / Double(rank + 1)
  }

  /// Distinct items over all lists, divided by the items there are.
  ///
  /// - Precondition: `itemCount >= 1`.
  package static func coverage(lists: some Sequence<[Int]>, cutoff: Int, itemCount: Int) -> Double {
    precondition(itemCount >= 1, "coverage is a fraction of the catalogue")
    var shown: Set<Int> = []
    for list in lists { shown.formUnion(list.prefix(cutoff)) }
    return Double(shown.count) / Double(itemCount)
  }

  private static func check(_ targets: Set<Int>, _ cutoff: Int) {
    precondition(!targets.isEmpty && cutoff >= 1, "a figure needs a target and a list")
  }

  private static func hits(_ list: [Int], _ targets: Set<Int>, _ cutoff: Int) -> Int {
    check(targets, cutoff)
    return list.prefix(cutoff).count(where: targets.contains)
  }
}
