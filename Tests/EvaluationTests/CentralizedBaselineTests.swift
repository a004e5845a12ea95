import CanonicalJSON
import Evaluation
import Recommendation
import Testing

@Suite("CentralizedBaseline") struct CentralizedBaselineTests {
  private static let itemCount = 12

  /// Thirty customers who each buy from one of three shelves of four items; one item is held out.
  private static func problem() throws -> EvaluationProblem {
    let all = (0..<30).map { customer in
      (0..<4).map { customer % 3 * 4 + (customer / 3 + $0) % 4 }
    }
    return EvaluationProblem(
      name: "shelves", histories: all.map { history(Array($0.dropLast())) },
      catalogue: try catalogue(itemCount),
      tasks: [
        RankingTask(
          name: "p3", cutoff: 1, metrics: [.recall, .ndcg], repeats: .suppress,
          queries: all.enumerated().map {
            RankingQuery(
              customer: $0.offset, targets: $0.element.suffix(1),
              masked: $0.element.dropLast().sorted())
          })
      ])
  }

  @Test("a comparison has a row for each, in the order asked for; a run a seed of what is seeded")
  func cells() {
    let cells = ComparisonPlan.standardCells(
      federated: [], epsilons: [nil], seeds: 2, withLocal: false,
      baselines: [.pureSVD, .implicitALS, .itemKNN])
    #expect(
      cells.map { "\($0.label) \($0.seed)" } == [
        "popularity:centralized 0", "puresvd:centralized 0", "ials:centralized 1",
        "ials:centralized 2", "itemknn:centralized 0",
      ])
  }

  @Test("each finds the last item of a shelf of four, which popularity cannot")
  func shelves() async throws {
    let problem = try Self.problem()
    let cells = ComparisonPlan.standardCells(
      federated: [], epsilons: [nil], seeds: 1, withLocal: false,
      baselines: CentralizedBaseline.allCases)
    let report = try await Comparison(
      plan: ComparisonPlan(
        problem: problem, cells: cells,
        hyperparameters: [
          "ease:centralized": .object(["lambda": .string("1")]),
          "ials:centralized": .object(["factors": .integer(6), "regularization": .string("0.1")]),
          "puresvd:centralized": .object(["rank": .integer(3)]),
        ], delta: 1e-5, codeVersion: "1"), cache: nil, features: nil, trainer: nil
    ).run()
    for cell in cells {
      let row = try #require(report.row(cell, task: "p3", metric: .recall))
      #expect((row.mean == 1) == (cell.model != "popularity"), "\(cell.label)")
    }
  }

  private static let anchors: [(String, BenchmarkProtocol?)] = [
    ("online-retail", nil), ("complete-journey", nil), ("ml-100k", .p1), ("ml-100k", .p2),
    ("ml-100k", .p3),
  ]

  @Test("the hyper-parameters of the anchors are ones that the models take")
  func anchored() throws {
    let problem = try Self.problem()
    for baseline in CentralizedBaseline.allCases {
      for (dataset, benchmark) in Self.anchors {
        guard let setting = baseline.anchored(on: dataset, benchmark) else {
          #expect(baseline == .implicitALS && benchmark == nil)
          continue
        }
        _ = try baseline.fitted(
          histories: problem.histories, itemCount: Self.itemCount, hyperparameters: setting,
          seed: 1)
      }
      #expect(baseline.anchored(on: "shop", .p3) == nil)
    }
  }
}
