import Datasets
import Evaluation
import Recommendation
import Testing

/// The figures of recommendation-and-evaluation, sections 2.2 and 4; fetched as ml-100k is.
@Suite(
  "complete-journey anchors", .enabled(if: MovieLens.isAskedFor, "asked for by TACIT_TEST_FETCH"))
struct CompleteJourneyAnchorTests {
  private static let journey = Result {
    guard let library = MovieLens.fetchedLibrary else { throw CancellationError() }
    _ = try library.fetch(.completeJourney, report: { _ in })
    return try library.completeJourney()
  }

  @Test("1,469,307 lines, 2,469 households, 2,378 types, 6,589 sendings, 2,102 redemptions")
  func counts() throws {
    let journey = try Self.journey.get()
    #expect(journey.lines.count == 1_469_307)
    #expect(journey.households.count == 2_469)
    #expect(journey.productTypes.count == 2_378)
    #expect(journey.campaigns.count == 27)
    #expect(journey.sendings.count == 6_589)
    #expect(journey.redemptions.count == 2_102)
  }

  @Test(
    "2,073 households; each model within 0.0025 of the published recall@20")
  func retail() async throws {
    let split = RetailSplit(
      try Self.journey.get().dataset(),
      cuts: try #require(RetailSplit.cuts(of: DatasetSource.completeJourney.name)), tuning: false)
    let problem = try EvaluationProblem.retail(split, name: "complete-journey")
    #expect(problem.tasks[0].queries.count == 2_073)
    let items = problem.catalogue.count
    func fitted(_ baseline: CentralizedBaseline) throws -> any RankingModel {
      try baseline.fitted(
        histories: problem.histories, itemCount: items,
        hyperparameters: try #require(baseline.anchored(on: "complete-journey", nil)), seed: 1)
    }
    let models: [(any RankingModel, all: Double, new: Double)] = [
      (PopularityBaseline(histories: problem.histories, itemCount: items), 0.149, 0.1075),
      (OwnFrequencyBaseline(histories: problem.histories, itemCount: items), 0.243, 0.1075),
      (try fitted(.ease), 0.175, 0.1261), (try fitted(.itemKNN), 0.137, 0.1090),
      // The published figures name no weights. On 0/1 data its recall on "all" is far off.
      (try fitted(.pureSVD), 0.200, 0.1068),
    ]
    for (model, all, new) in models {
      let results = try await problem.evaluate(model)
      #expect(abs(try #require(results[0].value(of: .recall)) - all) < 0.0025, "\(model.name)")
      #expect(abs(try #require(results[1].value(of: .recall)) - new) < 0.0025, "\(model.name)")
    }
  }

  @Test(
    "coupon response: 4,558 examples before, 2,031 after, 12.8 % of them redeemed, AUC 0.847"
  )
  func response() throws {
    let problem = try ResponseProblem.coupons(try Self.journey.get(), tuning: false)
    #expect(problem.training.count == 4_558)
    #expect(problem.test.count == 2_031)
    let rows = try ResponseComparison(problem).baselines()
    let centralized = try #require(rows.last)
    #expect(abs(centralized.figures[0].baseRate - 0.128) < 0.0005)
    // On both sides: inputs that see what came after them have a higher one.
    #expect(abs(centralized.figures[0].area - 0.8474) < 0.003)
    #expect(rows[0].figures[0].area == 0.5)
  }
}
