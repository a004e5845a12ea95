package import Datasets
internal import Recommendation
internal import VectorMath

/// The field's protocols for explicit data sets such as MovieLens, defined to the bit.
///
/// All rows count as positives; an item that a customer has several times counts once, at its last
/// row. Numbers of customers and items are their indices in the data set, and the generators are
/// SplitMix64 (`SeededRandom`) seeded per customer, so that a split does not depend on the order in
/// which customers are visited.
package enum BenchmarkProtocol: String, CaseIterable, Sendable {
  /// Leave one out by time, full ranking.
  case p1
  /// The same, ranked among 99 sampled negatives: only to sit beside federated papers.
  case p2
  /// Random 80/20 split of each customer, full ranking: for comparing models.
  case p3

  /// Length of the lists judged.
  package static let cutoff = 10
  /// Negatives drawn in P2.
  package static let negativeCount = 99

  private static let splitSeed: UInt64 = 2026
  private static let tuningSeed: UInt64 = 7
  private static let seedStride: UInt64 = 1_000_003

  /// The final problem of the protocol.
  ///
  /// - Throws: `EvaluationError.nothingToEvaluate`.
  package func problem(_ dataset: InteractionDataset) throws -> EvaluationProblem {
    switch self {
    case .p1: try leaveOneOut(dataset, isTuning: false)
    case .p2: try leaveOneOut(dataset, isTuning: false, negatives: Self.negativeCount)
    case .p3: try randomSplit(dataset, isTuning: false)
    }
  }

  /// The problem on which hyper-parameters are chosen: made of the training part only, full ranking.
  package func tuningProblem(_ dataset: InteractionDataset) throws -> EvaluationProblem {
    switch self {
    case .p1, .p2: try leaveOneOut(dataset, isTuning: true)
    case .p3: try randomSplit(dataset, isTuning: true)
    }
  }

  // P1 and P2: per customer, rows by (time, row number); the last is the test, the second to last the
  // validation. Tuning learns from the rest; the final fit also from the validation row.
  private func leaveOneOut(
    _ dataset: InteractionDataset, isTuning: Bool, negatives: Int? = nil
  ) throws -> EvaluationProblem {
    let histories = dataset.histories()
    let sequences = Self.sequences(dataset)
    let held = isTuning ? 2 : 1
    var learned: [CustomerHistory] = []
    var queries: [RankingQuery] = []
    for (customer, sequence) in sequences.enumerated() {
      guard sequence.count >= 3 else {
        learned.append(histories[customer])
        continue
      }
      let earlier = sequence.dropLast(held)
      learned.append(histories[customer].keeping(Set(earlier)))
      let target = sequence[sequence.count - held]
      let candidates = negatives.map {
        ([target]
          + Self.negatives($0, customer: customer, seen: sequence, count: dataset.catalogue.count))
          .sorted()
      }
      queries.append(
        RankingQuery(
          customer: customer, targets: [target], masked: earlier.sorted(), candidates: candidates))
    }
    return try problem(
      dataset, learned: learned, queries: queries, metrics: [.hitRate, .ndcg, .mrr],
      isTuning: isTuning, need: "three items of a customer")
  }

  // P3: the items in ascending index, Fisher-Yates, the first floor(0.8 n + 0.5) train. Tuning
  // splits the training items again by the same rule, 90/10, with its own seed.
  private func randomSplit(
    _ dataset: InteractionDataset, isTuning: Bool
  ) throws -> EvaluationProblem {
    var learned: [CustomerHistory] = []
    var queries: [RankingQuery] = []
    for (customer, history) in dataset.histories().enumerated() {
      var (train, test) = Self.split(
        history.rows.map(\.item), tenths: 8, seed: Self.splitSeed, customer: customer)
      if isTuning {
        (train, test) = Self.split(
          train, tenths: 9, seed: Self.tuningSeed, customer: customer)
      }
      learned.append(history.keeping(Set(train)))
      if !test.isEmpty {
        queries.append(RankingQuery(customer: customer, targets: test, masked: train))
      }
    }
    return try problem(
      dataset, learned: learned, queries: queries,
      metrics: [.precision, .recall, .ndcg, .map, .coverage], isTuning: isTuning,
      need: "two items of a customer")
  }

  private func problem(
    _ dataset: InteractionDataset, learned: [CustomerHistory], queries: [RankingQuery],
    metrics: [RankingMetric], isTuning: Bool, need: String
  ) throws -> EvaluationProblem {
    guard !queries.isEmpty else {
      throw EvaluationError.nothingToEvaluate(protocolName: rawValue, need: need)
    }
    let task = RankingTask(
      name: rawValue, cutoff: Self.cutoff, metrics: metrics, repeats: .suppress,
      queries: queries)
    return EvaluationProblem(
      name: "\(dataset.name) \(rawValue)\(isTuning ? " tuning" : "")", histories: learned,
      catalogue: dataset.catalogue, tasks: [task])
  }

  /// Each customer's distinct items in the order of their last rows.
  private static func sequences(_ dataset: InteractionDataset) -> [[Int]] {
    var rows = [[(seconds: Int64, row: Int, item: Int)]](
      repeating: [], count: dataset.customers.count)
    for (row, event) in dataset.events.enumerated() {
      rows[event.customer].append((event.seconds, row, event.item))
    }
    return rows.map { unsorted in
      var seen: Set<Int> = []
      let latestFirst = unsorted.sorted { ($0.seconds, $0.row) > ($1.seconds, $1.row) }
        .map(\.item).filter { seen.insert($0).inserted }
      return latestFirst.reversed()
    }
  }

  /// Distinct items the customer never had, in the order drawn; fewer if there are not enough.
  private static func negatives(
    _ wanted: Int, customer: Int, seen: [Int], count: Int
  ) -> [Int] {
    var generator = SeededRandom(seed: splitSeed * seedStride + UInt64(customer))
    var excluded = Set(seen)
    let reachable = min(wanted, count - excluded.count)
    var drawn: [Int] = []
    while drawn.count < reachable {
      let item = Int(generator.next() % UInt64(count))
      if excluded.insert(item).inserted { drawn.append(item) }
    }
    return drawn
  }

  /// Splits items given in ascending order; both parts are returned in ascending order.
  private static func split(
    _ items: [Int], tenths: Int, seed: UInt64, customer: Int
  ) -> (train: [Int], test: [Int]) {
    var generator = SeededRandom(seed: seed * seedStride + UInt64(customer))
    var shuffled = items
    generator.permute(&shuffled)
    // floor(n tenths / 10 + 1/2) in integers: 0.8 is no binary fraction.
    let trainCount = (items.count * tenths + 5) / 10
    return (shuffled[..<trainCount].sorted(), shuffled[trainCount...].sorted())
  }
}

extension CustomerHistory {
  /// The part of the history that is about `items`.
  fileprivate func keeping(_ items: Set<Int>) -> CustomerHistory {
    CustomerHistory(rows: rows.filter { items.contains($0.item) })
  }
}
