import Testing

@testable import Recommendation

@Suite struct SequenceTrainerTests {
  private static let options = SequenceTrainer.Options(
    shape: TransformerShape(dimension: 8, blocks: 1, length: 6), dropoutRate: 0.1,
    learningRate: 0.01, batchSize: 4, startDeviation: 0.1)

  /// Customers go round a circle of items, half of them backwards, both from every place on: what came before
  /// tells which way.
  private static let sequences = (0..<24).map { customer in
    let start = customer / 2
    return (0..<9).map { step in
      let place = customer.isMultiple(of: 2) ? start + step : start - step
      return (place % 6 + 6) % 6
    }
  }

  private static func trained(
    on sequences: [[Int]], itemCount: Int, epochs: Int
  ) -> (network: Transformer<Float>, first: Double, last: Double) {
    var options = Self.options
    options.dropoutRate = 0
    var trainer = SequenceTrainer(
      sequences: sequences, itemCount: itemCount, options: options, seed: 1)
    let first = trainer.trainEpoch()
    var last = first
    for _ in 1..<epochs { last = trainer.trainEpoch() }
    return (trainer.network, first, last)
  }

  private static func next(after sequence: [Int], _ network: Transformer<Float>) -> Int? {
    let scores = network.scores(after: sequence)
    return scores.indices.max { scores[$0] < scores[$1] }
  }

  @Test("a trained network knows what is next from the items before the last one")
  func learnsContext() {
    let (network, first, last) = Self.trained(on: Self.sequences, itemCount: 6, epochs: 61)
    // ln 6 before anything is learned.
    #expect(abs(first - 1.79) < 0.3)
    // Below ln 2: who cannot tell the two ways round is no better than that.
    #expect(last < 0.5)
    #expect(Self.next(after: [1, 2, 3, 4], network) == 5)
    #expect(Self.next(after: [4, 3, 2, 1], network) == 0)
  }

  @Test("a trained network knows what is next from the order alone")
  func learnsOrder() {
    // The same set before the same last item: positions alone tell the two apart.
    let sequences = (0..<24).map { $0.isMultiple(of: 2) ? [0, 1, 2, 3] : [1, 0, 2, 4] }
    // Two of three starts are there after 50 epochs, this one after 250.
    let network = Self.trained(on: sequences, itemCount: 5, epochs: 400).network
    #expect(Self.next(after: [0, 1, 2], network) == 3)
    #expect(Self.next(after: [1, 0, 2], network) == 4)
  }

  @Test("a seed fixes every bit, another one changes them")
  func isReproducible() {
    func trained(_ seed: UInt64) -> Transformer<Float> {
      var trainer = SequenceTrainer(
        sequences: Self.sequences, itemCount: 6, options: Self.options, seed: seed)
      for _ in 0..<3 { trainer.trainEpoch() }
      return trainer.network
    }
    #expect(trained(7) == trained(7))
    #expect(trained(7).weights != trained(8).weights)
  }

  @Test("without sequences of two items nothing is learned and nothing fails")
  func nothingToLearn() {
    var trainer = SequenceTrainer(
      sequences: [[], [3]], itemCount: 6, options: Self.options, seed: 1)
    let before = trainer.network
    #expect(trainer.trainEpoch() == 0)
    #expect(trainer.network == before)
  }

  @Test("windows are cut from the end; every item but the first is a target once")
  func windows() {
    #expect(SequenceWindow.windows(of: [1], length: 3).isEmpty)
    #expect(
      SequenceWindow.windows(of: [4, 5, 6, 7, 8, 9], length: 3) == [
        SequenceWindow(inputs: [6, 7, 8], targets: [7, 8, 9]),
        SequenceWindow(inputs: [4, 5], targets: [5, 6]),
      ])
    #expect(
      SequenceWindow.windows(of: [4, 5, 6, 7, 8, 9], length: 3, limit: 1)
        == [SequenceWindow(inputs: [6, 7, 8], targets: [7, 8, 9])])
  }

  @Test("a history is ordered by time, and what has one time in no order of its items")
  func sequenceOfHistory() {
    let ordered = CustomerHistory(rows: [
      .init(item: 0, occasions: 1, lastSeconds: 30), .init(item: 4, occasions: 2, lastSeconds: 10),
      .init(item: 7, occasions: 1, lastSeconds: 20),
    ])
    #expect(ordered.sequence() == [4, 7, 0])
    var ascents = 0
    for seconds in 0..<200 {
      let sequence = CustomerHistory(
        rows: (3...4).map { .init(item: $0, occasions: 1, lastSeconds: Int64(seconds)) }
      ).sequence()
      #expect(Set(sequence) == [3, 4])
      if sequence == [3, 4] { ascents += 1 }
    }
    // Five standard deviations of 200 coins.
    #expect(abs(ascents - 100) <= 35)
  }
}
