import Testing
import VectorMath

@testable import Recommendation

/// The network by itself: gradients, causality, and what its parts compute.
@Suite struct TransformerTests {
  private static let shape = TransformerShape(dimension: 6, blocks: 2, length: 5)
  private static let itemCount = 7
  private static let window = SequenceWindow(inputs: [2, 5, 2, 0], targets: [5, 2, 0, 6])

  private func network<Scalar: TransformerScalar>(
    _: Scalar.Type, seed: UInt64, learnsItems: Bool = true
  ) -> Transformer<Scalar> {
    var random = SeededRandom(seed: seed)
    func values(_ count: Int, within bound: Double) -> [Scalar] {
      (0..<count).map { _ in Scalar(Double.random(in: -bound...bound, using: &random)) }
    }
    let items = Self.itemCount * Self.shape.dimension
    return Transformer(
      shape: Self.shape, weights: values(Self.shape.weightCount, within: 0.6),
      items: values(items, within: 1), bias: values(Self.itemCount, within: 1),
      learnsItems: learnsItems)
  }

  private func loss(_ network: Transformer<Double>, dropoutRate: Double?) -> Double {
    var gradient = network.zeroGradient
    return loss(network, dropoutRate: dropoutRate, gradient: &gradient)
  }

  private func loss<Scalar: TransformerScalar>(
    _ network: Transformer<Scalar>, dropoutRate: Double?,
    gradient: inout Transformer<Scalar>.Gradient
  ) -> Scalar {
    var dropout = dropoutRate.map { Dropout(rate: $0, seed: 9) }
    return network.addGradient(
      of: Self.window, scale: 0.25, dropout: &dropout, to: &gradient)
  }

  // Central differences in Double: at a step of 1e-6 rounding costs about 1e-10 of a loss near 2, the third
  // derivative less; no ReLU of these seeds lies within the step of its kink.
  @Test(
    "the gradient of every group of weights is that of finite differences",
    arguments: [nil, 0.3])
  func gradientsMatchFiniteDifferences(dropoutRate: Double?) {
    var network = network(Double.self, seed: 3)
    var gradient = network.zeroGradient
    _ = loss(network, dropoutRate: dropoutRate, gradient: &gradient)
    let step = 1e-6
    for group in Self.shape.groups {
      var largest = 0.0
      for index in group.range {
        let value = network.weights[index]
        network.weights[index] = value + step
        let above = loss(network, dropoutRate: dropoutRate)
        network.weights[index] = value - step
        let below = loss(network, dropoutRate: dropoutRate)
        network.weights[index] = value
        let difference = (above - below) / (2 * step) - gradient.weights[index]
        #expect(abs(difference) < 1e-8, "\(group.name)")
        largest = max(largest, abs(gradient.weights[index]))
      }
      // All zero would agree with a network that ignores the group.
      #expect(largest > 1e-4, "\(group.name)")
    }
    for index in network.items.indices {
      let value = network.items[index]
      network.items[index] = value + step
      let above = loss(network, dropoutRate: dropoutRate)
      network.items[index] = value - step
      let below = loss(network, dropoutRate: dropoutRate)
      network.items[index] = value
      #expect(abs((above - below) / (2 * step) - gradient.items[index]) < 1e-8)
    }
  }

  @Test("item vectors that are not learned have no gradient, and the weights have the same one")
  func frozenItems() {
    let learned = network(Double.self, seed: 3)
    let frozen = network(Double.self, seed: 3, learnsItems: false)
    var gradients = (learned.zeroGradient, frozen.zeroGradient)
    let losses = (
      loss(learned, dropoutRate: nil, gradient: &gradients.0),
      loss(frozen, dropoutRate: nil, gradient: &gradients.1)
    )
    #expect(losses.0 == losses.1 && gradients.0.weights == gradients.1.weights)
    #expect(gradients.1.items.isEmpty && !gradients.0.items.isEmpty)
  }

