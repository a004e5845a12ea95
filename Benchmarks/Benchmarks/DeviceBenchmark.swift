import Recommendation
import VectorMath

/// What a customer waits for: a list with its reasons, and a search of a million item vectors.
enum DeviceBenchmark {
  static func run() throws {
    try recommend(itemCount: 10_000)
    try search(itemCount: 1_000_000, dimension: 64)
  }

  /// A Gram model of 58 directions over 632 items, and a customer of 60 items.
  private static func recommend(itemCount: Int) throws {
    var random = SeededRandom(seed: 1)
    let (head, rank) = (632, 58)
    func normal() -> Float { Float(RandomVariates.standardNormal(using: &random)) }
    let popularity = (0..<itemCount).map { _ in abs(normal()) * 0.01 }
    let items = Ranking.topK(popularity, head).sorted()
    let features = try unitRows(itemCount, dimension: 64, using: &random)
    let parameters = try ModelParameters(tensors: [
      "popularity": .init(popularity),
      "head": .init(items.map { Float($0) }),
      "vectors": .init(
        shape: [head, rank], values: (0..<head * rank).map { _ in normal() * 0.1 }),
      "weights": .init((0..<rank).map { _ in abs(normal()) }),
    ])
    let recommender = Recommender(
      model: try GramModel(hyperparameters: .object([:])), parameters: parameters,
      catalogue: try Catalogue(
        codes: (0..<itemCount).map { String(100_000 + $0) },
        descriptions: (0..<itemCount).map { "item number \($0)" }), features: features)
    let history = CustomerHistory(
      rows: Set(items.shuffled(using: &random).prefix(40) + (0..<20).map { 400 * $0 + 7 }).sorted()
        .map { .init(item: $0, occasions: 2, lastSeconds: 0) })
    var shown = 0
    try report("recommend: 10 of 10,000 items with reasons", runs: 1_000) {
      shown += try recommender.slate(history: history, count: 10, repeats: .suppress).count
    }
    precondition(shown == 10_000, "every list has ten items")

    let exposures = (0..<200).map { Exposure(item: 37 * $0, isAccepted: $0 % 10 == 0) }
    for text in ["epsilon-greedy:0.1", "linucb:0.5,epsilon=0.05", "linear-thompson:0.5"] {
      let plan = try ExplorationPlan(parsing: text)
      try report("recommend: 10 of 10,000 items by \(text)", runs: 200) {
        let scores = try recommender.scores(history: history, repeats: .suppress)
        let exploration = try recommender.exploration(
          plan, scores: scores, history: history, categories: nil, exposures: exposures)
        _ = try recommender.slate(
          SlateRequest(history: history, count: 10, repeats: .suppress), scores: scores,
          exploration: exploration, exploredSlots: 10, decisions: 0, categories: nil,
          using: &random)
      }
    }
  }

  private static func report(_ question: String, runs: Int, _ body: () throws -> Void) rethrows {
    let clock = ContinuousClock()
    var seconds: [Double] = []
    var cpuSeconds: [Double] = []
    for _ in 0..<runs {
      let start = Measurement.threadNanoseconds()
      let duration = try clock.measure(body)
      cpuSeconds.append((Measurement.threadNanoseconds() - start) * 1e-9)
      seconds.append(
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18)
    }
    seconds.sort()
    cpuSeconds.sort()
    let last = min(runs - 1, runs * 99 / 100)
    Measurement.report(
      question,
      [
        "p50_seconds": seconds[runs / 2], "p99_seconds": seconds[last],
        "cpu_p50_seconds": cpuSeconds[runs / 2], "cpu_p99_seconds": cpuSeconds[last],
      ])
  }

  private static func unitRows(
    _ count: Int, dimension: Int, using random: inout SeededRandom
  ) throws -> ItemFeatures {
    var rows = Matrix(rows: count, columns: dimension)
    rows.withMutableElements { elements in
      for row in 0..<count {
        var square = 0.0
        for column in 0..<dimension {
          // Uniform is as good as any for time, and much faster to draw.
          let value = Float(random.next() >> 40) * 0x1p-23 - 1
          elements[row * dimension + column] = value
          square += Double(value) * Double(value)
        }
        let factor = Float(1 / square.squareRoot())
        for column in 0..<dimension { elements[row * dimension + column] *= factor }
      }
    }
    return try ItemFeatures(vectors: rows)
  }

  /// One query against every vector, the ten best; beside one reading of the same memory.
  private static func search(itemCount: Int, dimension: Int) throws {
    var random = SeededRandom(seed: 2)
    let features = try unitRows(itemCount, dimension: dimension, using: &random)
    let bytes = Double(4 * itemCount * dimension)
    var best: [Int] = []
    var (searching, scoring, reading) = (Double.infinity, Double.infinity, Double.infinity)
    var sum: Float = 0
    // In turns, so that all see the same machine.
    for _ in 0..<9 {
      searching = min(
        searching,
        Measurement.best(of: 1) {
          best = Ranking.topK(features.cosines(withMeanOf: [17]), 10)
        })
      scoring = min(
        scoring, Measurement.best(of: 1) { sum += features.cosines(withMeanOf: [17])[3] })
      let values = features.vectors.storage
      reading = min(
        reading, Measurement.best(of: 1) { sum += Kernels.dot(values.span, values.span) })
    }
    precondition(best.first == 17 && sum.isFinite, "an item is most like itself")
    Measurement.report(
      "search: 10 of 1,000,000 x 64",
      [
        "seconds": searching, "scoring_seconds": scoring, "reading_seconds": reading,
        "bytes_per_second": bytes / reading, "ratio": searching / reading,
      ])
  }
}
