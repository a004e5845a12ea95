import CanonicalJSON
import Testing
import VectorMath

@testable import Recommendation

@Suite("Sequence model") struct SequenceModelTests {
  private static let itemCount = 12
  private static let codes = (0..<itemCount).map { String(100 + $0) }

  private static func catalogue(_ description: String = "item") throws -> Catalogue {
    try Catalogue(codes: codes, descriptions: codes.map { "\(description) \($0)" })
  }

  private static func model(
    _ changes: [String: JSONValue] = [:]
  ) throws -> SequenceModel {
    let small: [String: JSONValue] = [
      "dimension": .integer(4), "length": .integer(5), "rounds": .integer(3),
    ]
    return try SequenceModel(
      hyperparameters: .object(small.merging(changes) { $1 }))
  }

  /// Items in the order in which they were bought.
  private static func history(_ items: [Int]) -> CustomerHistory {
    CustomerHistory(
      rows: items.enumerated().sorted { $0.element < $1.element }.map {
        .init(item: $0.element, occasions: 1, lastSeconds: Int64($0.offset))
      })
  }

  /// Customers go round a circle of the items, from every place on.
  private static let circle = (0..<24).map { customer in
    history((0..<7).map { (customer + $0) % itemCount })
  }

  /// One vector an item, all different.
  private static func features() throws -> ItemFeatures {
    var random = SeededRandom(seed: 2)
    var vectors = Matrix(rows: itemCount, columns: 8)
    for item in 0..<itemCount {
      let row = (0..<8).map { _ in Float.random(in: -1...1, using: &random) }
      let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for (column, value) in row.enumerated() { vectors[item, column] = value / norm }
    }
    return try ItemFeatures(vectors: vectors)
  }

  private static func train(
    _ model: SequenceModel, histories: [CustomerHistory] = circle, features: ItemFeatures?,
    afterStage: (Int, ModelParameters) throws -> Void = { _, _ in }
  ) throws -> ModelParameters {
    var parameters = try model.initialParameters(catalogue: try catalogue())
    for stage in model.stages.indices {
      let dimension = try model.updateDimension(
        stage: stage, parameters: parameters, itemCount: itemCount)
      var sum = [Double](repeating: 0, count: dimension)
      for history in histories {
        let update = try model.update(
          stage: stage, history: history, parameters: parameters, itemCount: itemCount)
        for index in sum.indices { sum[index] += Double(update[index]) }
      }
      parameters = try model.advance(
        stage: stage, noisedSum: sum,
        context: StageContext(
          noiseStandardDeviation: 0, targetCohort: histories.count,
          contributorCount: histories.count, features: features),
        parameters: parameters, itemCount: itemCount)
      try afterStage(stage, parameters)
    }
    return parameters
  }

  /// The mean of -ln p(next item) of a history, in Double.
  private static func loss(
    _ network: Transformer<Double>, _ windows: [SequenceWindow]
  ) -> Double {
    let count = windows.reduce(0) { $0 + $1.inputs.count }
    var gradient = network.zeroGradient
    var dropout: Dropout?
    return windows.reduce(0) {
      $0
        + network.addGradient(
          of: $1, scale: 1 / Double(count), dropout: &dropout, to: &gradient)
    }
  }

  @Test(
    "a device sends the gradient of its mean loss, by finite differences, at norm 1",
    arguments: [0, 1])
  func gradientByFiniteDifferences(learnedItems: Int64) throws {
    let model = try Self.model(["learned_items": .integer(learnedItems)])
    // Some customers twice, so that items differ in popularity.
    let parameters = try Self.train(
      model, histories: Self.circle + Self.circle.prefix(5), features: Self.features())
    let history = Self.history([3, 8, 1, 5, 9, 2, 11, 4])
    let update = try model.update(
      stage: 1, history: history, parameters: parameters, itemCount: Self.itemCount)
    let learned = try LearnedSequence(
      parameters, itemCount: Self.itemCount, shape: model.shape,
      learnsItems: model.learnsItems)
    var network = Transformer<Double>(
      shape: model.shape, weights: learned.network.weights.map(Double.init),
      items: learned.network.items.map(Double.init), bias: learned.network.bias.map(Double.init),
      learnsItems: model.learnsItems)
    let windows = SequenceWindow.windows(of: [3, 8, 1, 5, 9, 2, 11, 4], length: 5)
    #expect(windows.count == 2 && Set(learned.network.bias).count > 1)
    let step = 1e-5
    func slope(_ value: WritableKeyPath<Transformer<Double>, Double>) -> Double {
      let before = network[keyPath: value]
      network[keyPath: value] = before + step
      let above = Self.loss(network, windows)
      network[keyPath: value] = before - step
      let below = Self.loss(network, windows)
      network[keyPath: value] = before
      return (above - below) / (2 * step)
    }
    var slopes = network.weights.indices.map { slope(\.weights[$0]) }
    if model.learnsItems { slopes += network.items.indices.map { slope(\.items[$0]) } }
    #expect(update.count == slopes.count)
    let norm = slopes.reduce(0) { $0 + $1 * $1 }.squareRoot()
    // Ten times it is clipped.
    #expect(norm > 0.1)
    for (value, slope) in zip(update, slopes) {
      #expect(abs(Double(value) - slope / norm) < 1e-4)
    }
    // Of the sum: seven places, a five hundredth each, and too short to be clipped.
    let summed = try Self.model([
      "learned_items": .integer(learnedItems), "loss": .string("sum"),
    ]).update(stage: 1, history: history, parameters: parameters, itemCount: Self.itemCount)
    #expect(summed.count == slopes.count)
    for (value, slope) in zip(summed, slopes) {
      #expect(abs(Double(value) - 0.014 * slope) < 1e-6)
    }
  }

