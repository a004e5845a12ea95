import CanonicalJSON
import Recommendation
import Testing

@testable import Evaluation

@Suite("SearchSpace") struct SearchSpaceTests {
  private static let models = ["ease", "itemknn", "ials", "puresvd", "gram", "mf", "sasrec"]

  @Test("the sequence of Halton in bases 2 and 3")
  func radicalInverse() {
    func inverses(_ base: Int) -> [Double] {
      (1...4).map { SearchSpace.radicalInverse($0, base: base) }
    }
    #expect(inverses(2) == [0.5, 0.25, 0.75, 0.125])
    for (found, expected) in zip(inverses(3), [1.0 / 3, 2.0 / 3, 1.0 / 9, 4.0 / 9]) {
      #expect(abs(found - expected) < 1e-15)
    }
  }

  @Test("point 0 is what a model runs with untuned; the next halve the box in its logarithm")
  func easeByHand() throws {
    let space = try #require(SearchSpace.of("ease"))
    func lambdas(_ count: Int, from first: String) -> [String] {
      space.settings(count, from: .object(["lambda": .string(first)])).compactMap {
        $0["lambda"]?.stringValue
      }
    }
    // 20 x 100^(1/2), 20 x 100^(1/4), 20 x 100^(3/4).
    #expect(lambdas(4, from: "400") == ["400", "200", "63.25", "632.5"])
    // A point that is there already is passed over.
    #expect(lambdas(3, from: "200") == ["200", "63.25", "632.5"])
  }

  @Test("64 settings of each model are different, begin alike and are taken by the model")
  func settings() throws {
    for model in Self.models {
      let space = try #require(SearchSpace.of(model))
      let first =
        CentralizedBaseline(rawValue: model)?.defaults ?? JSONValue.object([:])
      let settings = space.settings(SearchSpace.largestCount, from: first)
      #expect(settings.count == 64 && settings.first == first, "\(model)")
      for (place, setting) in settings.enumerated() {
        #expect(!settings[..<place].contains(setting), "\(model)")
        switch CentralizedBaseline(rawValue: model) {
        case .ease: _ = try EASE.regularization(in: setting)
        case .itemKNN: _ = try ItemKNN.Options(hyperparameters: setting)
        case .implicitALS: _ = try ImplicitALS.Options(hyperparameters: setting)
        case .pureSVD: _ = try PureSVD.Options(hyperparameters: setting)
        case nil: _ = try ModelRegistry.model(identifier: model, hyperparameters: setting)
        }
      }
      #expect(space.settings(8, from: first) == Array(settings.prefix(8)))
    }
  }

  @Test("words come up about equally often, integers within their box")
  func box() throws {
    let space = try #require(SearchSpace.of("itemknn"))
    let settings = space.settings(64, from: .object([:])).dropFirst()
    let scored = settings.count { $0["side"]?.stringValue == "scored" }
    // Base 5 on 63 points: each digit comes 12 or 13 times, and the middle one is halved.
    #expect((25...38).contains(scored))
    #expect(
      settings.allSatisfy { (10...1000).contains($0["neighbours"]?.integerValue ?? 0) })
    let small = settings.count { ($0["neighbours"]?.integerValue ?? 0) < 100 }
    // Half of the logarithm of 10 ... 1000.
    #expect((28...35).contains(small))
  }

  @Test("what else a first setting has stays; rows without hyper-parameters have no settings")
  func rows() throws {
    let cell = ComparisonCell(model: "mf", setting: .federated, epsilon: 8, seed: 1)
    let first = JSONValue.object(["rounds": .integer(3)])
    let settings = try #require(SearchSpace.settings(for: cell, count: 3, from: first))
    #expect(settings.allSatisfy { $0["rounds"]?.integerValue == 3 })
    let sequence = ComparisonCell(model: "sasrec", setting: .centralized, seed: 1)
    #expect(
      SearchSpace.settings(for: sequence, count: 2, from: .object([:]))
        == [.object(["epochs": .integer(30)]), .object(["epochs": .integer(60)])])
    for cell in [
      ComparisonCell(model: "popularity", setting: .centralized),
      ComparisonCell(model: "popularity", setting: .federated, epsilon: 8, seed: 1),
      ComparisonCell(model: "own-frequency", setting: .local),
      ComparisonCell(model: "local", setting: .local),
      ComparisonCell(model: "sasrec", setting: .federated, seed: 1, isTwin: true),
    ] {
      #expect(SearchSpace.settings(for: cell, count: 3, from: first) == nil, "\(cell.label)")
    }
  }
}
