/// The words of ``EventExpression``: which parameters each takes, and the event they make.
enum EventWord: String, CaseIterable {
  case gaussian = "G"
  case laplace = "L"
  case discreteGaussian = "DG"
  case discreteLaplace = "DL"
  case skellam = "SK"
  case randomizedResponse = "RR"
  case epsilonDelta = "ED"
  case zCDP = "Z"
  case matrixFactorization = "MF"
  case singleEpochTree = "TR"
  case poissonSampled = "P"
  case truncatedPoisson = "TP"
  case sampledWithoutReplacement = "W"

  /// One parameter of a word.
  struct Parameter {
    enum Form { case real, integer, integers }
    let name: String
    var form = Form.real
    /// How it may be calibrated; nil if it may not be `?`.
    var free: FreeParameter.Role?
  }

  var isSampler: Bool {
    self == .poissonSampled || self == .truncatedPoisson || self == .sampledWithoutReplacement
  }

  /// Whether a sampler's word may be written directly before this one, as in `PG`.
  var joinsSampler: Bool {
    switch self {
    case .gaussian, .laplace, .discreteGaussian, .discreteLaplace, .skellam, .epsilonDelta, .zCDP:
      true
    default: false
    }
  }

  var parameters: [Parameter] {
    let noise = Parameter(name: "noise multiplier", free: .noise)
    let rate = Parameter(name: "rate", free: .rate)
    let sensitivity = Parameter(name: "sensitivity", form: .integer)
    switch self {
    case .gaussian: return [noise]
    case .laplace: return [Parameter(name: "scale", free: .noise)]
    case .discreteGaussian: return [Parameter(name: "sigma", free: .noise), sensitivity]
    case .discreteLaplace: return [Parameter(name: "parameter", free: .loss), sensitivity]
    case .skellam:
      return [
        Parameter(name: "central variance", free: .noise), Parameter(name: "scale"),
        Parameter(name: "l1 sensitivity"), Parameter(name: "l2 sensitivity"),
      ]
    case .randomizedResponse:
      return [
        Parameter(name: "noise", free: .noiseProbability),
        Parameter(name: "buckets", form: .integer),
      ]
    case .epsilonDelta: return [Parameter(name: "epsilon", free: .loss), Parameter(name: "delta")]
    case .zCDP: return [Parameter(name: "rho", free: .loss), Parameter(name: "xi")]
    case .matrixFactorization: return [noise, Parameter(name: "sensitivity", free: .loss)]
    case .singleEpochTree: return [noise, Parameter(name: "step counts", form: .integers)]
    case .poissonSampled: return [rate]
    case .truncatedPoisson:
      return [
        rate, Parameter(name: "batch limit", form: .integer),
        Parameter(name: "dataset size", form: .integer),
      ]
    case .sampledWithoutReplacement:
      return [
        Parameter(name: "population size", form: .integer),
        Parameter(name: "sample size", form: .integer),
      ]
    }
  }

  /// Parameters at the end that may be left out; they are 0 then.
  var optionalParameters: Int { self == .zCDP ? 1 : 0 }

  /// The event of these arguments, in the order of ``parameters``.
  /// - Parameters:
  ///   - real: arguments as written.
  ///   - integers: those of the last parameter, for ``singleEpochTree``.
  ///   - inner: what is sampled, for samplers.
  func event(
    _ real: [Double], integers: [Int], inner: DPEvent?
  ) throws(PrivacyError) -> DPEvent {
    let integer = real.map { Int(exactly: $0) ?? 0 }
    switch self {
    case .gaussian: return try .gaussian(noiseMultiplier: real[0])
    case .laplace: return try .laplace(scale: real[0])
    case .discreteGaussian:
      return try .discreteGaussian(sigma: real[0], sensitivity: integer[1])
    case .discreteLaplace:
      return try .discreteLaplace(parameter: real[0], sensitivity: integer[1])
    case .skellam:
      return try .skellam(
        centralVariance: real[0], scale: real[1], l1Sensitivity: real[2], l2Sensitivity: real[3])
    case .randomizedResponse: return try .randomizedResponse(noise: real[0], buckets: integer[1])
    case .epsilonDelta: return try .epsilonDelta(epsilon: real[0], delta: real[1])
    case .zCDP: return try .zCDP(rho: real[0], xi: real.count > 1 ? real[1] : 0)
    case .matrixFactorization:
      return try .matrixFactorization(noiseMultiplier: real[0], sensitivity: real[1])
    case .singleEpochTree:
      return try .singleEpochTree(noiseMultiplier: real[0], stepCounts: integers)
    case .poissonSampled: return try .poissonSampled(rate: real[0], inner ?? .none)
    case .truncatedPoisson:
      return try .truncatedPoisson(
        rate: real[0], batchLimit: integer[1], datasetSize: integer[2], inner ?? .none)
    case .sampledWithoutReplacement:
      return try .sampledWithoutReplacement(
        populationSize: integer[0], sampleSize: integer[1], inner ?? .none)
    }
  }
}
