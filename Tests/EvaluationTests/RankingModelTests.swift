import Evaluation
import Recommendation
import Testing
import VectorMath

@Suite("baselines")
struct RankingModelTests {
  private let histories = [history([0, 1]), history([1, 2]), history([1]), history([])]

  @Test("popularity counts customers")
  func popularity() {
    let model = PopularityBaseline(histories: histories, itemCount: 4)
    #expect(model.scores(for: history([3]), repeats: .suppress) == [1, 3, 1, 0])
  }

  @Test("own frequency counts occasions and breaks ties by popularity")
  func ownFrequency() {
    let model = OwnFrequencyBaseline(histories: histories, itemCount: 4)
    let scores = model.scores(
      for: CustomerHistory(rows: [
        .init(item: 0, occasions: 2, lastSeconds: 0), .init(item: 3, occasions: 2, lastSeconds: 0),
      ]), repeats: .allow)
    #expect(scores == [2.25, 0.75, 0.25, 2])
  }

  @Test("local only puts own purchases first and orders the rest by text")
  func localOnly() throws {
    let features = try ItemFeatures(
      vectors: Matrix(rows: 4, columns: 2, storage: [1, 0, 0, 1, 0.6, 0.8, 0, -1]))
    let scores = LocalOnlyBaseline(features: features).scores(for: history([1]), repeats: .suppress)
    #expect(scores[1] == 1.5)
    #expect(abs(scores[2] - 0.45) < 1e-6)
    #expect(scores[0] == 0.25)
    #expect(scores[3] == 0)
  }

  @Test("EASE solves its equation: a two-item example by hand, and no item recommends itself")
  func easeByHand() throws {
    // G = [[2, 1], [1, 2]] + I = [[3, 1], [1, 3]]; its inverse is [[3, -1], [-1, 3]] / 8, so both
    // weights are 1/3.
    let model = try EASE(
      histories: [history([0, 1]), history([0]), history([1])], itemCount: 2, regularization: 1)
    let scores = model.scores(for: history([0]), repeats: .suppress)
    #expect(scores[0] == 0)
    #expect(abs(scores[1] - 1.0 / 3) < 1e-6)
  }

  @Test("EASE weights are the minimum of the regularized loss with a zero diagonal")
  func easeGradient() throws {
    let count = 6
    let histories = (1..<40).map { seed in
      history((0..<count).filter { (seed * 7 + $0 * $0 * 3 + seed * seed % ($0 + 2)) % 3 != 0 })
    }
    let lambda = 2.5
    let model = try EASE(histories: histories, itemCount: count, regularization: lambda)
    let weights = (0..<count).map {
      model.scores(for: history([$0]), repeats: .suppress).map(Double.init)
    }
    // Half the gradient of |X - X B|^2 + lambda |B|^2 is X'X B - X'X + lambda B: zero off the
    // diagonal. Entries are at most 40, weights carry 24 bits: 1e-4 is far above rounding.
    for i in 0..<count {
      for j in 0..<count where i != j {
        var gradient = lambda * weights[i][j]
        for k in 0..<count {
          let together = histories.count { history in
            let items = history.rows.map(\.item)
            return items.contains(i) && items.contains(k)
          }
          gradient += Double(together) * (weights[k][j] - (k == j ? 1 : 0))
        }
        #expect(abs(gradient) < 1e-4)
      }
    }
  }
}

@Suite("TaskEvaluation")
struct TaskEvaluationTests {
  /// Gives fixed scores.
  private struct Fixed: RankingModel {
    let name = "fixed"
    let table: [Float]
    func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] { table }
  }

  private func problem(_ queries: [RankingQuery]) throws -> EvaluationProblem {
    EvaluationProblem(
      name: "made", histories: [history([0]), history([1]), history([])],
      catalogue: try catalogue(5),
      tasks: [
        RankingTask(
          name: "made", cutoff: 2, metrics: [.recall, .mrr, .hitRate, .coverage],
          repeats: .suppress,
          queries: queries)
      ])
  }

  @Test("masked items never appear, ties go to the lower index, coverage counts the lists")
  func masking() async throws {
    let problem = try problem([
      RankingQuery(customer: 0, targets: [2, 4], masked: [0]),
      RankingQuery(customer: 1, targets: [3], masked: [1]),
    ])
    // Lists: customer 0 [1, 2], customer 1 [0, 2].
    let result = try await problem.evaluate(Fixed(table: [9, 8, 7, 7, 1]))[0]
    #expect(result.customers == [0, 1])
    #expect(result.perCustomer[.recall] == [0.5, 0])
    #expect(result.perCustomer[.mrr] == [0.5, 0])
    #expect(result.value(of: .hitRate) == 0.5)
    #expect(result.value(of: .coverage) == 0.6)
    // Exposure in ascending order: 0, 0, 1, 1, 2. The sum of (2 i - 6) x_i is 10, over 5 x 4.
    #expect(result.value(of: .gini) == 0.5)
    // Customer 0 ranks 8, 7, 7, 1 with targets at 7 and 1: of two others one is above and one ties
    // the first target, both are above the second. Customer 1 ranks 9, 7, 7, 1 with a target at 7.
    #expect(result.perCustomer[.auc] == [0.125, 0.5])
    // One of three customers has item 1 and one has item 0, nobody item 2: 1 bit and 2 bits.
    #expect(result.perCustomer[.novelty] == [1.5, 1.5])
    #expect(result.perCustomer[.f1] == [0.5, 0])
    // Nothing says how like two items are.
    #expect(result.value(of: .diversity) == nil)
  }

  @Test("candidates alone are ranked, ties by item index")
  func candidates() async throws {
    let problem = try problem([
      RankingQuery(customer: 0, targets: [4], masked: [0], candidates: [2, 3, 4])
    ])
    let tied = try await problem.evaluate(Fixed(table: [9, 9, 5, 5, 5]))[0]
    #expect(tied.value(of: .recall) == 0)
    let ahead = try await problem.evaluate(Fixed(table: [9, 9, 5, 5, 6]))[0]
    #expect(ahead.value(of: .mrr) == 1)
  }

  @Test("a model that breaks its promise is named")
  func badModel() async throws {
    let problem = try problem([RankingQuery(customer: 0, targets: [2], masked: [])])
    await #expect(
      throws: EvaluationError.wrongScoreCount(model: "fixed", expected: 5, actual: 1)
    ) { try await problem.evaluate(Fixed(table: [1])) }
    await #expect(throws: EvaluationError.scoreNotFinite(model: "fixed")) {
      try await problem.evaluate(Fixed(table: [1, 2, .nan, 3, 4]))
    }
  }

  @Test("the digest changes with anything a result depends on")
  func digest() throws {
    let base = try problem([RankingQuery(customer: 0, targets: [2], masked: [1])])
    let others = [
      try problem([RankingQuery(customer: 0, targets: [1], masked: [2])]),
      try problem([RankingQuery(customer: 0, targets: [2], masked: [])]),
      try problem([RankingQuery(customer: 0, targets: [2], masked: [1], candidates: [2])]),
      EvaluationProblem(
        name: base.name, histories: [history([0]), history([2]), history([])],
        catalogue: base.catalogue, tasks: base.tasks),
      EvaluationProblem(
        name: base.name, histories: base.histories, catalogue: try catalogue(6),
        tasks: base.tasks),
    ]
    #expect(Set(others.map { $0.contentDigest() } + [base.contentDigest()]).count == 6)
    #expect(base.contentDigest().utf8.count == 64)
  }
}
