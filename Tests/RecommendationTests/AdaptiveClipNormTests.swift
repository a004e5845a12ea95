import Testing
import VectorMath

@testable import Recommendation

@Suite("Adaptive clip norm") struct AdaptiveClipNormTests {
  private func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  @Test("whatever the gradient, gradient and indicator together have norm at most 1")
  func sensitivity() {
    let clipNorm = AdaptiveClipNorm(0.5)
    for length in [0, 1e-9, 0.25, 0.5, 0.5.nextUp, 3, 1e150] {
      let sent = clipNorm.update(of: [0.6 * length, -0.8 * length])
      #expect(sent.count == 3 && norm(sent) <= 1 + 1e-15, "length \(length)")
      #expect(sent[2] == (length <= 0.5 ? 0.1 : -0.1))
      if length >= 0.5 { #expect(abs(norm(sent) - 1) < 1e-15) }
    }
  }

  @Test("what was not clipped comes back as it was; what was has the clip norm")
  func unit() {
    let clipNorm = AdaptiveClipNorm(0.5)
    for (sent, received) in [([0.3, 0.1], [0.3, 0.1]), ([3, 4], [0.3, 0.4])] {
      for (value, expected) in zip(clipNorm.gradient(of: clipNorm.update(of: sent)), received) {
        #expect(abs(value - expected) < 1e-15)
      }
    }
  }

  @Test("it goes to the median of the norms, from above and from below")
  func convergence() {
    let norms = (0..<1_001).map { 1 + Double($0) / 1_000 }
    var random = SeededRandom(seed: 71)
    for start in [100, 0.01] {
      var clipNorm = AdaptiveClipNorm(start)
      for _ in 0..<400 {
        var sum = norms.map { clipNorm.update(of: [$0]) }.reduce([0, 0]) { sum, update in
          [sum[0] + update[0], sum[1] + update[1]]
        }
        // Of a deviation of 20 customers; fixed seed, so no false alarm.
        sum[1] += Double.random(in: -3.5...3.5, using: &random)
        clipNorm.follow(sum, cohort: norms.count)
      }
      #expect(abs(clipNorm.value - 1.5) < 0.05, "seed 71, from \(start): \(clipNorm.value)")
    }
  }

  @Test("noise beyond every share of customers moves it by a bounded factor, within its range")
  func bounded() throws {
    for (sum, end) in [(1e300, 0x1p-40), (-1e300, 0x1p40)] {
      var clipNorm = AdaptiveClipNorm(1)
      clipNorm.follow([0, sum], cohort: 1)
      #expect((0.7...1.4).contains(clipNorm.value))
      for _ in 0..<400 { clipNorm.follow([0, sum], cohort: 1) }
      #expect(clipNorm.value == end)
      let published = try ModelParameters(tensors: [AdaptiveClipNorm.tensor: clipNorm.parameters])
      #expect(try AdaptiveClipNorm(published) == clipNorm)
    }
  }

  @Test("it is published, and one that is not positive is refused", arguments: [0, -1, 1e20])
  func published(bad: Float) throws {
    let name = AdaptiveClipNorm.tensor
    let good = try ModelParameters(tensors: [name: AdaptiveClipNorm(0.25).parameters])
    #expect(try AdaptiveClipNorm(good) == AdaptiveClipNorm(0.25))
    let broken = try ModelParameters(tensors: [name: .init([bad])])
    #expect(throws: RecommendationError.clipNormOutOfRange(value: Double(bad))) {
      try AdaptiveClipNorm(broken)
    }
  }
}
