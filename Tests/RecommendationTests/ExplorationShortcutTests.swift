import Testing
import VectorMath

@testable import Recommendation

/// What linear policies leave out of a slate's computation changes nothing of the slate.
@Suite struct ExplorationShortcutTests {
  private struct Case {
    let layer: BayesianLastLayer
    let features: ItemFeatures
    let scores: [Float]
    let candidates: [Int]
  }

  /// Items of which some are copies of others, so that there are ties, and a layer that learned something.
  private static func makeCase(_ random: inout SeededRandom, exposures: Int) throws -> Case {
    let (count, dimension) = (700, 6)
    var vectors = Matrix(rows: count, columns: dimension)
    for row in 0..<count where row % 50 != 0 {
      let values =
        row % 7 == 1 && row > 7
        ? vectors.row(row - 7).map { Double($0) }
        : RandomVariates.standardNormals(dimension, using: &random)
      let norm = max(1e-9, values.reduce(0) { $0 + $1 * $1 }.squareRoot())
      for column in 0..<dimension { vectors[row, column] = Float(values[column] / norm) }
    }
    let features = try ItemFeatures(vectors: vectors)
    var layer = try BayesianLastLayer(features, ridge: 1)
    for _ in 0..<exposures {
      let item = Int.random(in: 0..<count, using: &random)
      layer.update(item: item, isAccepted: item % 3 == 0, offset: -1)
    }
    let scores = (0..<count).map { _ in Float(Int.random(in: 0..<20, using: &random)) * 0.2 }
    let candidates = (0..<count).filter { _ in Int.random(in: 0..<10, using: &random) > 0 }
    return Case(
      layer: layer, features: features, scores: scores,
      candidates: candidates.shuffled(using: &random))
  }

  /// The best of `candidates` by these totals; ties by ascending place.
  private static func best(_ candidates: Set<Int>, _ totals: [Float]) -> Int? {
    candidates.min { (-totals[$0], $0) < (-totals[$1], $1) }
  }

  /// Linear Thompson by its definition: every draw ranks every candidate at every position.
  private static func plainThompson(
    _ scorer: some LinearScorer, _ scores: inout some SlateScores, candidates: [Int], count: Int,
    scale: Double, draws: Int, using random: inout SeededRandom
  ) -> [(item: Int, propensity: Double)] {
    let choices = scorer.sampled(count, scale: scale, using: &random)
    let others = scorer.sampled(draws, scale: scale, using: &random)
    let (chosen, other) = (choices.rewards(ofDraws: 0..<count), others.rewards(ofDraws: 0..<draws))
    var remaining = Set(candidates)
    return (0..<count).compactMap { position in
      let totals = scores.totals()
      func best(_ rewards: Matrix, _ draw: Int) -> Int? {
        Self.best(remaining, totals.indices.map { totals[$0] + rewards[$0, draw] })
      }
      guard let item = best(chosen, position) else { return nil }
      let wins = (0..<draws).count { best(other, $0) == item }
      remaining.remove(item)
      scores.show(item)
      return (item, Double(wins + 1) / Double(draws + 1))
    }
  }

  @Test(
    "linear Thompson's items and propensities are those of ranking everything under every draw",
    arguments: [(0.05, 0), (0.5, 30), (4, 300)])
  func thompson(scale: Double, exposures: Int) throws {
    var random = SeededRandom(seed: 51)
    for isAdjusted in [false, true] {
      let made = try Self.makeCase(&random, exposures: exposures)
      let scorer = CentredLayer(made.layer, unit: 0.7)
      let policy = try LinearThompson(scorer, scale: scale, propensityDraws: 12)
      // More positions than one contest has.
      let count = ThompsonContest.mostPositions + 3
      var plain = random
      let found: [DrawnItem]
      let expected: [(item: Int, propensity: Double)]
      if isAdjusted {
        let mmr = try MaximalMarginalRelevance(features: made.features, lambda: 0.7)
        found = AdjustedSlates(policy, adjustment: mmr).slate(
          scores: made.scores, candidates: made.candidates, count: count, using: &random)
        var scores = AdjustedScores(mmr, scores: made.scores, candidates: made.candidates)
        expected = Self.plainThompson(
          scorer, &scores, candidates: made.candidates, count: count, scale: scale, draws: 12,
          using: &plain)
      } else {
        found = policy.slate(
          scores: made.scores, candidates: made.candidates, count: count, using: &random)
        var scores = ConstantScores(scores: made.scores)
        expected = Self.plainThompson(
          scorer, &scores, candidates: made.candidates, count: count, scale: scale, draws: 12,
          using: &plain)
      }
      #expect(found.map(\.item) == expected.map(\.item))
      #expect(found.map(\.propensity) == expected.map(\.propensity))
      #expect(Set(found.map(\.propensity)).count > 1)
      #expect(random.next() == plain.next())
    }
  }

  @Test("LinUCB's items and what it adds are those of every deviation", arguments: [0, 5, 400])
  func linUCB(exposures: Int) throws {
    var random = SeededRandom(seed: 52)
    let made = try Self.makeCase(&random, exposures: exposures)
    for epsilon in [0, 0.4] {
      let policy = try LinUCB(made.layer, alpha: 0.8, epsilon: epsilon)
      let slate = policy.slate(
        scores: made.scores, candidates: made.candidates, count: 20, using: &random)
      let (means, deviations) = (made.layer.means(), made.layer.deviations())
      let added = zip(means, deviations).map { $0 + 0.8 * $1 }
      let totals = zip(made.scores, added).map { $0 + $1 }
      var remaining = Set(made.candidates)
      for drawn in slate {
        #expect(drawn.added == added[drawn.item])
        let best = remaining.min { (-totals[$0], -$0) < (-totals[$1], -$1) }
        #expect((drawn.item == best) == (drawn.propensity > 0.5))
        remaining.remove(drawn.item)
      }
      #expect(slate.count == 20 && (epsilon > 0 || slate.allSatisfy { $0.propensity == 1 }))
    }
  }

  @Test("an order statistic is the one of the sorted values")
  func orderStatistics() {
    var random = SeededRandom(seed: 53)
    for count in [1, 2, 3, 10, 257] {
      for range in [1, 4, 1_000] {
        let values = (0..<count).map { _ in Float(Int.random(in: 0..<range, using: &random)) }
        let sorted = values.sorted()
        for rank in Set([0, count / 2, count - 1, max(0, count - 10)]) {
          var moved = values
          #expect(ResponseScale.element(at: rank, of: &moved) == sorted[rank])
        }
      }
    }
  }
}
