import Glibc
import Testing
import VectorMath

@testable import Evaluation

@Suite("Outcome figures")
struct OutcomeFiguresTests {
  /// Halves with counts at chosen bins.
  private static func half(_ bins: [Int: (positives: Int, negatives: Int)]) -> ScoreTally.Half {
    var positives = [Int](repeating: 0, count: ScoreTally.binCount)
    var negatives = positives
    for (bin, counts) in bins {
      positives[bin] = counts.positives
      negatives[bin] = counts.negatives
    }
    return ScoreTally.Half(positives: positives, negatives: negatives)
  }

  @Test("ROC, area, threshold and F1 by hand")
  func byHand() throws {
    let half = Self.half([300: (1, 80), 600: (2, 15), 900: (7, 5)])
    let figures = try #require(OutcomeFigures(ScoreTally(even: half, odd: half)))
    #expect(figures.pairs == 220)
    #expect(figures.baseRate == 20.0 / 220)
    #expect(
      figures.curve.map { [$0.falsePositiveRate, $0.truePositiveRate] } == [
        [0, 0], [0.05, 0.7], [0.2, 0.9], [1, 1],
      ])
    let area = 0.05 * 0.35 + 0.15 * 0.8 + 0.8 * 0.95
    #expect(abs(figures.area - area) < 1e-12)
    // From bin 900 on: 7 hits, 5 alarms, 3 misses; from 600 on it would be 18 / 33.
    #expect(abs(figures.f1 - 14.0 / 22) < 1e-12)
    #expect(figures.thresholds.count == 2 && figures.thresholds[0] == figures.thresholds[1])
    #expect(figures.logLoss < figures.baseLogLoss)
  }

  @Test("probabilities of a logistic truth are calibrated, and their log loss is its entropy")
  func logisticTruth() throws {
    let pairs = 20_000
    var bins: [Int: (positives: Int, negatives: Int)] = [:]
    var entropy = 0.0
    for bin in stride(from: 200, to: 820, by: 20) {
      let p = 1 / (1 + exp(-(1.5 * ScoreTally.place(ofBin: bin) - 1)))
      let positives = Int((p * Double(pairs)).rounded())
      bins[bin] = (positives, pairs - positives)
      entropy -= p * log(p) + (1 - p) * log(1 - p)
    }
    entropy /= Double(bins.count)
    let half = Self.half(bins)
    let figures = try #require(OutcomeFigures(ScoreTally(even: half, odd: half)))
    // Rounding of counts and Platt's targets are both of the order of one pair in twenty thousand.
    #expect(abs(figures.logLoss - entropy) < 1e-4)
    #expect(figures.calibrationError < 1e-3)
  }

  @Test(
    "what is chosen on one half is judged on the other: a threshold that does not carry over costs F1"
  )
  func halvesAreApart() throws {
    let even = Self.half([400: (0, 50), 800: (10, 0)])
    let odd = Self.half([400: (10, 0), 800: (0, 50)])
    let figures = try #require(OutcomeFigures(ScoreTally(even: even, odd: odd)))
    // The even half takes the odd one's threshold, bin 400: 10 hits, 50 alarms. The odd half takes
    // bin 800: 50 alarms, 10 misses.
    #expect(abs(figures.f1 - 20.0 / 130) < 1e-12)
    #expect(figures.logLoss > figures.baseLogLoss)
    #expect(figures.calibrationError > 0.5)
    #expect(abs(figures.area - 0.5) < 1e-12)
  }

  @Test("scores alone cannot shift the tally: it knows a customer's own mean and spread")
  func standardized() {
    let scores: [Float] = [1, 4, 2, 8, 5, 7]
    let isTarget = [false, true, false, true, false, false]
    var first = ScoreTally()
    first.add(scores: scores, isTarget: isTarget, customer: 4)
    var second = ScoreTally()
    second.add(scores: scores.map { 64 * $0 + 1024 }, isTarget: isTarget, customer: 4)
    #expect(first == second)
    #expect(first.halves[0].positives.reduce(0, +) == 2)
    #expect(first.halves[1].negatives.reduce(0, +) == 0)
    #expect(ScoreTally(json: first.json) == first)
    #expect(OutcomeFigures(first) == nil)
  }
}