  @Test("rounds without noise find what comes next, with public vectors and with learned ones")
  func learns() throws {
    for learnedItems in [0, 1] as [Int64] {
      let model = try Self.model([
        "learned_items": .integer(learnedItems), "rounds": .integer(60), "dimension": .integer(8),
        "learning_rate": .string("0.05"),
      ])
      let parameters = try Self.train(model, features: Self.features())
      var found = 0
      for start in 0..<Self.itemCount {
        let history = Self.history((0..<5).map { (start + $0) % Self.itemCount })
        let scores = try model.scores(history: history, parameters: parameters, features: nil)
        let best = scores.totals.indices.max { scores.totals[$0] < scores.totals[$1] }
        if best == (start + 5) % Self.itemCount { found += 1 }
      }
      // By chance 1 of 12.
      #expect(found >= 10, "learned_items \(learnedItems): \(found)")
    }
  }

  @Test("public vectors stay as they are, and the size of an update is not the catalogue's")
  func publicVectorsAreFrozen() throws {
    let model = try Self.model()
    var vectors: [ModelParameters.Tensor?] = []
    var weights: Set<[Float]> = []
    let parameters = try Self.train(model, features: Self.features()) { stage, parameters in
      vectors.append(parameters["item_vectors"])
      if let tensor = parameters["weights"] { weights.insert(tensor.values) }
    }
    #expect(vectors.allSatisfy { $0 == vectors[0] && $0 != nil })
    #expect(weights.count == 4)
    #expect(
      try model.updateDimension(stage: 1, parameters: parameters, itemCount: Self.itemCount)
        == model.shape.weightCount)
    let defaults = try SequenceModel(hyperparameters: .object([:]))
    #expect(defaults.shape.weightCount == 8_000)

