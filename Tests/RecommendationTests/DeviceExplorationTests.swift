import Glibc
import Testing
import VectorMath

@testable import Recommendation

/// Every policy as a device runs it: propensities, and scores that are the sum of their reasons.
@Suite struct DeviceExplorationTests {
  static let plans = [
    "greedy", "epsilon-greedy:0.3,mmr=1", "epsilon-greedy:0.5,floor=0.1,half-life=5,mmr=1",
    "plackett-luce:0.5,mmr=1", "linucb:0.7,epsilon=0.1,mmr=1", "linear-thompson:1,draws=40,mmr=1",
    "category-thompson:10,optimism=1,epsilon=0.2,draws=40", "linucb:0.7",
    "plackett-luce:0.5,calibrated=0.4", "linear-thompson:1,draws=20,vectors=model",
  ]

  private let shop: SyntheticShop
  private let categories: CategoryIndex

  init() throws {
    shop = try SyntheticShop(itemCount: 30, customers: 40, itemsEach: 6, seed: 17)
    categories = try CategoryIndex(features: shop.features, catalogue: shop.catalogue)
  }

  private func recommender(_ model: String) throws -> Recommender {
    let model = try SmallModels.make(model)
    return Recommender(
      model: model, parameters: try shop.train(model), catalogue: shop.catalogue,
      features: shop.features)
  }

  private static let exposures = [
    Exposure(item: 3, isAccepted: true), Exposure(item: 20, isAccepted: false),
    Exposure(item: 21, isAccepted: false), Exposure(item: 4, isAccepted: true),
  ]

