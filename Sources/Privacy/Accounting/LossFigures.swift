internal import Glibc

/// An accountant with an event loaded.
protocol LossFigures {
  /// - Parameter delta: in (0, 1).
  func epsilon(delta: Double) -> AccountedLoss
  /// - Parameter epsilon: finite, not negative.
  func delta(epsilon: Double) -> AccountedLoss
}

struct ExactFigures: LossFigures {
  let mu: Double

  func epsilon(delta: Double) -> AccountedLoss {
    loss(GaussianAccountant.epsilon(mu: mu, delta: delta), log(delta), delta: delta)
  }

  func delta(epsilon: Double) -> AccountedLoss {
    let logDelta = GaussianAccountant.logDelta(mu: mu, epsilon: epsilon)
    return loss(epsilon, logDelta, delta: AccountedLoss.delta(logDelta))
  }

  private func loss(_ epsilon: Double, _ logDelta: Double, delta: Double) -> AccountedLoss {
    AccountedLoss(
      epsilon: epsilon, delta: delta, logDelta: logDelta, accountant: .exact, excess: 0,
      gridInterval: nil, gridLength: nil, order: nil)
  }
}

struct PLDFigures: LossFigures {
  let accountant: PLDAccountant

  func epsilon(delta: Double) -> AccountedLoss {
    loss(accountant.epsilon(delta: delta), delta: delta)
  }

  func delta(epsilon: Double) -> AccountedLoss {
    let bound = accountant.logDelta(epsilon: epsilon)
    return loss(bound, delta: AccountedLoss.delta(bound.logDelta))
  }

  private func loss(_ bound: PLDAccountant.Bound, delta: Double) -> AccountedLoss {
    let relative: Double? =
      bound.epsilon == .infinity || bound.excess == .infinity
      ? nil : bound.epsilon > 0 ? bound.excess / bound.epsilon : bound.excess
    return AccountedLoss(
      epsilon: bound.epsilon, delta: delta, logDelta: bound.logDelta, accountant: .pld,
      excess: relative, gridInterval: bound.interval, gridLength: bound.length, order: nil)
  }
}

struct RenyiFigures: LossFigures {
  let curve: RenyiCurve

  func epsilon(delta: Double) -> AccountedLoss {
    loss(
      curve.epsilon(delta: delta), log(delta), delta: delta, order: curve.bestOrder(delta: delta))
  }

  func delta(epsilon: Double) -> AccountedLoss {
    let logDelta = curve.logDelta(epsilon: epsilon)
    let delta = AccountedLoss.delta(logDelta)
    return loss(
      epsilon, logDelta, delta: delta,
      order: delta > 0 && delta < 1 ? curve.bestOrder(delta: delta) : nil)
  }

  private func loss(
    _ epsilon: Double, _ logDelta: Double, delta: Double, order: Double?
  ) -> AccountedLoss {
    AccountedLoss(
      epsilon: epsilon, delta: delta, logDelta: logDelta, accountant: .rdp, excess: nil,
      gridInterval: nil, gridLength: nil, order: order)
  }
}

/// D_a <= xi + rho a for every order.
struct ZCDPFigures: LossFigures {
  private(set) var rho = 0.0
  private(set) var xi = 0.0

  func epsilon(delta: Double) -> AccountedLoss {
    let epsilon = rho == 0 && xi == 0 ? 0 : xi + ZeroConcentrated.epsilon(rho: rho, delta: delta)
    return loss(epsilon > 0 ? epsilon.nextUp : 0, log(delta), delta: delta)
  }

  func delta(epsilon: Double) -> AccountedLoss {
    // epsilon falls as ln delta grows; the larger end of the bracket is kept.
    let exceeds = { (logDelta: Double) in self.epsilon(delta: exp(logDelta)).epsilon > epsilon }
    var (low, high) = (-690.0, 0.0)
    if !exceeds(low) { high = low }
    for _ in 0..<60 where high > low {
      let middle = (low + high) / 2
      if middle < 0, exceeds(middle) { low = middle } else { high = middle }
    }
    return loss(epsilon, high, delta: AccountedLoss.delta(high))
  }

  private func loss(_ epsilon: Double, _ logDelta: Double, delta: Double) -> AccountedLoss {
    AccountedLoss(
      epsilon: epsilon, delta: delta, logDelta: logDelta, accountant: .zcdp, excess: nil,
      gridInterval: nil, gridLength: nil, order: nil)
  }

  /// - Throws: ``PrivacyError/notAccountable(event:accountant:reason:)``.
  init(_ event: DPEvent, relation: NeighbouringRelation) throws(PrivacyError) {
    try add(event, count: 1, distance: Double(relation.sensitivityFactor))
  }

  private mutating func add(
    _ event: DPEvent, count: Double, distance: Double
  ) throws(PrivacyError) {
    guard count > 0 else { return }
    if let mu = event.gaussianMu(sensitivityFactor: distance) {
      rho += count * mu * mu / 2
      return
    }
    switch event.kind {
    case .repeated(let inner, let repetitions):
      try add(inner, count: count * Double(repetitions), distance: distance)
    case .composed(let parts):
      for part in parts { try add(part, count: count, distance: distance) }
    case .discreteGaussian(let sigma, let sensitivity):
      // Canonne, Kamath, Steinke, arXiv:2004.00010, theorem 4.
      let ratio = sensitivity == 0 ? 0 : Double(sensitivity) * distance / sigma
      rho += count * ratio * ratio / 2
    case .laplace(let scale): addPure(distance / scale, count)
    case .discreteLaplace(let parameter, let sensitivity):
      addPure(parameter * Double(sensitivity) * distance, count)
    case .randomizedResponse(let noise, let buckets):
      addPure(log1p((1 - noise) * Double(buckets) / noise), count)
    case .epsilonDelta(let epsilon, 0): addPure(epsilon, count)
    case .zCDP(let eventRho, let eventXi):
      rho += count * eventRho
      xi += count * eventXi
    case .poissonSampled(let rate, let inner) where rate == 1:
      try add(inner, count: count, distance: distance)
    case .poissonSampled(let rate, _) where rate == 0: return
    case .poissonSampled, .truncatedPoisson, .sampledWithoutReplacement:
      throw .notAccountable(
        event: "\(event)", accountant: "zcdp",
        reason: "sampling does not amplify zCDP; use pld or rdp")
    case .epsilonDelta, .skellam, .gaussian, .matrixFactorization, .singleEpochTree:
      throw .notAccountable(
        event: "\(event)", accountant: "zcdp", reason: "it has no zCDP bound; use pld or rdp")
    }
  }

  /// Pure DP is epsilon²/2-zCDP: Bun, Steinke, arXiv:1605.02065, proposition 1.4.
  private mutating func addPure(_ epsilon: Double, _ count: Double) {
    rho += count * epsilon * epsilon / 2
  }
}

extension AccountedLoss {
  /// e^`logDelta` rounded up, at most 1.
  static func delta(_ logDelta: Double) -> Double {
    min(1, (exp(logDelta) * (1 + 4 * Double.ulpOfOne)).nextUp)
  }
}
