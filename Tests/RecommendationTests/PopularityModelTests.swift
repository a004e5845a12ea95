import CanonicalJSON
import Testing
import VectorMath

@testable import Recommendation

@Suite struct PopularityModelTests {
  private func history(_ items: Range<Int>) -> CustomerHistory {
    CustomerHistory(rows: items.map { .init(item: $0, occasions: 2, lastSeconds: 0) })
  }

  @Test("a customer of up to 64 items counts in full, one of more is scaled to norm 1")
  func weights() throws {
    let model = PopularityModel()
    let none = try ModelParameters(tensors: [:])
    let few = try model.update(
      stage: 0, history: history(10..<74), parameters: none, itemCount: 200)
    #expect(few[10..<74].allSatisfy { $0 == 0.125 })
    #expect(few[..<10].allSatisfy { $0 == 0 } && few[74...].allSatisfy { $0 == 0 })
    let many = try model.update(
      stage: 0, history: history(0..<144), parameters: none, itemCount: 200)
    #expect(many[..<144].allSatisfy { abs($0 - 1.0 / 12) < 1e-6 })
    #expect(try Clipping.norm(many) <= 1)
  }

  @Test("popular_since counts what was last bought from that day on, at twice the weight")
  func recentPurchases() throws {
    let day = try #require(CalendarTime.seconds(ofDate: "2011-07-01"))
    let model = try PopularityModel(
      hyperparameters: .object(["popular_since": .string("2011-07-01")]))
    let none = try ModelParameters(tensors: [:])
    func history(_ times: [Int64]) -> CustomerHistory {
      CustomerHistory(
        rows: times.enumerated().map {
          .init(item: $0.offset, occasions: 1, lastSeconds: $0.element)
        })
    }
    let update = try model.update(
      stage: 0, history: history([day - 1, day, day + 1]), parameters: none, itemCount: 4)
    #expect(update == [0, 0.25, 0.25, 0])
    let old = try model.update(
      stage: 0, history: history([day - 1, day - 2]), parameters: none, itemCount: 4)
    #expect(old == [0, 0, 0, 0])
    let many = try model.update(
      stage: 0, history: history([Int64](repeating: day, count: 100)), parameters: none,
      itemCount: 100)
    #expect(many.allSatisfy { abs($0 - 0.1) < 1e-6 })
    #expect(try Clipping.norm(many) <= 1)
    // A customer who bought the item counts once, whatever the weight.
    let next = try model.advance(
      stage: 0, noisedSum: update.map(Double.init),
      context: StageContext(
        noiseStandardDeviation: 0, targetCohort: 1, contributorCount: 1, features: nil),
      parameters: none, itemCount: 4)
    #expect(next["popularity"]?.values == [0, 1, 1, 0])
  }

  @Test(
    "popular_since that is no date is refused by every model",
    arguments: ["2011-02-30", "2011-7-01", "yesterday", "2011-07-01 00:00:00"])
  func badDate(text: String) throws {
    for model in ModelRegistry.identifiers {
      #expect(
        throws: RecommendationError.invalidHyperparameter(
          name: "popular_since", accepted: "a date such as \"2011-07-01\"")
      ) {
        try ModelRegistry.model(
          identifier: model, hyperparameters: .object(["popular_since": .string(text)]))
      }
    }
  }

  @Test("without noise the popularity is the fraction of the cohort that bought the item")
  func recoversCounts() throws {
    let shop = try SyntheticShop(itemCount: 20, customers: 30, itemsEach: 5, seed: 3)
    let model = PopularityModel()
    let parameters = try shop.train(model)
    let scores = try model.scores(history: .empty, parameters: parameters, features: nil)
    for item in 0..<20 {
      let buyers = shop.histories.count { $0.rows.contains { $0.item == item } }
      #expect(abs(scores.totals[item] - Float(buyers) / 30) < 1e-6)
    }
  }

  @Test("parameters so large that exploration would overflow are refused")
  func hugePopularity() throws {
    for value: Float in [3e38, -1.1e30] {
      let parameters = try ModelParameters(tensors: ["popularity": .init([0, value, 1])])
      #expect(throws: RecommendationError.notFinite(name: "scores", index: 1)) {
        try PopularityModel().scores(history: .empty, parameters: parameters, features: nil)
      }
    }
  }

  @Test("sums are divided by the policy's cohort, not by who came (ruling 22)")
  func dividesByTargetCohort() throws {
    let model = PopularityModel()
    let none = try ModelParameters(tensors: [:])
    func popularity(contributors: Int) throws -> ModelParameters {
      try model.advance(
        stage: 0, noisedSum: [1, 2],
        context: StageContext(
          noiseStandardDeviation: 1, targetCohort: 16, contributorCount: contributors,
          features: nil),
        parameters: none, itemCount: 2)
    }
    #expect(try popularity(contributors: 3)["popularity"]?.values == [0.5, 1])
    #expect(try popularity(contributors: 3) == popularity(contributors: 16))
  }
}