    let learning = try Self.model(["learned_items": .integer(1)])
    var learned: Set<[Float]> = []
    let last = try Self.train(learning, features: nil) { _, parameters in
      learned.insert(parameters["item_vectors"]?.values ?? [])
    }
    #expect(learned.count == 4)
    #expect(
      try learning.updateDimension(stage: 3, parameters: last, itemCount: Self.itemCount)
        == learning.shape.weightCount + Self.itemCount * 4)
  }

  @Test(
    "the parameters carry the optimizer on: steps of Adam at a rate that falls or stays",
    arguments: [0, 1])
  func optimizerIsCarriedOn(decay: Int64) throws {
    let model = try Self.model(["learning_rate": .string("0.5"), "decay": .integer(decay)])
    var parameters = try model.initialParameters(catalogue: try Self.catalogue())
    let context = StageContext(
      noiseStandardDeviation: 1, targetCohort: 4, contributorCount: 2, features: nil)
    parameters = try model.advance(
      stage: 0, noisedSum: [Double](repeating: 1, count: Self.itemCount), context: context,
      parameters: parameters, itemCount: Self.itemCount)
    var adam = Adam(count: model.shape.weightCount)
    var weights = try #require(parameters["weights"]).values
    var random = SeededRandom(seed: 5)
    for stage in 1...3 {
      let sum = weights.map { _ in Double.random(in: -3...3, using: &random) }
      parameters = try model.advance(
        stage: stage, noisedSum: sum, context: context,
        parameters: try ModelParameters(decoding: parameters.encoded()),
        itemCount: Self.itemCount)
      adam.step(
        &weights, gradient: sum.map { Float($0 / 4) },
        learningRate: decay == 0 ? 0.5 : [0.5, 0.5 * 2 / 3, 0.5 / 3][stage - 1])
      let moved = try #require(parameters["weights"]).values
      #expect(zip(moved, weights).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }

  @Test("a head smaller than the catalogue: items outside it are not read, sent or scored")
  func smallHead() throws {
    let model = try Self.model(["head": .integer(5)])
    let popular = Self.circle.map { history in
      Self.history(history.sequence().filter { $0 < 6 } + [11])
    }
    let parameters = try Self.train(model, histories: popular, features: Self.features())
    let head = try Head(parameters, itemCount: Self.itemCount, limit: Head.wideLimit)
    #expect(head.count == 5)
    let outside = (0..<Self.itemCount).filter { head.place(of: $0) == nil }
    let inside = Self.history(Array(head.items.prefix(4).reversed()))
    // The same order with items of no place between.
    let mixed = Self.history(
      zip(head.items.prefix(4).reversed(), outside).flatMap { [$0, $1] })
    func update(_ history: CustomerHistory) throws -> [Float] {
      try model.update(
        stage: 2, history: history, parameters: parameters, itemCount: Self.itemCount)
    }
    #expect(try update(inside) == update(mixed))
    #expect(try update(inside).contains { $0 != 0 })
    #expect(try update(Self.history(outside)).allSatisfy { $0 == 0 })
    let scores = try model.scores(history: mixed, parameters: parameters, features: nil)
    let sequence = try #require(scores[.sequence])
    let popularity = try #require(scores[.popularity])
    for item in outside { #expect(sequence[item] == 0) }
    #expect(head.items.allSatisfy { sequence[$0] != 0 && popularity[$0] > 0 })
    #expect(
      try model.readSequence(of: mixed, parameters: parameters)
        == Array(head.items.prefix(4).reversed()))
  }

  @Test("smallHead order: items outside the head come after all in it, whatever the scores are")
  func smallHeadOrder() throws {
    let model = try Self.model(["head": .integer(5)])
    let popular = Self.circle.map { history in
      Self.history(history.sequence().filter { $0 < 6 } + [11])
    }
    let trained = try Self.train(model, histories: popular, features: Self.features())
    let head = try Head(trained, itemCount: Self.itemCount, limit: Head.wideLimit)
    // The last place is in the head and others before it are not: of equals the first ranks higher.
    let outside = Set(0..<Self.itemCount).subtracting(head.items)
    #expect(head.items.contains(11) && outside.count == 7)
    func isLast(_ parameters: ModelParameters, _ history: CustomerHistory) throws -> Bool {
      let scores = try model.scores(history: history, parameters: parameters, features: nil)
      return Set(Ranking.topK(scores.totals, Self.itemCount).suffix(outside.count)) == outside
    }
    // A bias of zero leaves what attention says alone, of which about half is below zero.
    var tensors = trained.tensors
    tensors["bias"] = .init([Float](repeating: 0, count: 5))
    let flat = try ModelParameters(tensors: tensors)
    tensors["bias"] = .init([Float](repeating: 1e9, count: 5))
    let huge = try ModelParameters(tensors: tensors)
    let histories = head.items.map { Self.history([$0]) } + [.empty]
    let totals = try histories.map {
      try model.scores(history: $0, parameters: flat, features: nil).totals
    }
    #expect(totals.contains { totals in head.items.contains { totals[$0] < 0 } })
    for parameters in [trained, flat, huge] {
      for history in histories { #expect(try isLast(parameters, history)) }
    }
  }

  @Test("a device learns from its latest four windows and scores by the latest one")
  func latestWindows() throws {
    let model = try Self.model(["length": .integer(2)])
    let parameters = try Self.train(model, features: Self.features())
    let items = [3, 8, 1, 5, 9, 2, 11, 4, 0, 6, 7, 10]
    func update(_ items: [Int]) throws -> [Float] {
      try model.update(
        stage: 1, history: Self.history(items), parameters: parameters, itemCount: Self.itemCount)
    }
    func sequence(_ items: [Int]) throws -> [Float]? {
      try model.scores(history: Self.history(items), parameters: parameters, features: nil)[
        .sequence]
    }
    func swapped(_ first: Int, _ second: Int) -> [Int] {
      var swapped = items
      swapped.swapAt(first, second)
      return swapped
    }
    // Four windows of two targets: nine items, the first of which is read only.
    let learned = try update(items)
    #expect(SequenceModel.largestWindows == 4 && learned.contains { $0 != 0 })
    #expect(try update(Array(items.suffix(9))) == learned)
    #expect(try update(swapped(0, 2)) == learned)
    #expect(try update(swapped(2, 3)) != learned)
    #expect(try update(Array(items.prefix(9))) != learned)
    let scores = try #require(try sequence(items))
    #expect(try sequence([7, 10]) == scores)
    #expect(try sequence(swapped(8, 9)) == scores)
    #expect(try sequence(swapped(9, 10)) != scores)
    #expect(try sequence([3, 8]) != scores)
  }

  @Test("no purchase or one: nothing is sent, popularity is served, one is read")
  func shortHistories() throws {
    let model = try Self.model()
    let parameters = try Self.train(model, features: Self.features())
    for history in [.empty, Self.history([4])] {
      let update = try model.update(
        stage: 1, history: history, parameters: parameters, itemCount: Self.itemCount)
      #expect(update.count == model.shape.weightCount && update.allSatisfy { $0 == 0 })
    }
    let none = try model.scores(history: .empty, parameters: parameters, features: nil)
    #expect(none[.sequence]?.allSatisfy { $0 == 0 } == true)
    #expect(none.totals == none[.popularity])
    let one = try model.scores(
      history: Self.history([4]), parameters: parameters, features: nil)
    #expect(one[.sequence]?.contains { $0 != 0 } == true)
  }

  @Test("the same items in another order have other scores")
  func orderMatters() throws {
    let model = try Self.model(["rounds": .integer(30), "learning_rate": .string("0.05")])
    let parameters = try Self.train(model, features: Self.features())
    func totals(_ items: [Int]) throws -> [Float] {
      try model.scores(
        history: Self.history(items), parameters: parameters, features: nil
      ).totals
    }
    let moved = zip(try totals([2, 7, 5, 9]), try totals([5, 7, 2, 9]))
    #expect(moved.contains { abs($0 - $1) > 1e-4 })
  }

  @Test("reasons add up to the score and name what was bought last")
  func reasons() throws {
    let model = try Self.model()
    let parameters = try Self.train(model, features: Self.features())
    let recommender = Recommender(
      model: model, parameters: parameters, catalogue: try Self.catalogue(), features: nil)
    func order(_ history: CustomerHistory) throws -> [Reason] {
      try recommender.slate(history: history, count: 3, repeats: .suppress).map { item in
        let sum = item.reasons.reduce(Float(0)) { $0 + $1.contribution }
        #expect(abs(sum - item.score) <= 1e-5 * max(1, abs(item.score)))
        return try #require(item.reasons.first { $0.component == .sequence })
      }
    }
    for reason in try order(Self.history([6, 0, 3, 9, 1, 10, 7])) {
      // Five positions: the first two purchases are not read.
      #expect(reason.evidence == .order(latest: [7, 10, 1], read: 5))
      #expect(reason.sentence.contains("last 5") && reason.sentence.contains("item 107"))
    }
    for reason in try order(Self.history([6])) {
      #expect(reason.sentence == "Learned from what customers buy after item 106.")
    }
    for reason in try order(.empty) {
      #expect(reason.sentence == "You have bought nothing yet that it could follow.")
    }
  }

  @Test("hyperparameters out of bounds, of another type or unknown are refused by name")
  func badHyperparameters() {
    let bad: [(String, JSONValue)] = [
      ("head", .integer(0)), ("head", .integer(4_097)), ("dimension", .integer(65)),
      ("blocks", .integer(3)), ("length", .integer(51)), ("length", .integer(0)),
      ("rounds", .integer(401)), ("rounds", .string("3")), ("learning_rate", .string("0")),
      ("learning_rate", .string("2")), ("learning_rate", .number(0.1)),
      ("learned_items", .integer(2)), ("loss", .string("median")), ("loss", .integer(1)),
      ("dropout", .string("0.95")), ("dropout", .number(0.1)), ("decay", .integer(2)),
    ]
    for (name, value) in bad {
      do {
        _ = try SequenceModel(hyperparameters: .object([name: value]))
        Issue.record("\(name) is accepted")
      } catch .invalidHyperparameter(let named, _) {
        #expect(named == name)
      } catch {
        Issue.record("\(error)")
      }
    }
    #expect(throws: RecommendationError.self) {
      try SequenceModel(hyperparameters: .object(["heads": .integer(1)]))
    }
  }

  @Test("parameters that do not fit are refused by the device before anything is computed")
  func badParameters() throws {
    let model = try Self.model()
    let good = try Self.train(model, features: Self.features())
    func changed(
      _ name: String, _ tensor: ModelParameters.Tensor?
    ) throws -> ModelParameters {
      var tensors = good.tensors
      tensors[name] = tensor
      return try ModelParameters(tensors: tensors)
    }
    func refused(_ parameters: ModelParameters) throws -> RecommendationError? {
      do {
        _ = try model.scores(
          history: Self.history([1, 2]), parameters: parameters, features: nil)
        return nil
      } catch {
        #expect(throws: error) {
          try model.update(
            stage: 1, history: Self.history([1, 2]), parameters: parameters,
            itemCount: Self.itemCount)
        }
        return error
      }
    }
    #expect(try refused(good) == nil)
    let wide = ModelParameters.Tensor([Float](repeating: 0, count: Head.wideLimit + 1))
    #expect(
      try refused(changed("head", wide))
        == .tooLarge(what: "head", actual: Head.wideLimit + 1, limit: Head.wideLimit))
    #expect(try refused(changed("head", .init([3, 1]))) == .invalidHead(index: 1))
    #expect(
      try refused(changed("weights", .init([1, 2])))
        == .shapeMismatch(name: "weights", expected: [model.shape.weightCount], actual: [2]))
    #expect(
      try refused(changed("item_vectors", .init([Float](repeating: 0, count: 48))))
        == .shapeMismatch(name: "item_vectors", expected: [12, 4], actual: [48]))
    #expect(
      try refused(changed("bias", .init([0])))
        == .shapeMismatch(name: "bias", expected: [12], actual: [1]))
    #expect(try refused(changed("bias", nil)) == .missingTensor(name: "bias"))

    let sum = [Double](repeating: 0, count: model.shape.weightCount)
    let context = StageContext(
      noiseStandardDeviation: 0, targetCohort: 1, contributorCount: 1, features: nil)
    var squares = [Float](repeating: 0, count: model.shape.weightCount)
    squares[7] = -1
    #expect(throws: RecommendationError.negative(name: "gradient_square", index: 7)) {
      try model.advance(
        stage: 2, noisedSum: sum, context: context,
        parameters: try changed("gradient_square", .init(squares)), itemCount: Self.itemCount)
    }
  }

  @Test("random item vectors and first weights are drawn apart", arguments: [0, 1])
  func startsAreApart(learnedItems: Int64) throws {
    let model = try Self.model([
      "dimension": .integer(32), "learned_items": .integer(learnedItems),
    ])
    let parameters = try model.advance(
      stage: 0, noisedSum: [Double](repeating: 1, count: Self.itemCount),
      context: StageContext(
        noiseStandardDeviation: 0, targetCohort: 8, contributorCount: 8, features: nil),
      parameters: try model.initialParameters(catalogue: try Self.catalogue()),
      itemCount: Self.itemCount)
    let items = try #require(parameters["item_vectors"]).values
    let weights = try #require(parameters["weights"]).values
    func dot(_ first: ArraySlice<Float>, _ second: ArraySlice<Float>) -> Float {
      zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
    }
    // The first weights are five vectors of positions. Of one stream the cosines would be 1; independent ones
    // in 32 dimensions have a deviation of 0.18.
    for position in 0..<5 {
      let range = position * 32..<(position + 1) * 32
      let (item, weight) = (items[range], weights[range])
      #expect(dot(item, weight) < 0.8 * (dot(item, item) * dot(weight, weight)).squareRoot())
    }
  }

  @Test("the start follows from the catalogue, and the bias from the popularity above the noise")
  func start() throws {
    let model = try Self.model()
    func first(_ description: String, noise: Double) throws -> ModelParameters {
      try model.advance(
        stage: 0, noisedSum: (0..<Self.itemCount).map { Double($0) / 8 },
        context: StageContext(
          noiseStandardDeviation: noise, targetCohort: 20, contributorCount: 20, features: nil),
        parameters: try model.initialParameters(catalogue: try Self.catalogue(description)),
        itemCount: Self.itemCount)
    }
    let parameters = try first("item", noise: 0)
    #expect(try first("item", noise: 0) == parameters)
    #expect(try first("thing", noise: 0)["weights"] != parameters["weights"])
    // i customers have item i. Without noise half a customer is the least; 8 x 0.5 customers with.
    let exact = try #require(parameters["bias"]).values
    let noised = try #require(try first("item", noise: 0.5)["bias"]).values
    #expect(exact[0] == 0 && abs(exact[8] - 2.7725887) < 1e-5)
    #expect(abs(noised[4]) < 1e-6 && abs(noised[8] - 0.6931472) < 1e-5)
  }
}