  @Test(
    "the reasons of every item of a slate add up to its score, under every policy and model",
    arguments: SmallModels.identifiers, plans)
  func reasonsAddUp(model: String, plan: String) throws {
    let plan = try ExplorationPlan(parsing: plan)
    // Popularity alone has no item vectors, and says so.
    if model == PopularityModel.identifier, plan.vectors == .model { return }
    let recommender = try recommender(model)
    var random = SeededRandom(seed: 8)
    var components: Set<ItemScores.Component> = []
    for history in shop.histories.prefix(4) + [.empty] {
      for repeats in [RepeatRule.suppress, .allow] {
        let scores = try recommender.scores(history: history, repeats: repeats)
        let exploration = try recommender.exploration(
          plan, scores: scores, history: history, categories: categories,
          exposures: Self.exposures)
        let slate = try recommender.slate(
          SlateRequest(history: history, count: 8, repeats: repeats), scores: scores,
          exploration: exploration, exploredSlots: 5, decisions: 3, categories: categories,
          using: &random)
        #expect(slate.count == 8 && Set(slate.map(\.item)).count == 8)
        for item in slate {
          let sum = item.reasons.reduce(0.0) { $0 + Double($1.contribution) }
          #expect(abs(sum - Double(item.score)) <= 1e-5 * max(1, abs(Double(item.score))))
          let size = item.reasons.reduce(Float(0)) { $0 + abs($1.contribution) }
          let shares = item.reasons.reduce(Float(0)) { $0 + abs($1.share) }
          #expect(abs(shares - (size > 0 ? 1 : 0)) < 1e-5)
          let propensity = try #require(item.propensity)
          #expect(propensity > 0 && propensity <= 1)
          let reason = item.reasons.first { $0.component == .exploration }
          #expect(propensity == 1 || reason?.sentence.contains("probability") == true)
          components.formUnion(item.reasons.map(\.component))
        }
        // The first three are fixed.
        if plan.diversity == .none { #expect(slate.prefix(3).allSatisfy { $0.propensity == 1 }) }
      }
    }
    #expect(components.contains(.feedback))
    #expect(plan.diversity == .none || components.contains(.diversity))
    #expect(plan.rule == .greedy || components.contains(.exploration))
  }

  @Test("the same seed draws the same slate again; without slots every policy is greedy")
  func replay() throws {
    let recommender = try recommender("gram")
    let history = shop.histories[1]
    let scores = try recommender.scores(history: history, repeats: .suppress)
    let request = SlateRequest(history: history, count: 6, repeats: .suppress)
    var greedy: [Int]?
    for text in Self.plans where try ExplorationPlan(parsing: text).diversity == .none {
      let exploration = try recommender.exploration(
        ExplorationPlan(parsing: text), scores: scores, history: history, categories: categories,
        exposures: Self.exposures)
      func slate(seed: UInt64, slots: Int) throws -> [Recommendation] {
        var random = SeededRandom(seed: seed)
        return try recommender.slate(
          request, scores: scores, exploration: exploration, exploredSlots: slots, decisions: 0,
          categories: categories, using: &random)
      }
      #expect(try slate(seed: 5, slots: 6) == slate(seed: 5, slots: 6))
      let fixed = try slate(seed: 6, slots: 0)
      #expect(fixed.allSatisfy { $0.propensity == 1 }, "\(text)")
      #expect(greedy == nil || greedy == fixed.map(\.item), "\(text)")
      greedy = fixed.map(\.item)
    }
  }

  @Test("what is taken when shown lifts items like it, what is passed over lowers them")
  func feedbackMovesLikes() throws {
    let recommender = try recommender("gram")
    let scores = try recommender.scores(history: .empty, repeats: .suppress)
    func feedback(_ exposures: [Exposure]) throws -> [Float] {
      try recommender.exploration(
        .greedy, scores: scores, history: .empty, categories: nil, exposures: exposures
      ).feedback()
    }
    #expect(try feedback([]).allSatisfy { $0 == 0 })
    let liked = try feedback([Exposure(item: 2, isAccepted: true)])
    // Items 0 ..< 15 share a text, as do the others.
    #expect(liked[5] > 0 && liked[5] > abs(liked[20]))
    let passed = try feedback([Exposure](repeating: Exposure(item: 2, isAccepted: false), count: 9))
    #expect(passed[5] < 0)
  }

  @Test("items of deleted interests and of other categories are not shown")
  func hiddenAndOnly() throws {
    let recommender = try recommender("gram")
    let history = shop.histories[0]
    let scores = try recommender.scores(history: history, repeats: .suppress)
    var request = SlateRequest(history: history, count: 30, repeats: .allow, hidden: [1, 2])
    let open = try recommender.slate(request, scores: scores).map(\.item)
    #expect(Set(open) == Set(0..<30).subtracting([1, 2]))
    request.only = [2, 3, 4]
    #expect(Set(try recommender.slate(request, scores: scores).map(\.item)) == [3, 4])
  }

  @Test("a catalogue that gains items between trainings keeps serving, with the customer's history")
  func growingCatalogue() throws {
    let before = try recommender("gram")
    let history = shop.histories[0]
    let bought = history.rows.map { (code: shop.catalogue.codes[$0.item], row: $0) }
    // New codes before, between and after the old ones move every place.
    let texts = Dictionary(
      uniqueKeysWithValues: zip(shop.catalogue.codes, shop.catalogue.descriptions))
    let codes = (["0", "100014a", "9"] + shop.catalogue.codes).sorted()
    let catalogue = try Catalogue(
      codes: codes, descriptions: codes.map { texts[$0] ?? "RED TIN new" })
    func place(_ code: String) throws -> Int { try #require(catalogue.index(of: code)) }
    func moved(_ history: CustomerHistory) throws -> CustomerHistory {
      CustomerHistory(
        rows: try history.rows.map {
          CustomerHistory.Row(
            item: try place(shop.catalogue.codes[$0.item]), occasions: $0.occasions,
            lastSeconds: 0)
        })
    }
    let model = try SmallModels.make("gram")
    var parameters = try model.initialParameters(catalogue: catalogue)
    for stage in model.stages.indices {
      var sum: [Double] = []
      for history in shop.histories {
        let update = try model.update(
          stage: stage, history: moved(history), parameters: parameters,
          itemCount: catalogue.count)
        if sum.isEmpty { sum = [Double](repeating: 0, count: update.count) }
        for index in sum.indices { sum[index] += Double(update[index]) }
      }
      parameters = try model.advance(
        stage: stage, noisedSum: sum,
        context: StageContext(
          noiseStandardDeviation: 0, targetCohort: shop.histories.count,
          contributorCount: shop.histories.count, features: nil), parameters: parameters,
        itemCount: catalogue.count)
    }
    let after = Recommender(
      model: model, parameters: parameters, catalogue: catalogue,
      features: try TextFeatures.lsa(descriptions: catalogue.descriptions, dimension: 2))
    #expect(bought.count == history.rows.count)
    let slate = try after.slate(history: moved(history), count: 40, repeats: .suppress)
    #expect(slate.count == catalogue.count - bought.count)
    #expect(Set(slate.map { catalogue.codes[$0.item] }).isDisjoint(with: bought.map(\.code)))
    // A new item is known by its text alone, and served.
    let new = try #require(slate.first { catalogue.codes[$0.item] == "100014a" })
    #expect(new.reasons.first { $0.component == .text }?.contribution ?? 0 > 0)
    // Parameters of the old catalogue are never read with the new one.
    let mixed = Recommender(
      model: before.model, parameters: before.parameters, catalogue: catalogue, features: nil)
    #expect(throws: RecommendationError.self) {
      try mixed.slate(history: .empty, count: 3, repeats: .suppress)
    }
  }

  @Test("a plan that needs what is not there is refused before anything is drawn")
  func refusals() throws {
    let model = PopularityModel()
    let bare = Recommender(
      model: model, parameters: try shop.train(model), catalogue: shop.catalogue, features: nil)
    let scores = try bare.scores(history: .empty, repeats: .suppress)
    for text in [
      "linucb:1", "linear-thompson", "category-thompson", "greedy,mmr=0.5",
      "greedy,calibrated=0.5", "linucb,vectors=model",
    ] {
      #expect(throws: RecommendationError.self, "\(text)") {
        try bare.exploration(
          ExplorationPlan(parsing: text), scores: scores, history: .empty, categories: nil,
          exposures: [])
      }
    }
  }

