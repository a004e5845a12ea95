internal import CanonicalJSON
internal import Evaluation
internal import Federation
internal import Glibc
internal import Operations
internal import Privacy
internal import Recommendation
internal import SecureAggregation
internal import Simulation
internal import VectorMath
internal import WireProtocol

/// Trains the federated cells of a comparison through the in-process link.
enum InProcessTrainer {
  /// The budget whose noise is accounted, but not drawn, in a run without noise.
  private static let nominalEpsilon = "8"

  @Sendable static func train(
    _ request: FederatedTrainingRequest
  ) async throws -> FederatedTrainingResult {
    let setup = try Setup(request)
    let devices = request.histories.count
    let federation = try InProcessFederation(
      policy: setup.policy,
      model: try ModelRegistry.model(
        identifier: request.model, hyperparameters: request.hyperparameters),
      catalogue: request.catalogue, features: request.features, histories: request.histories,
      noise: SimulatedNoise(
        seed: request.epsilon == nil ? nil : request.seed, deviationFactor: setup.deviationFactor),
      cohort: setup.cohort, devicesPerRound: request.devicesPerRound,
      attendanceSeed: request.seed)
    let outcome = try federation.train()
    return FederatedTrainingResult(
      parameters: outcome.parameters,
      effort: FederatedTrainingResult.Effort(
        rounds: outcome.roundsReleased,
        clientsPerRound: request.devicesPerRound ?? setup.customers,
        bytesUpPerClient: outcome.bytesUp / devices,
        bytesDownPerClient: outcome.bytesDown / devices, mode: request.mode,
        epsilonSpent: request.epsilon == nil
          ? nil : setup.epsilonSpent ?? outcome.epsilonSpent))
  }

  /// Why so many devices cannot be simulated in this process; nil if they can.
  ///
  /// Each device holds its keys in pages of their own, which take two memory mappings, and the system bounds how many
  /// a process has.
  static func obstacle(toDevices devices: Int) -> String? {
    guard let most = mappingLimit else { return nil }
    let needed = 2 * devices + 4_096
    guard needed > most else { return nil }
    return
      "\(Format.count(devices)) devices in one process need vm.max_map_count \(needed), and it is \(most): "
      + "sysctl -w vm.max_map_count=\(needed)"
  }

  /// Memory mappings that a process may have; nil where that cannot be read.
  private static var mappingLimit: Int? {
    let descriptor = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    return Int(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter(\.isNumber))
  }

  /// Why the masked mode of `cell` cannot make its run; nil if it can, and where nothing is masked or noised.
  ///
  /// A reason that follows from the budget names it: the mode's other rows may be possible.
  /// - Parameters:
  ///   - hyperparameters: of the cell's model.
  ///   - delta: of the private runs.
  ///   - customers: of a round.
  /// - Throws: what the policy's types throw for a budget or a model that no mode accepts.
  static func obstacle(
    to cell: ComparisonCell, hyperparameters: JSONValue, delta: Double, customers: Int
  ) throws -> String? {
    guard let epsilon = cell.epsilon else { return nil }
    func policy(mode: String) throws -> PrivacyPolicy {
      try InProcessTrainer.policy(
        model: cell.model, hyperparameters: hyperparameters, epsilon: epsilon, delta: delta,
        mode: mode, customers: customers)
    }
    guard AggregationMode(rawValue: cell.mode)?.isMasked == true else {
      // The policy of a resampled run is one of the customers there are.
      if !cell.isResampled { _ = try policy(mode: cell.mode) }
      return nil
    }
    guard customers <= MaskingPolicy.largestCohort else {
      return "one masked sum has at most \(Format.count(MaskingPolicy.largestCohort)) members"
    }
    _ = try policy(mode: ComparisonCell.centralNoise)
    do {
      try FederationIdentity.requireMaskedRounds(of: try policy(mode: cell.mode))
      return nil
    } catch let error as MaskingParameterError {
      return "\(error)"
    } catch {
      return "\(cell.model) at epsilon \(ComparisonCell.number(epsilon)): \(error)"
    }
  }

  /// Who takes part, under which policy, with how much noise.
  private struct Setup {
    let policy: PrivacyPolicy
    /// Customers of a round.
    let customers: Int
    /// For how many customers each history stands; nil for one each.
    let cohort: ResampledCohort?
    /// Of the simulated noise.
    let deviationFactor: Double
    /// What a masked mode would show as spent; nil where the training itself tells.
    let epsilonSpent: Double?

    init(_ request: FederatedTrainingRequest) throws {
      let devices = request.histories.count
      cohort = request.resampledCustomers.map { size in
        // Not the seed itself, which is that of the noise.
        var derived = SeededRandom(seed: ~request.seed)
        var generator = SeededRandom(seed: derived.next())
        return ResampledCohort.drawn(size: size, from: devices, using: &generator)
      }
      customers = cohort?.size ?? devices
      let copies = Double(cohort?.mostCopies ?? 1)
      guard request.mode != ComparisonCell.centralNoise, !request.runsMasks else {
        policy = try InProcessTrainer.policy(of: request, customers: devices)
        deviationFactor = 1 / copies
        epsilonSpent = nil
        return
      }
      let twin = try UnmaskedTwin(
        of: try InProcessTrainer.policy(of: request, customers: customers), cohort: customers,
        devices: devices)
      policy = twin.policy
      deviationFactor = twin.deviationFactor / copies
      epsilonSpent = twin.epsilonSpent
    }
  }

  private static func policy(
    of request: FederatedTrainingRequest, customers: Int
  ) throws -> PrivacyPolicy {
    try policy(
      model: request.model, hyperparameters: request.hyperparameters, epsilon: request.epsilon,
      delta: request.delta, mode: request.mode, customers: customers,
      fewest: request.devicesPerRound)
  }

  /// - Parameters:
  ///   - epsilon: of the whole training; nil for the nominal budget of a run without noise.
  ///   - fewest: devices that a round may be made with; nil for what the mode needs.
  private static func policy(
    model: String, hyperparameters: JSONValue, epsilon: Double?, delta: Double, mode: String,
    customers: Int, fewest: Int? = nil
  ) throws -> PrivacyPolicy {
    try PolicyTemplate(
      federation: "comparison", model: model, hyperparameters: hyperparameters,
      epsilon: epsilon.map { "\($0)" } ?? nominalEpsilon, delta: "\(delta)",
      customers: customers,
      // The noise of the masked modes is sized for the fewest that a round accepts.
      minimumCohort: fewest
        ?? (mode == ComparisonCell.centralNoise ? customers : max(2, customers / 2)),
      maximumCohort: customers, roundDeadlineSeconds: 600, mode: mode
    ).policy()
  }
}
