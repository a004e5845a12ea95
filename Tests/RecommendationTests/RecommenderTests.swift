import Synchronization
import Testing
import VectorMath

@testable import Recommendation

@Suite struct RecommenderTests {
  private let shop: SyntheticShop
  private let recommender: Recommender

  init() throws {
    shop = try SyntheticShop(itemCount: 30, customers: 40, itemsEach: 6, seed: 17)
    let model = try SmallModels.make("gram")
    recommender = Recommender(
      model: model, parameters: try shop.train(model), catalogue: shop.catalogue,
      features: shop.features)
  }

  private func bought(_ history: CustomerHistory) -> Set<Int> { Set(history.rows.map(\.item)) }

  @Test("suppress leaves out what was bought, only leaves out everything else, allow nothing")
  func repeatRules() throws {
    for history in shop.histories.prefix(6) {
      let items = bought(history)
      let suppressed = try recommender.slate(history: history, count: 30, repeats: .suppress)
      let repeated = try recommender.slate(history: history, count: 30, repeats: .only)
      let all = try recommender.slate(history: history, count: 30, repeats: .allow)
      #expect(Set(suppressed.map(\.item)) == Set(0..<30).subtracting(items))
      #expect(Set(repeated.map(\.item)) == items)
      #expect(Set(all.map(\.item)) == Set(0..<30))
    }
    #expect(try recommender.slate(history: .empty, count: 5, repeats: .only).isEmpty)
    #expect(try recommender.slate(history: .empty, count: 5, repeats: .suppress).count == 5)
  }

  @Test("where repeats are allowed, items come by own frequency and then by the model")
  func ownFrequencyComesFirst() throws {
    for history in shop.histories.prefix(6) {
      let model = try recommender.scores(history: history, repeats: .suppress)
      var occasions = [Int](repeating: 0, count: 30)
      for row in history.rows { occasions[row.item] = row.occasions }
      let expected = (0..<30).sorted {
        (occasions[$1], model.totals[$1], $0) < (occasions[$0], model.totals[$0], $1)
      }
      let slate = try recommender.slate(history: history, count: 30, repeats: .allow)
      #expect(slate.map(\.item) == expected)
    }
  }

  @Test("with popularity alone, allow is the rule f + p / (max p + 1)")
  func ownFrequencyRule() throws {
    let model = PopularityModel()
    let popular = Recommender(
      model: model, parameters: try shop.train(model), catalogue: shop.catalogue, features: nil)
    var counts = [Int](repeating: 0, count: 30)
    for history in shop.histories { for row in history.rows { counts[row.item] += 1 } }
    let divisor = Float((counts.max() ?? 0) + 1)
    for history in shop.histories {
      var rule = counts.map { Float($0) / divisor }
      for row in history.rows { rule[row.item] += Float(row.occasions) }
      let slate = try popular.slate(history: history, count: 30, repeats: .allow)
      #expect(slate.map(\.item) == Ranking.topK(rule, 30))
    }
  }

  @Test("contributions add up to the score, shares to 1 in size, largest reason first")
  func reasonsAreAdditive() throws {
    for rule in RepeatRule.allCases {
      for history in shop.histories.prefix(6) {
        for item in try recommender.slate(history: history, count: 10, repeats: rule) {
          let sum = item.reasons.reduce(Float(0)) { $0 + $1.contribution }
          // The same few numbers added in another order.
          #expect(abs(sum - item.score) <= 1e-5 * max(1, abs(item.score)))
          #expect(abs(item.reasons.reduce(Float(0)) { $0 + abs($1.share) } - 1) < 1e-5)
          for (first, second) in zip(item.reasons, item.reasons.dropFirst()) {
            #expect(first.contribution >= second.contribution)
          }
          #expect(item.propensity == nil)
          #expect(item.reasons.allSatisfy { $0.sentence.hasSuffix(".") })
        }
      }
    }
  }

  @Test("the learned reason names the three history items with the largest share")
  func learnedEvidence() throws {
    let history = shop.histories[0]
    let slate = try recommender.slate(history: history, count: 5, repeats: .suppress)
    for item in slate {
      let reason = try #require(item.reasons.first { $0.component == .learned })
      guard case .learned(let named) = reason.evidence else {
        Issue.record("a learned component has learned evidence")
        return
      }
      let shares = try recommender.model.historyShares(
        of: [item.item], history: history, parameters: recommender.parameters)[0]
      let expected = shares.filter { $0.value > 0 }.sorted { $0.value > $1.value }.prefix(3)
      #expect(named.map(\.value) == expected.map(\.value))
      #expect(named.count <= 3 && Set(named.map(\.item)).isSubset(of: bought(history)))
      for share in named {
        #expect(reason.sentence.contains(shop.catalogue.descriptions[share.item]))
      }
    }
  }

  @Test("the reasons of a whole list ask the model once", arguments: ["gram", "sasrec"])
  func reasonsAskOnce(identifier: String) throws {
    let model = try SmallModels.make(identifier)
    let parameters = try shop.train(model)
    func slate(_ model: any FederatedModel) throws -> [Recommendation] {
      try Recommender(
        model: model, parameters: parameters, catalogue: shop.catalogue, features: shop.features
      ).slate(history: shop.histories[0], count: 9, repeats: .suppress)
    }
    let calls = CallCount()
    let counted = try slate(CountedModel(base: model, calls: calls))
    #expect(try counted == slate(model))
    #expect(counted.count == 9 && calls.value == 1)
  }

