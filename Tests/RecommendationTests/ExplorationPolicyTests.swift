import Glibc
import Testing
import VectorMath

@testable import Recommendation

/// Propensities against frequencies.
///
/// Each test draws 10^5 slates of two out of four or five candidates, at most 20 ordered pairs. By
/// Hoeffding's inequality a frequency is off by more than t with probability at most 2 exp(-2 n t²);
/// t = sqrt(ln(2 · 20 / 1e-7) / 2n) makes that 1e-7 for all pairs of a test together.
@Suite struct ExplorationPolicyTests {
  private static let draws = 100_000
  private static let tolerance = (log(2.0 * 20 / 1e-7) / (2 * Double(draws))).squareRoot()

  private struct Pair: Hashable {
    let first: Int
    let second: Int
  }

  /// For each ordered pair how often it was drawn, and the product of its logged propensities.
  private func frequencies(
    _ policy: some ExplorationPolicy, scores: [Float], candidates: [Int], seed: UInt64
  ) -> [Pair: (frequency: Double, propensity: Double)] {
    var random = SeededRandom(seed: seed)
    var counts: [Pair: Int] = [:]
    var propensities: [Pair: Double] = [:]
    for _ in 0..<Self.draws {
      let slate = policy.slate(
        scores: scores, candidates: candidates, count: 2, using: &random)
      let pair = Pair(first: slate[0].item, second: slate[1].item)
      let propensity = slate[0].propensity * slate[1].propensity
      counts[pair, default: 0] += 1
      // One pair has one propensity, however it came about.
      #expect(propensities[pair] ?? propensity == propensity)
      propensities[pair] = propensity
    }
    return counts.reduce(into: [:]) { result, entry in
      result[entry.key] = (
        Double(entry.value) / Double(Self.draws), propensities[entry.key] ?? 0
      )
    }
  }

  private func check(_ policy: some ExplorationPolicy, seed: UInt64) {
    let scores: [Float] = [9, 0.4, 1.0, -9, 0.4, 0.9]
    let observed = frequencies(policy, scores: scores, candidates: [5, 1, 2, 4], seed: seed)
    for (frequency, propensity) in observed.values {
      #expect(abs(frequency - propensity) <= Self.tolerance)
    }
    // All pairs seen: then their propensities are a whole distribution.
    #expect(observed.count == 12)
    #expect(abs(observed.values.reduce(0) { $0 + $1.propensity } - 1) < 1e-9)
  }

  @Test("Plackett-Luce logs the probability with which it draws", arguments: [0.5, 1.0, 20.0])
  func plackettLuceFrequencies(temperature: Double) throws {
    check(try PlackettLuce(temperature: temperature), seed: 31)
  }

  @Test("epsilon-greedy logs the probability with which it draws", arguments: [0.3, 0.7, 1.0])
  func epsilonGreedyFrequencies(epsilon: Double) throws {
    check(try EpsilonGreedy(epsilon: epsilon), seed: 32)
  }

  @Test("the frequency test tells temperature 1 from 1.1 and epsilon 0.30 from 0.33")
  func frequencyTestHasPower() throws {
    let scores: [Float] = [2, 1, 0, -1]
    func differs(_ first: some ExplorationPolicy, _ second: some ExplorationPolicy) -> Bool {
      let drawn = frequencies(first, scores: scores, candidates: [0, 1, 2, 3], seed: 33)
      let logged = frequencies(second, scores: scores, candidates: [0, 1, 2, 3], seed: 34)
      return drawn.contains { pair, values in
        abs(values.frequency - (logged[pair]?.propensity ?? 0)) > Self.tolerance
      }
    }
    #expect(differs(try PlackettLuce(temperature: 1), try PlackettLuce(temperature: 1.1)))
    #expect(differs(try EpsilonGreedy(epsilon: 0.3), try EpsilonGreedy(epsilon: 0.33)))
  }

  @Test("Plackett-Luce propensities are the softmax over what remains")
  func plackettLuceClosedForm() throws {
    let scores: [Float] = [1, 0.5, -0.25, 2]
    var random = SeededRandom(seed: 5)
    let policy = try PlackettLuce(temperature: 0.7)
    for _ in 0..<50 {
      let slate = policy.slate(
        scores: scores, candidates: [0, 1, 2, 3], count: 4, using: &random)
      var remaining = [0, 1, 2, 3]
      for drawn in slate {
        let total = remaining.reduce(0) { $0 + exp(Double(scores[$1]) / 0.7) }
        // Weights are whole multiples of 2^-40.
        #expect(
          abs(drawn.propensity - exp(Double(scores[drawn.item]) / 0.7) / total) < 1e-10)
        remaining.removeAll { $0 == drawn.item }
      }
      #expect(slate.last?.propensity == 1)
    }
  }

  @Test("epsilon-greedy propensities: the best of what remains, and the others alike")
  func epsilonGreedyClosedForm() throws {
    let policy = try EpsilonGreedy(epsilon: 0.25)
    var random = SeededRandom(seed: 6)
    for _ in 0..<50 {
      let slate = policy.slate(
        scores: [3, 3, 1, 2], candidates: [3, 2, 1, 0], count: 4, using: &random)
      var remaining = [0, 1, 3, 2]
      for drawn in slate {
        let explored = 0.25 / Double(remaining.count)
        #expect(drawn.propensity == (drawn.item == remaining[0] ? 0.75 + explored : explored))
        remaining.removeAll { $0 == drawn.item }
      }
    }
  }

  @Test("no candidate has propensity zero, however far its score is behind")
  func everyCandidateHasSupport() throws {
    var random = SeededRandom(seed: 7)
    let slate = try PlackettLuce(temperature: 0.001).slate(
      scores: [0, 1_000_000], candidates: [0, 1], count: 2, using: &random)
    #expect(slate.map(\.item) == [1, 0])
    #expect(slate[0].propensity < 1 && slate[0].propensity > 1 - 1e-11)
  }

  @Test("short and empty requests are answered with what there is")
  func sizes() throws {
    var random = SeededRandom(seed: 8)
    for policy: any ExplorationPolicy in [
      try EpsilonGreedy(epsilon: 0.1), try PlackettLuce(temperature: 1),
    ] {
      func slate(_ candidates: [Int], _ count: Int) -> [DrawnItem] {
        policy.slate(scores: [1, 2], candidates: candidates, count: count, using: &random)
      }
      #expect(slate([], 3).isEmpty)
      #expect(slate([0, 1], 0).isEmpty)
      #expect(slate([1], 3) == [DrawnItem(item: 1, propensity: 1)])
      #expect(Set(slate([0, 1], 3).map(\.item)) == [0, 1])
    }
  }

  @Test("settings out of range are refused", arguments: [0, -0.1, Double.nan])
  func invalidSettings(value: Double) {
    #expect(throws: RecommendationError.self) { try EpsilonGreedy(epsilon: value) }
    #expect(throws: RecommendationError.self) { try PlackettLuce(temperature: value) }
    #expect(throws: RecommendationError.self) { try EpsilonGreedy(epsilon: 1.01) }
    #expect(throws: RecommendationError.self) { try PlackettLuce(temperature: .infinity) }
  }
}
