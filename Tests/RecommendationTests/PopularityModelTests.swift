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