  @Test("the text reason names the bought item that is nearest, and not the item itself")
  func textEvidence() throws {
    let history = shop.histories[1]
    for repeats in [RepeatRule.suppress, .only] {
      for item in try recommender.slate(history: history, count: 4, repeats: repeats) {
        let reason = try #require(item.reasons.first { $0.component == .text })
        guard case .text(let nearest, let cosine) = reason.evidence else {
          Issue.record("items of one half have alike texts")
          return
        }
        let others = bought(history).subtracting([item.item])
        #expect(others.contains(nearest))
        #expect(cosine == others.map { shop.features.cosine(item.item, $0) }.max())
      }
    }
  }

  @Test("each kind of evidence has its sentence")
  func sentences() throws {
    let history = CustomerHistory(rows: [.init(item: 2, occasions: 4, lastSeconds: 0)])
    func sentence(_ item: Int, _ component: ItemScores.Component) throws -> String? {
      try recommender.explanation(of: item, history: history, repeats: .allow).reasons
        .first { $0.component == component }?.sentence
    }
    #expect(try sentence(2, .ownFrequency) == "You bought it on 4 occasions.")
    #expect(try sentence(3, .ownFrequency) == "You have not bought it before.")
    #expect(
      try sentence(3, .text) == "Its description is like that of RED TIN 2, which you bought.")
    #expect(
      try sentence(20, .text) == "Its description is unlike those of what you bought.")
    let fraction = try #require(recommender.parameters["popularity"]).values[3]
    let percent = Int((fraction * 100).rounded())
    #expect(
      try sentence(3, .popularity)
        == "About \(percent) in 100 customers buy it (estimated with noise).")
  }

  @Test("without texts there is no text reason, and nothing fails")
  func noTexts() throws {
    let plain = Recommender(
      model: recommender.model, parameters: recommender.parameters, catalogue: shop.catalogue,
      features: nil)
    let slate = try plain.slate(history: shop.histories[0], count: 3, repeats: .suppress)
    #expect(slate.count == 3)
    #expect(slate.allSatisfy { $0.reasons.map(\.component).contains(.learned) })
    #expect(slate.allSatisfy { !$0.reasons.map(\.component).contains(.text) })
  }

  @Test("a drawn slate carries propensities and obeys the repeat rule")
  func drawnSlate() throws {
    var random = SeededRandom(seed: 4)
    let history = shop.histories[2]
    let scores = try recommender.scores(history: history, repeats: .suppress)
    let slate = try recommender.slate(
      SlateRequest(history: history, count: 5, repeats: .suppress), scores: scores,
      exploration: try recommender.exploration(
        ExplorationPlan(parsing: "plackett-luce:0.5"), scores: scores, history: history,
        categories: nil, exposures: []),
      exploredSlots: 5, decisions: 0, categories: nil, using: &random)
    #expect(slate.count == 5 && Set(slate.map(\.item)).isDisjoint(with: bought(history)))
    #expect(slate.allSatisfy { ($0.propensity ?? 0) > 0 && ($0.propensity ?? 2) <= 1 })
  }

  @Test("parameters of extreme size are an error, not an overflow")
  func extremeParameters() throws {
    let history = shop.histories[0]
    let items = [Float](repeating: 0, count: 30)
    var extreme = items
    extreme[1] = .greatestFiniteMagnitude
    extreme[2] = -.greatestFiniteMagnitude
    let popular = Recommender(
      model: PopularityModel(),
      parameters: try ModelParameters(tensors: ["popularity": .init(extreme)]),
      catalogue: shop.catalogue, features: nil)
    #expect(throws: RecommendationError.self) {
      try popular.slate(history: history, count: 3, repeats: .allow)
    }
    for (model, tensor) in [
      ("gram", "vectors"), ("mf", "factors"), ("sasrec", "weights"), ("sasrec", "item_vectors"),
    ] {
      let model = try SmallModels.make(model)
      var tensors = try shop.train(model).tensors
      let shape = try #require(tensors[tensor]).shape
      tensors[tensor] = .init(
        shape: shape, values: .init(repeating: 1e38, count: shape.reduce(1, *)))
      let recommender = Recommender(
        model: model, parameters: try ModelParameters(tensors: tensors),
        catalogue: shop.catalogue, features: nil)
      #expect(throws: RecommendationError.self) {
        try recommender.slate(history: history, count: 3, repeats: .suppress)
      }
    }
  }

  @Test("parameters of another catalogue, and items that are not there, are refused")
  func refusesWhatDoesNotFit() throws {
    let smaller = try Catalogue(codes: ["1"], descriptions: [""])
    let wrong = Recommender(
      model: recommender.model, parameters: recommender.parameters, catalogue: smaller,
      features: nil)
    #expect(throws: RecommendationError.shapeMismatch(name: "scores", expected: [1], actual: [30]))
    {
      try wrong.slate(history: .empty, count: 1, repeats: .allow)
    }
    #expect(throws: RecommendationError.itemOutOfRange(item: 30, itemCount: 30)) {
      try recommender.explanation(of: 30, history: .empty, repeats: .allow)
    }
  }
}

private final class CallCount: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func add() { count.withLock { $0 += 1 } }
}

/// A model that counts how often it is asked what its reasons name.
private struct CountedModel: WrappedModel {
  static let identifier = "counted"
  let base: any FederatedModel
  let calls: CallCount

  func historyShares(
    of items: [Int], history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [[HistoryShare]] {
    calls.add()
    return try base.historyShares(of: items, history: history, parameters: parameters)
  }

  func readSequence(
    of history: CustomerHistory, parameters: ModelParameters
  ) throws(RecommendationError) -> [Int] {
    calls.add()
    return try base.readSequence(of: history, parameters: parameters)
  }
}
