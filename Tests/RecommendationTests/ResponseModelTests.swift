import CanonicalJSON
import Foundation
import Recommendation
import Testing
import VectorMath

@Suite("ResponseModel")
struct ResponseModelTests {
  private static let inputs = 3
  private static let catalogue = Result {
    try Catalogue(codes: ["a", "b"], descriptions: ["first", "second"])
  }

  private static func model(rounds: Int = 2) throws -> ResponseModel {
    try ResponseModel(
      hyperparameters: .object([
        "inputs": .integer(Int64(inputs)), "rounds": .integer(Int64(rounds)),
      ]))
  }

  private static func history(_ examples: [([Float], Bool)]) -> CustomerHistory {
    var history = CustomerHistory.empty
    history.responses = examples.map {
      ResponseExample(offer: 0, inputs: $0.0, isResponse: $0.1)
    }
    return history
  }

  /// Inputs as they are: directions along the axes, all of one size.
  private static func parameters(
    _ weights: [Float], scale: Float = 1, offers: Float = 2
  ) throws -> ModelParameters {
    var directions = [Float](repeating: 0, count: inputs * inputs)
    for place in 0..<inputs { directions[place * (inputs + 1)] = 1 }
    return try ModelParameters(tensors: [
      "weights": .init(weights), "offer_count": .init([offers]),
      "scales": .init([Float](repeating: scale, count: inputs)),
      "directions": .init(shape: [inputs, inputs], values: directions),
    ])
  }

  private static func logLikelihood(_ history: CustomerHistory, _ weights: [Float]) -> Double {
    history.responses.reduce(0) { sum, example in
      let odds = zip(example.inputs, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      return sum - log1p(exp(example.isResponse ? -odds : odds))
    }
  }

  @Test("a device sends the derivative of its log-likelihood, by finite differences")
  func gradient() throws {
    let history = Self.history([([0.2, 0.5, 1], true), ([0.7, 0, 1], false)])
    let weights: [Float] = [0.3, -0.6, 0.1]
    let update = try Self.model().update(
      stage: 1, history: history, parameters: Self.parameters(weights, scale: 2), itemCount: 2)
    for place in weights.indices {
      var (above, below) = (weights, weights)
      above[place] += 1e-3
      below[place] -= 1e-3
      let slope =
        (Self.logLikelihood(history, above) - Self.logLikelihood(history, below))
        / Double(above[place] - below[place])
      // Along a direction of size 2 a gradient is half as long; the clip norm is 6.
      #expect(abs(6 * Double(update[place]) - slope / 2) < 1e-4)
    }
  }

  @Test("moments are the triangle of x x' over the clip norm")
  func moments() throws {
    let update = try Self.model().update(
      stage: 0, history: Self.history([([0.5, 0, 1], true), ([0, 1, 1], false)]),
      parameters: Self.model().initialParameters(catalogue: Self.catalogue.get()), itemCount: 2)
    let root = Float(2).squareRoot()
    let expected: [Float] = [0.25, 0, 0.5 * root, 1, root, 2].map { $0 / 40 }
    #expect(zip(update, expected).allSatisfy { abs($0 - $1) < 1e-7 })
  }

  @Test("the clip norm of moments is a hyperparameter, and what M is made of does not depend on it")
  func momentClip() throws {
    func clipping(to clip: String) throws -> ResponseModel {
      try ResponseModel(
        hyperparameters: .object(["inputs": .integer(3), "moment_clip": .string(clip)]))
    }
    let history = Self.history([([0.5, 0, 1], true), ([0, 1, 1], false)])
    let scales = try ["40", "80"].map { clip in
      let model = try clipping(to: clip)
      let start = try model.initialParameters(catalogue: Self.catalogue.get())
      let update = try model.update(stage: 0, history: history, parameters: start, itemCount: 2)
      #expect(abs(update[5] - 2 / (clip == "40" ? 40 : 80)) < 1e-7)
      let next = try model.advance(
        stage: 0, noisedSum: update.map { 100 * Double($0) },
        context: StageContext(
          noiseStandardDeviation: 0, targetCohort: 100, contributorCount: 100, features: nil),
        parameters: start, itemCount: 2)
      return try #require(next["scales"]).values
    }
    #expect(zip(scales[0], scales[1]).allSatisfy { abs($0 - $1) < 1e-5 })
    for clip in ["0.5", "100001", "many"] {
      #expect(throws: RecommendationError.self) { try clipping(to: clip) }
    }
  }

  @Test("no offers send exactly zero, and many offers no more than norm 1", arguments: [0, 1])
  func bounded(stage: Int) throws {
    let model = try Self.model()
    let parameters = try Self.parameters([9, -9, 4], scale: 0.01)
    let nothing = try model.update(
      stage: stage, history: .empty, parameters: parameters, itemCount: 2)
    #expect(nothing.allSatisfy { $0 == 0 })
    let many = Self.history((0..<500).map { ([1, Float($0 % 2), 1], $0 % 3 == 0) })
    let update = try model.update(
      stage: stage, history: many, parameters: parameters, itemCount: 2)
    let norm = update.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(norm <= 1 && norm > 0.999)
  }

  @Test("shares of the budget add up, and steps are the stages that repeat")
  func stages() throws {
    let model = try Self.model(rounds: 4)
    #expect(model.stages == ["moments", "step-1", "step-2", "step-3", "step-4"])
    #expect(model.repeatedStages == 1..<5)
    #expect(abs(model.budgetShares.reduce(0, +) - 1) < 1e-12)
  }

  @Test("scores are log-odds of the offers received, and the intercept for the others")
  func scores() throws {
    let history = Self.history([([1, 0, 1], true)])
    let scores = try Self.model().scores(
      history: history, parameters: Self.parameters([0.5, 2, -1]), features: nil)
    #expect(scores.totals == [-0.5, -1])
  }

  @Test(
    "inputs of another length, an offer that is not there and missing hyperparameters are errors")
  func errors() throws {
    let model = try Self.model()
    let parameters = try Self.parameters([0, 0, 0])
    #expect(throws: RecommendationError.shapeMismatch(name: "inputs", expected: [3], actual: [2])) {
      try model.update(
        stage: 1, history: Self.history([([1, 1], true)]), parameters: parameters, itemCount: 2)
    }
    var outside = CustomerHistory.empty
    outside.responses = [ResponseExample(offer: 2, inputs: [0, 0, 1], isResponse: true)]
    #expect(throws: RecommendationError.itemOutOfRange(item: 2, itemCount: 2)) {
      try model.scores(history: outside, parameters: parameters, features: nil)
    }
    #expect(throws: RecommendationError.shapeMismatch(name: "inputs", expected: [3], actual: [2])) {
      try model.scores(
        history: Self.history([([1, 1], true)]), parameters: parameters, features: nil)
    }
    for offers: Float in [0, 2.5, 2_097_152] {
      #expect(throws: RecommendationError.notItemCount(name: "offer_count", value: offers)) {
        try model.scores(
          history: .empty, parameters: Self.parameters([0, 0, 0], offers: offers), features: nil)
      }
    }
    #expect(throws: RecommendationError.self) {
      try ModelRegistry.model(identifier: "response", hyperparameters: .object([:]))
    }
    #expect(throws: RecommendationError.numericalFailure(step: "bringing inputs to one size")) {
      try model.update(
        stage: 1, history: .empty, parameters: Self.parameters([0, 0, 0], scale: 0), itemCount: 2)
    }
  }
}
