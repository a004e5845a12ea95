internal import Glibc

/// A lower-triangular Toeplitz matrix C for correlated noise: the sums x of a training run are released
/// as C x + noise, and C^-1 afterwards makes the noise of running totals cancel.
///
/// With A = B C, A the matrix of running totals, the error of a total is that of B × noise. The whole
/// run costs one Gaussian release of the sensitivity of C.
package struct ToeplitzStrategy: Sendable, Equatable {
  /// c_0, c_1, …: the first column; what is not listed is 0. c_0 is above 0.
  package let coefficients: [Double]

  /// - Parameter coefficients: finite, the first above 0, at most 1,000,000.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(coefficients: [Double]) throws(PrivacyError) {
    guard let first = coefficients.first, first > 0, coefficients.count <= 1_000_000,
      coefficients.allSatisfy(\.isFinite)
    else {
      throw .invalidParameter(
        name: "strategy", value: "\(coefficients.prefix(3))",
        accepted: "finite coefficients, the first above 0")
    }
    self.coefficients = coefficients
  }

  private init(checked coefficients: [Double]) { self.coefficients = coefficients }

  /// Independent noise in every round, as of plain DP-SGD.
  package static let independent = ToeplitzStrategy(checked: [1])

  /// The square root of the matrix of running totals, which has the least largest error for one
  /// participation: c_0 = 1, c_t = c_(t-1) (2t - 1) / 2t, up to `bandCount`.
  /// - Parameter bandCount: number of coefficients kept, 1 or more; the number of rounds for all.
  /// - Source: Fichtenberger, Henzinger, Upadhyay, arXiv:2202.11205.
  package static func squareRoot(bandCount: Int) -> ToeplitzStrategy {
    precondition(bandCount >= 1, "a strategy has a diagonal")
    var coefficients = [1.0]
    for t in 1..<max(1, bandCount) {
      coefficients.append(coefficients[t - 1] * Double(2 * t - 1) / Double(2 * t))
    }
    return ToeplitzStrategy(checked: coefficients)
  }

  /// The banded inverse square root: the first `bandCount` coefficients of (I - S)^1/2 are C^-1.
  /// - Parameters:
  ///   - bandCount: 1 or more.
  ///   - roundCount: number of coefficients of C.
  /// - Source: Kalinin, McKenna, Upadhyay, Lampert, "Back to square roots", arXiv:2505.12128.
  package static func bandedInverseSquareRoot(
    bandCount: Int, roundCount: Int
  ) -> ToeplitzStrategy {
    precondition(bandCount >= 1 && roundCount >= 1, "a strategy has a diagonal")
    var inverse = [1.0]
    for t in 1..<max(1, bandCount) {
      inverse.append(inverse[t - 1] * (Double(t) - 1.5) / Double(t))
    }
    return ToeplitzStrategy(checked: inverseSeries(of: inverse, count: roundCount))
  }

  /// A buffered linear Toeplitz matrix: c_0 = 1, c_t = Σ_j scale_j decay_j^(t-1).
  /// - Parameters:
  ///   - decay: one a buffer, in 0...1.
  ///   - scale: one a buffer, 0 or more, finite.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  /// - Source: Dvijotham et al., arXiv:2404.16706; McMahan, Xu, Zhang, arXiv:2408.08868.
  package static func buffered(
    decay: [Double], scale: [Double], roundCount: Int
  ) throws(PrivacyError) -> ToeplitzStrategy {
    precondition(roundCount >= 1, "a strategy has a diagonal")
    guard decay.count == scale.count, decay.allSatisfy({ (0...1).contains($0) }),
      scale.allSatisfy({ $0 >= 0 && $0 < .infinity })
    else {
      throw .invalidParameter(
        name: "buffers", value: "\(decay), \(scale)",
        accepted: "as many scales as decays, decays in 0...1, scales 0 or more")
    }
    return bufferedSeries(decay: decay, scale: scale, roundCount: roundCount)
  }

  private static func bufferedSeries(
    decay: [Double], scale: [Double], roundCount: Int
  ) -> ToeplitzStrategy {
    var powers = scale
    var coefficients = [1.0]
    for _ in 1..<max(1, roundCount) {
      coefficients.append(powers.reduce(0, +))
      for index in powers.indices { powers[index] *= decay[index] }
    }
    return ToeplitzStrategy(checked: coefficients)
  }

  /// Three buffers that were optimised for the largest error over 2,000 rounds of one client in at most
  /// 6 of them, at least 342 apart: sensitivity × largest error 10.7, against 109.5 of independent
  /// noise.
  ///
  /// - Source: jax-privacy at commit 8967688c, `buffered_toeplitz.optimize(error: max)`.
  package static func bufferedForTwoThousandRounds(roundCount: Int) -> ToeplitzStrategy {
    precondition(roundCount >= 1, "a strategy has a diagonal")
    return bufferedSeries(
      decay: [0.99999999977303, 0.9936575010433739, 0.8119622078905789],
      scale: [0.006665571502948176, 0.11850340115732666, 0.33063856163498045],
      roundCount: roundCount)
  }

  /// The first `count` coefficients of 1 / Σ a_t x^t, a_0 not 0.
  static func inverseSeries(of a: [Double], count: Int) -> [Double] {
    var inverse = [1 / a[0]]
    for t in 1..<max(1, count) {
      var sum = 0.0
      for s in 1..<max(1, min(a.count, t + 1)) { sum += a[s] * inverse[t - s] }
      inverse.append(-sum / a[0])
    }
    return inverse
  }
}

