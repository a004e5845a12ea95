extension RenyiMechanism {
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  func validate() throws(PrivacyError) {
    switch self {
    case .gaussian(let noiseMultiplier):
      try Self.require("noise multiplier", noiseMultiplier, noiseMultiplier >= 0)
    case .laplace(let scale): try Self.require("Laplace scale", scale, scale >= 0)
    case .discreteLaplace(let decay, let sensitivity):
      try Self.require("decay", decay, decay >= 0, accepted: "0 or more")
      try Self.require("sensitivity", Double(sensitivity), sensitivity >= 1, accepted: "1 or more")
    case .randomizedResponse(let noise, let bucketCount):
      try Self.require("noise", noise, (0...1).contains(noise), accepted: "0 to 1")
      try Self.require("buckets", Double(bucketCount), bucketCount >= 2, accepted: "2 or more")
    case .approximate(let epsilon, let delta):
      try Self.require("epsilon", epsilon, epsilon >= 0, accepted: "0 or more")
      try Self.require("delta", delta, (0...1).contains(delta), accepted: "0 to 1")
    case .zCDP(let rho): try Self.require("rho", rho, rho >= 0, accepted: "0 or more")
    case .tree(let noiseMultiplier, let stepCount):
      try Self.require("noise multiplier", noiseMultiplier, noiseMultiplier >= 0)
      try Self.require("tree steps", Double(stepCount), stepCount >= 0, accepted: "0 or more")
    case .skellam(let noise): try noise.validate()
    case .distributedDiscreteGaussian(let noise): try noise.validate()
    case .poisson(let rate, let mechanism):
      try Self.require("sampling rate", rate, (0...1).contains(rate), accepted: "0 to 1")
      if mechanism.isSampled {
        throw .invalidParameter(
          name: "sampled mechanism", value: "\(mechanism)",
          accepted: "one that is not sampled itself")
      }
      try mechanism.validate()
    case .withoutReplacement(let rate, let noiseMultiplier):
      try Self.require("sampling rate", rate, (0...1).contains(rate), accepted: "0 to 1")
      try Self.require("noise multiplier", noiseMultiplier, noiseMultiplier >= 0)
    }
  }

  private var isSampled: Bool {
    switch self {
    case .poisson, .withoutReplacement: true
    default: false
    }
  }

  /// Sampling at rate q leaves q × delta (arXiv:1807.01647, theorem 8).
  var failureProbability: Double {
    switch self {
    case .approximate(_, let delta): delta
    case .poisson(let rate, .approximate(_, let delta)): rate * delta
    default: 0
    }
  }

  /// NaN fails every comparison, so it never passes.
  static func require(
    _ name: String, _ value: Double, _ isAccepted: Bool, accepted: String = "0 (no noise) or more"
  ) throws(PrivacyError) {
    guard isAccepted else {
      // Counts come as doubles too; people write them as whole numbers.
      let written = Int32(exactly: value).map { "\($0)" } ?? "\(value)"
      throw .invalidParameter(name: name, value: written, accepted: accepted)
    }
  }
}