  @Test("the gradient in Float is that in Double, up to rounding")
  func floatGradientIsClose() {
    let exact = network(Double.self, seed: 4)
    let rounded = Transformer<Float>(
      shape: exact.shape, weights: exact.weights.map(Float.init),
      items: exact.items.map(Float.init), bias: exact.bias.map(Float.init), learnsItems: true)
    var expected = exact.zeroGradient
    var actual = rounded.zeroGradient
    let loss = loss(exact, dropoutRate: nil, gradient: &expected)
    #expect(
      abs(Double(self.loss(rounded, dropoutRate: nil, gradient: &actual)) - loss) < 1e-5)
    for (value, other) in zip(expected.weights + expected.items, actual.weights + actual.items) {
      // About a hundred roundings of 2^-24 on values of at most 1.
      #expect(abs(value - Double(other)) < 2e-5)
    }
  }

  @Test("the groups of weights lie side by side and fill the vector")
  func groupsAreComplete() {
    var end = 0
    for group in Self.shape.groups {
      #expect(group.range.lowerBound == end)
      end = group.range.upperBound
    }
    #expect(end == Self.shape.weightCount)
    // Item vectors of ml-100k included: about 112,000.
    let compared = TransformerShape(dimension: 48, blocks: 2, length: 50)
    #expect(compared.weightCount + 1_682 * 48 == 111_456)
    #expect(TransformerShape(dimension: 32, blocks: 1, length: 50).weightCount == 8_000)
  }

  @Test("what comes later changes no loss of an earlier place")
  func attentionIsCausal() {
    let network = network(Double.self, seed: 5)
    // One length of all windows, so that positions agree; the loss of the first three targets is read off as
    // the difference that the last target makes.
    func losses(last: Int) -> [Double] {
      (0..<Self.itemCount).map { target in
        var gradient = network.zeroGradient
        var dropout: Dropout?
        return network.addGradient(
          of: SequenceWindow(inputs: [2, 5, 1, last], targets: [5, 1, 3, target]), scale: 1,
          dropout: &dropout, to: &gradient)
      }
    }
    // Summed over all last targets: Σ exp(-loss) = exp(-earlier losses).
    func earlier(last: Int) -> Double {
      losses(last: last).reduce(0) { $0 + Double.exponential(-$1) }
    }
    #expect(abs(earlier(last: 3) / earlier(last: 6) - 1) < 1e-12)
    #expect(losses(last: 3) != losses(last: 6))
  }

  @Test("only the latest items of a long sequence are read, and an empty one has no scores")
  func longSequences() {
    let network = network(Float.self, seed: 6)
    let latest = network.scores(after: [1, 2, 3, 4, 5])
    #expect(network.scores(after: [6, 6, 1, 2, 3, 4, 5]) == latest)
    // The last item is the same, and so is the set of those before it: by attention and positions alone.
    let moved = zip(network.scores(after: [1, 2, 3]), network.scores(after: [2, 1, 3]))
    #expect(moved.contains { abs($0 - $1) > 1e-3 })
    #expect(network.scores(after: []).allSatisfy { $0 == 0 })
  }

  @Test("the vectorised exponential is within 1e-6, and 0 far below")
  func exponential() {
    var values = (0...4_000).map { -Float($0) / 50 }
    var exact = values.map(Double.init)
    var span = values.mutableSpan
    var exactSpan = exact.mutableSpan
    let sum = Float.exponentiate(&span, in: 0..<span.count, below: 0)
    let exactSum = Double.exponentiate(&exactSpan, in: 0..<exactSpan.count, below: 0)
    for (value, expected) in zip(values, exact) {
      #expect(abs(Double(value) - expected) <= 1e-6 * expected)
    }
    #expect(abs(Double(sum) / exactSum - 1) < 1e-5)
    var far: [Float] = [0, -1_000, -.greatestFiniteMagnitude]
    var farSpan = far.mutableSpan
    _ = Float.exponentiate(&farSpan, in: 0..<3, below: 0)
    #expect(far[0] == 1 && far[1] < 1e-37 && far[2] < 1e-37)
  }

  @Test("dropout keeps the mean and its share of zeros, and a seed fixes it")
  func dropout() {
    var first = Dropout(rate: 0.25, seed: 1)
    var second = Dropout(rate: 0.25, seed: 1)
    let factors: [Float] = first.factors(count: 40_000)
    #expect(factors == second.factors(count: 40_000))
    #expect(factors != first.factors(count: 40_000))
    #expect(factors.allSatisfy { $0 == 0 || abs($0 - 4.0 / 3) < 1e-6 })
    // Five standard deviations of a fair count: one seed in a million.
    let dropped = Double(factors.count { $0 == 0 }) / 40_000
    #expect(abs(dropped - 0.25) < 5 * (0.25 * 0.75 / 40_000).squareRoot())
  }

  @Test("Adam's first step is the learning rate against the sign, and rests add up as published")
  func adam() {
    var adam = Adam(count: 3)
    var weights: [Float] = [1, 1, 1]
    adam.step(&weights, gradient: [3, -0.01, 0], learningRate: 0.1)
    #expect(abs(weights[0] - 0.9) < 1e-6 && abs(weights[1] - 1.1) < 1e-5 && weights[2] == 1)
    adam.step(&weights, gradient: [-3, -0.01, 0], learningRate: 0.1)
    // m = (0.9 0.1 - 0.1) 3 = -0.03, over 1 - 0.81; v over its correction is 9.
    #expect(abs(weights[0] - (0.9 + 0.1 * 0.03 / 0.19 / 3)) < 1e-6)
    #expect(abs(weights[1] - 1.2) < 1e-5)
  }

  @Test("three steps of Adam on gradients of different size are those of decays 0.9 and 0.98")
  func adamKnownAnswer() {
    // By hand: m = 0.1, -0.11, -0.049 and v = 0.02, 0.0996, 0.102608; over 1 - 0.9^t and 1 - 0.98^t the steps
    // are 0.1, -0.0365054 and -0.0136885. With the usual decay of 0.999 the second would be -0.0366104.
    let expected: [Float] = [-0.1, -0.063494608, -0.049806155]
    var adam = Adam(count: 1)
    var weights: [Float] = [0]
    for (gradient, weight) in zip([1, -2, 0.5] as [Float], expected) {
      adam.step(&weights, gradient: [gradient], learningRate: 0.1)
      #expect(abs(weights[0] - weight) < 1e-6)
    }
  }
}

extension Double {
  /// e^x by the function under test's own library call.
  fileprivate static func exponential(_ x: Double) -> Double {
    var value = [x]
    var span = value.mutableSpan
    return exponentiate(&span, in: 0..<1, below: 0)
  }
}
