import CanonicalJSON
import Federation
import Privacy
import Recommendation
import VectorMath

@testable import Simulation

/// A synthetic shop: every customer buys from one of three shelves, with a few strays.
struct SmallShop {
  let model: any FederatedModel
  var policy: PrivacyPolicy
  let catalogue: Catalogue
  var histories: [CustomerHistory]
  /// Public vectors of the items, as the coordinator has them; none at first.
  var features: ItemFeatures?

  static let itemCount = 90

  init(
    model identifier: String, customers: Int = 40, mode: String = "sealed",
    maximumCohort: Int = 1_000, hyperparameters: JSONValue = .object([:])
  ) throws {
    policy = try PolicyTemplate(
      federation: "small-shop", model: identifier, hyperparameters: hyperparameters, epsilon: "8",
      delta: "1e-5", customers: customers, minimumCohort: 2, maximumCohort: maximumCohort,
      roundDeadlineSeconds: 60, mode: mode
    ).policy()
    model = try ModelRegistry.model(identifier: identifier, hyperparameters: hyperparameters)
    let codes = (0..<Self.itemCount).map { $0 < 10 ? "item0\($0)" : "item\($0)" }
    catalogue = try Catalogue(codes: codes, descriptions: codes)
    var random = SeededRandom(seed: 3)
    histories = (0..<customers).map { customer in
      let shelf = customer % 3 * 30
      let own = (0..<8).map { _ in shelf + Int.random(in: 0..<30, using: &random) }
      let stray = Int.random(in: 0..<Self.itemCount, using: &random)
      return Self.history(Set(own + [stray]))
    }
  }

  static func history(_ items: Set<Int>) -> CustomerHistory {
    CustomerHistory(rows: items.sorted().map { .init(item: $0, occasions: 1, lastSeconds: 0) })
  }

  /// Trains once; noise from `seed`, none for nil.
  func train(
    seed: UInt64?, trainings: Int = 1, cohort: ResampledCohort? = nil,
    devicesPerRound: Int? = nil, attendanceSeed: UInt64 = 0
  ) throws -> InProcessFederation.Outcome {
    let federation = try InProcessFederation(
      policy: policy, model: model, catalogue: catalogue, features: features,
      histories: histories, noise: SimulatedNoise(seed: seed), trainings: trainings,
      cohort: cohort, devicesPerRound: devicesPerRound, attendanceSeed: attendanceSeed)
    return try federation.train()
  }

  /// The parameters of the same stages computed from all histories in one place, without noise,
  /// encoding, clipping or messages.
  ///
  /// - Parameter attendance: whose histories are in the sum of a stage but the first; nil for all.
  func trainDirectly(attendance: RoundAttendance? = nil) throws -> ModelParameters {
    var attendance = attendance
    var parameters = try model.initialParameters(catalogue: catalogue)
    for stage in model.stages.indices {
      let dimension = try model.updateDimension(
        stage: stage, parameters: parameters, itemCount: Self.itemCount)
      var sum = [Double](repeating: 0, count: dimension)
      let present = stage == 0 ? nil : attendance?.next()
      for (index, history) in histories.enumerated() where present?.contains(index) ?? true {
        let update = try model.update(
          stage: stage, history: history, parameters: parameters, itemCount: Self.itemCount)
        for index in sum.indices { sum[index] += Double(update[index]) }
      }
      parameters = try model.advance(
        stage: stage, noisedSum: sum,
        context: StageContext(
          noiseStandardDeviation: 0, targetCohort: policy.targetCohort,
          contributorCount: histories.count, features: features),
        parameters: parameters, itemCount: Self.itemCount)
    }
    return parameters
  }
}