  @Test("who takes an item passed over those above it; below it nothing is known")
  func cascade() {
    let exposures = Exposure.cascade([
      (10, false, false), (nil, false, false), (12, true, false), (13, false, false),
      (14, false, true),
    ])
    #expect(
      exposures == [
        Exposure(item: 10, isAccepted: false), Exposure(item: 12, isAccepted: true),
        Exposure(item: 14, isAccepted: false),
      ])
    #expect(Exposure.cascade([(1, false, false), (2, false, false)]).isEmpty)
  }

  @Test(
    "odds rise e² from the median to the reference rank, and the base rate follows the customer")
  func responseScale() {
    let scores = (0..<1_000).map { Float($0) }
    var scale = ResponseScale(scores: scores, baseRate: 0.02)
    #expect(scale.centre == 500 && scale.unit == 245)
    let odds = scale.logOdds(990) - scale.logOdds(500)
    #expect(abs(odds - 2) < 1e-6)
    #expect(abs(ResponseScale.sigmoid(scale.logOdds(500)) - 0.02) < 1e-12)
    #expect(scale.logOdds(1e9) == 0)
    scale.calibrate(shown: [Float](repeating: 500, count: 250), accepted: 25)
    // (25 + 5) / (250 * 0.02 + 5) = 3.
    #expect(abs(scale.baseRate - 0.06) < 1e-12)
    #expect(ResponseScale(scores: [1, 1, 1]).unit == 1)
    #expect(ResponseScale(scores: [Float](repeating: 0, count: 99) + [8]).unit == 2)
  }

  @Test("logistic updates find the taste that outcomes were drawn from")
  func logisticLayer() throws {
    var random = SeededRandom(seed: 3)
    let count = 200
    var vectors = Matrix(rows: count, columns: 2)
    for row in 0..<count {
      let angle = 2 * Double.pi * Double(row) / Double(count)
      vectors[row, 0] = Float(cos(angle))
      vectors[row, 1] = Float(sin(angle))
    }
    var layer = try BayesianLastLayer(vectors: vectors, ridge: 1)
    for _ in 0..<6_000 {
      let item = Int.random(in: 0..<count, using: &random)
      let chance = ResponseScale.sigmoid(-1 + 1.5 * Double(vectors[item, 0]))
      layer.update(
        item: item, isAccepted: RandomVariates.uniform(using: &random) < chance, offset: -1)
    }
    // Information about each coordinate: about 6,000 * 0.17 / 2; a deviation of 0.045.
    #expect(abs(layer.posterior.mean[0] - 1.5) < 0.25)
    #expect(abs(layer.posterior.mean[1]) < 0.25)
    #expect(abs(layer.deviations()[0] - 0.047) < 0.02)
  }
}
