extension DPEvent: CustomStringConvertible {
  /// The event in the grammar of ``EventExpression``; it reads back as the same event.
  package var description: String {
    switch kind {
    case .gaussian(let noiseMultiplier): "G:\(noiseMultiplier)"
    case .laplace(let scale): "L:\(scale)"
    case .discreteGaussian(let sigma, let sensitivity): "DG:\(sigma):\(sensitivity)"
    case .discreteLaplace(let parameter, let sensitivity): "DL:\(parameter):\(sensitivity)"
    case .skellam(let skellam):
      "SK:\(skellam.centralVariance):\(skellam.scale):\(skellam.l1Sensitivity)"
        + ":\(skellam.l2Sensitivity)"
    case .randomizedResponse(let noise, let buckets): "RR:\(noise):\(buckets)"
    case .epsilonDelta(let epsilon, let delta): "ED:\(epsilon):\(delta)"
    case .zCDP(let rho, let xi): xi == 0 ? "Z:\(rho)" : "Z:\(rho):\(xi)"
    case .matrixFactorization(let noiseMultiplier, let sensitivity):
      "MF:\(noiseMultiplier):\(sensitivity)"
    case .singleEpochTree(let noiseMultiplier, let stepCounts):
      "TR:\(noiseMultiplier):" + stepCounts.map(String.init).joined(separator: "+")
    case .poissonSampled(let rate, let event): event.sampled(by: "P", "\(rate)")
    case .truncatedPoisson(let rate, let batchLimit, let datasetSize, let event):
      event.sampled(by: "TP", "\(rate):\(batchLimit):\(datasetSize)")
    case .sampledWithoutReplacement(let populationSize, let sampleSize, let event):
      event.sampled(by: "W", "\(populationSize):\(sampleSize)")
    case .repeated(let event, let count):
      event.isCompound ? "(\(event))*\(count)" : "\(event)*\(count)"
    case .composed(let events):
      events.isEmpty
        ? "()"
        : events.map { $0.isComposition ? "(\($0))" : $0.description }.joined(separator: ";")
    }
  }

  private func sampled(by word: String, _ parameters: String) -> String {
    let text = description
    guard let end = text.firstIndex(of: ":"), joinsSampler else {
      return "\(word):\(parameters)(\(text))"
    }
    return "\(word)\(text[..<end]):\(parameters)\(text[end...])"
  }

  private var joinsSampler: Bool {
    switch kind {
    case .gaussian, .laplace, .discreteGaussian, .discreteLaplace, .skellam, .epsilonDelta, .zCDP:
      true
    default: false
    }
  }

  private var isComposition: Bool {
    if case .composed(let events) = kind { return !events.isEmpty }
    return false
  }

  private var isCompound: Bool {
    if case .repeated = kind { return true }
    return isComposition
  }
}
