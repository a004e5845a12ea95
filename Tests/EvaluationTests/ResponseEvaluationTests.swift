import CanonicalJSON
import Evaluation
import Foundation
import Recommendation
import Testing
import VectorMath

@Suite("responses to offers")
struct ResponseEvaluationTests {
  /// One example a customer, about half of them responses, so that no gradient reaches the clip norm.
  private static let histories: [CustomerHistory] = {
    var random = SeededRandom(seed: 5)
    return (0..<400).map { _ in
      let inputs = [
        Float.random(in: 0...1, using: &random), Bool.random(using: &random) ? 1 : 0, 1,
      ]
      let chance = ResponseExample.probability(
        logOdds: Double(inputs[0]) - Double(inputs[1]) * 0.5 - 0.2)
      var history = CustomerHistory.empty
      history.responses = [
        ResponseExample(
          offer: 0, inputs: inputs,
          isResponse: Double.random(in: 0..<1, using: &random) < chance)
      ]
      return history
    }
  }()

  private static let examples = histories.flatMap(\.responses)

  @Test("the gradient is that of the loss, by finite differences, and 0 at what is fitted")
  func gradient() throws {
    let weights = [0.4, -1.2, 0.3]
    let gradient = LogisticRegression(weights: weights).gradient(on: Self.examples, ridge: 2)
    for place in weights.indices {
      func loss(_ step: Double) -> Double {
        var moved = weights
        moved[place] += step
        return LogisticRegression(weights: moved).loss(on: Self.examples, ridge: 2)
      }
      let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
      #expect(abs(slope - gradient[place]) < 1e-4)
    }
    let fitted = try LogisticRegression(fitting: Self.examples, ridge: 2)
    #expect(fitted.gradient(on: Self.examples, ridge: 2).allSatisfy { abs($0) < 1e-8 })
  }

  @Test("without noise, and without clipping, federated weights are the centralized ones to 1e-3")
  func twin() throws {
    let hyperparameters = JSONValue.object(["inputs": .integer(3), "rounds": .integer(50)])
    let trained = try PlainTrainer().train(
      FederatedTrainingRequest(
        histories: Self.histories, catalogue: Catalogue(codes: ["a"], descriptions: ["a"]),
        features: nil, model: "response", hyperparameters: hyperparameters, epsilon: nil,
        delta: 1e-5, seed: 1))
    let centralized = try LogisticRegression(fitting: Self.examples, ridge: ResponseModel.ridge)
    let model = try ResponseModel(hyperparameters: hyperparameters)
    for inputs: [Float] in [[0, 0, 1], [1, 0, 1], [0, 1, 1]] {
      let odds = try model.logOdds(inputs, parameters: trained.parameters)
      #expect(abs(odds - centralized.logOdds(inputs)) < 1e-3)
    }
    #expect(abs(centralized.weights[0]) > 0.3)
  }

  private static func forecasts(_ pairs: [(Double, Bool)]) -> [ResponseFigures.Forecast] {
    pairs.map { ResponseFigures.Forecast(probability: $0.0, isResponse: $0.1) }
  }

  @Test("five examples with a tie, by hand")
  func figures() throws {
    let judged = Self.forecasts([
      (0.8, true), (0.5, false), (0.5, true), (0.25, false), (0.25, false),
    ])
    let training = Self.forecasts([(0.9, true), (0.4, true), (0.3, false), (0.1, false)])
    let figures = try #require(ResponseFigures(judged, training: training))
    // Pairs: 3 + 2.5 of 6.
    #expect(abs(figures.area - 5.5 / 6) < 1e-12)
    #expect(abs(figures.areaShares.reduce(0, +) / 5 - figures.area) < 1e-12)
    #expect(figures.baseRate == 0.4)
    #expect(figures.threshold == 0.4)
    // Foreseen: 0.8, 0.5, 0.5; two of them right.
    #expect(abs(figures.f1 - 2 * 2.0 / 5) < 1e-12)
    let loss = -(log(0.8) + 2 * log(0.5) + 2 * log(0.75)) / 5
    #expect(abs(figures.logLoss - loss) < 1e-12)
    // A probability a group: 0.8 less 1, two of 0.5 less 1, two of 0.25 less 0.
    #expect(abs(figures.calibrationError - (0.2 + 0 + 0.5) / 5) < 1e-12)
    #expect(
      figures.curve.map(\.truePositiveRate) == [0, 0.5, 1, 1]
        && zip(figures.curve.map(\.falsePositiveRate), [0, 0, 1.0 / 3, 1]).allSatisfy {
          abs($0 - $1) < 1e-12
        })
    #expect(ResponseFigures(Self.forecasts([(0.5, true)]), training: training) == nil)
  }

  @Test("examples of one probability are one group, whatever their order; a tenth closes a group")
  func calibration() throws {
    let training = Self.forecasts([(0.9, true), (0.1, false)])
    // All alike and right on the whole: 5 of 20 at 0.25.
    let alike = Self.forecasts((0..<20).map { (0.25, $0 < 5) })
    #expect(try #require(ResponseFigures(alike, training: training)).calibrationError == 0)
    // A tenth is two. 0.5 and 0.25, both responses, miss 2 - 0.75; all others are as much too high as they are.
    let apart = Self.forecasts(
      [(0.5, true), (0.25, true)] + (1...18).map { (0.125 / Double($0), false) })
    let rest = (1...18).reduce(0) { $0 + 0.125 / Double($1) }
    let error = try #require(ResponseFigures(apart, training: training)).calibrationError
    #expect(abs(error - (1.25 + rest) / 20) < 1e-12)
  }

  @Test("the variance of what examples add to the area is near that of the area over resamples")
  func areaShares() throws {
    var random = SeededRandom(seed: 11)
    func draw() -> [ResponseFigures.Forecast] {
      (0..<200).map { index in
        let isResponse = index % 4 == 0
        return ResponseFigures.Forecast(
          probability: (isResponse ? 0.2 : 0) + 0.7 * Double.random(in: 0.001..<1, using: &random),
          isResponse: isResponse)
      }
    }
    let first = draw()
    let figures = try #require(ResponseFigures(first, training: first))
    let areas = try (0..<400).map { _ in
      try #require(ResponseFigures(draw(), training: first)).area
    }
    func deviation(_ values: [Double]) -> Double {
      let mean = values.reduce(0, +) / Double(values.count)
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (squares / Double(values.count - 1)).squareRoot()
    }
    let estimated = deviation(figures.areaShares) / 200.0.squareRoot()
    // 400 draws give the deviation to 3.5 %, 200 examples the estimate to about 10 %.
    #expect(abs(estimated / deviation(areas) - 1) < 0.3)
  }
}