extension ToeplitzStrategy {
  /// Whether the coefficients are not negative and do not rise, so that the sensitivity below is exact.
  package var isMonotone: Bool {
    coefficients.allSatisfy { $0 >= 0 }
      && zip(coefficients, coefficients.dropFirst()).allSatisfy(>=)
  }

  /// The ℓ² sensitivity of C when one client's contribution, of norm 1 a round, comes under `rule`.
  ///
  /// Exact if ``isMonotone``: the worst case is to take part as early and as often as allowed. Otherwise
  /// an upper bound, that of the smallest monotone sequence above the |c_t|.
  /// - Source: Kalinin, Lampert, "Banded square root matrix factorization", arXiv:2405.13763,
  ///   theorem 2.
  package func sensitivity(under rule: ParticipationRule) -> Double {
    let column = Self.participationColumn(
      Self.majorised(coefficients.map(abs)), rule: rule, zero: 0, add: +)
    return column.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  /// The mean and the largest variance of the running totals, for noise of variance 1 and without the
  /// sensitivity.
  /// - Complexity: O(`roundCount` × number of coefficients).
  package func error(roundCount: Int) -> (mean: Double, largest: Double) {
    precondition(roundCount >= 1, "an error needs a round")
    let c = Array(coefficients.prefix(roundCount))
    // B = A C^-1: the running totals of the inverse.
    var (total, variance, sum) = (0.0, 0.0, 0.0)
    for term in Self.inverseSeries(of: c, count: roundCount) {
      total += term
      variance += total * total
      sum += variance
    }
    return (sum / Double(roundCount), variance)
  }

  /// The smallest sequence that does not rise and is not below the given one.
  static func majorised<Value: Comparable>(_ values: [Value]) -> [Value] {
    var result = values
    for index in result.indices.dropLast().reversed() {
      result[index] = max(result[index], result[index + 1])
    }
    return result
  }

  /// Σ_j of the sequence shifted by j b, for j below the number of participations, cut at the last
  /// round.
  static func participationColumn<Value>(
    _ c: [Value], rule: ParticipationRule, zero: Value, add: (Value, Value) -> Value
  ) -> [Value] {
    var column = Array(repeating: zero, count: rule.roundCount)
    for j in 0..<rule.maximumParticipations {
      let start = j * rule.minimumSeparation
      for (t, value) in c.prefix(max(0, rule.roundCount - start)).enumerated() {
        column[start + t] = add(column[start + t], value)
      }
    }
    return column
  }
}

/// Binary tree aggregation, the baseline that correlated noise by Toeplitz matrices replaced: every node
/// of a complete binary tree over the rounds is released once, and a total adds the nodes of its
/// rounds' binary digits.
package enum BinaryTreeStrategy {
  /// The ℓ² sensitivity for one participation: √ of the height.
  package static func sensitivity(roundCount: Int) -> Double {
    Double(RenyiMechanism.treeHeight(stepCount: roundCount)).squareRoot()
  }

  /// The mean and largest variance of the running totals for noise of variance 1: totals of t rounds
  /// take as many nodes as t has binary ones.
  package static func error(roundCount: Int) -> (mean: Double, largest: Double) {
    precondition(roundCount >= 1, "an error needs a round")
    let ones = (1...roundCount).map { Double($0.nonzeroBitCount) }
    return (ones.reduce(0, +) / Double(roundCount), ones.reduce(0, max))
  }
}
