import Testing
import VectorMath

@testable import Recommendation

@Suite struct RankingTests {
  @Test("the list agrees with a full sort, ties by ascending place")
  func agreesWithSort() {
    var random = SeededRandom(seed: 1)
    for _ in 0..<200 {
      let count = Int.random(in: 0...60, using: &random)
      // Few distinct values, so that ties are common.
      let scores = (0..<count).map { _ in Float(Int.random(in: 0...8, using: &random)) }
      let excluded = Set((0..<count).filter { _ in Bool.random(using: &random) })
      let length = Int.random(in: 0...20, using: &random)
      let sorted = (0..<count).filter { !excluded.contains($0) }
        .sorted { (-scores[$0], $0) < (-scores[$1], $1) }
      #expect(
        Ranking.topK(scores, length, excluding: excluded) == Array(sorted.prefix(length)))
    }
  }

  @Test("NaN ranks last, after minus infinity in place order")
  func notANumberIsLast() {
    #expect(Ranking.topK([.nan, 1, .infinity, -3], 4) == [2, 1, 3, 0])
  }

  @Test("metrics of one list by hand")
  func metricsByHand() {
    let list = [7, 3, 9, 1]
    let targets: Set<Int> = [3, 1, 4]
    #expect(RankingMetrics.recall(list: list, targets: targets, cutoff: 4) == 2.0 / 3)
    #expect(RankingMetrics.recall(list: list, targets: targets, cutoff: 2) == 1.0 / 3)
    #expect(RankingMetrics.precision(list: list, targets: targets, cutoff: 4) == 0.5)
    #expect(RankingMetrics.hitRate(list: list, targets: targets, cutoff: 1) == 0)
    #expect(RankingMetrics.hitRate(list: list, targets: targets, cutoff: 2) == 1)
    #expect(RankingMetrics.reciprocalRank(list: list, targets: targets, cutoff: 4) == 0.5)
    #expect(RankingMetrics.reciprocalRank(list: list, targets: targets, cutoff: 1) == 0)
    #expect(
      RankingMetrics.averagePrecision(list: list, targets: targets, cutoff: 4)
        == (1.0 / 2 + 2.0 / 4) / 3)
    // Hits at ranks 1 and 3; log2 of rank + 2 is 1.585, 2.322 and so on.
    let gain = 1 / 1.584962500721156 + 1 / 2.321928094887362
    let ideal = 1 + 1 / 1.584962500721156 + 1 / 2.0
    #expect(
      abs(RankingMetrics.ndcg(list: list, targets: targets, cutoff: 4) - gain / ideal) < 1e-12)
  }

  @Test("a perfect list has every figure 1, also with fewer targets than positions")
  func perfectList() {
    for metric in [
      RankingMetrics.recall, RankingMetrics.ndcg, RankingMetrics.averagePrecision,
      RankingMetrics.reciprocalRank, RankingMetrics.hitRate,
    ] {
      #expect(abs(metric([5, 6, 1, 2], [5, 6], 4) - 1) < 1e-12)
    }
  }

  @Test("the area under one customer's curve counts pairs, ties half")
  func area() {
    // Targets 5 and 2; others 5, 3, 1: (1/2 + 1 + 1) + (0 + 0 + 1) of 6 pairs.
    #expect(
      RankingMetrics.areaUnderCurve(
        scores: [5, 5, 3, 2, 1], isTarget: [true, false, false, true, false]) == 3.5 / 6)
    #expect(RankingMetrics.areaUnderCurve(scores: [1, 2], isTarget: [true, true]) == 0.5)
    var random = SeededRandom(seed: 4)
    let scores = (0..<60).map { _ in Float(Int.random(in: 0...9, using: &random)) }
    let isTarget = (0..<60).map { _ in Bool.random(using: &random) }
    var (won, pairs) = (0.0, 0.0)
    for target in scores.indices where isTarget[target] {
      for other in scores.indices where !isTarget[other] {
        pairs += 1
        won += scores[target] > scores[other] ? 1 : scores[target] == scores[other] ? 0.5 : 0
      }
    }
    #expect(
      abs(RankingMetrics.areaUnderCurve(scores: scores, isTarget: isTarget) - won / pairs) < 1e-12)
  }

  @Test("F1, novelty, diversity and Gini by hand")
  func besideAccuracy() throws {
    // Two hits in a list of four, three targets: precision 1/2, recall 2/3.
    #expect(
      abs(RankingMetrics.f1(list: [7, 3, 9, 1], targets: [3, 1, 4], cutoff: 4) - 4.0 / 7) < 1e-12)
    // Of 7 customers 0, 1 and 7 have the items: 3, 2 and 0 bits.
    let bits = RankingMetrics.noveltyBits(customersOfItem: [0, 1, 7], customers: 7)
    #expect(bits == [3, 2, 0])
    #expect(RankingMetrics.novelty(list: [0, 1], bits: bits) == 2.5)
    let features = try ItemFeatures(
      vectors: try Matrix(rows: 3, columns: 2, storage: [1, 0, 0, 1, 1, 0]))
    // Pairs at cosine 0, 1 and 0.
    #expect(
      abs(RankingMetrics.diversity(list: [0, 1, 2], features: features) - 2.0 / 3) < 1e-12)
    #expect(RankingMetrics.diversity(list: [0], features: features) == 0)
    #expect(RankingMetrics.gini(lists: [[0, 1], [2, 3]], cutoff: 2, itemCount: 4) == 0)
    #expect(RankingMetrics.gini(lists: [[0], [0], [0]], cutoff: 1, itemCount: 4) == 0.75)
    #expect(RankingMetrics.gini(lists: [] as [[Int]], cutoff: 1, itemCount: 4) == 0)
  }

  @Test("coverage counts distinct items within the cutoff")
  func coverage() {
    #expect(
      RankingMetrics.coverage(lists: [[0, 1, 2], [1, 0, 3]], cutoff: 2, itemCount: 8) == 0.25)
  }
}
