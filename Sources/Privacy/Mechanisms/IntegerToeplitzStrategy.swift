/// A strategy with its coefficients rounded to multiples of 2^-g: the integer matrix 2^g C.
///
/// Noise behind a fractional C would have to be fractional too: integers z behind c = (1, 1/2) leave
/// the parity of a sum readable. So the integer matrix is what is applied, and its sensitivity is
/// exact in integers.
///
/// - Source: ruling 20.
package struct IntegerToeplitzStrategy: Sendable, Equatable {
  /// 2^g c_t, rounded to the nearest; trailing zeros are dropped.
  package let coefficients: [Int64]
  /// g.
  package let fractionBits: Int

  /// - Parameters:
  ///   - strategy: coefficients below 2^10 in size.
  ///   - fractionBits: g in 0...30. With few bits a long tail of small coefficients is lost; the error
  ///     is then that of the shorter strategy, and still stated exactly.
  ///   - roundCount: coefficients beyond it are dropped.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(
    rounding strategy: ToeplitzStrategy, fractionBits: Int, roundCount: Int
  ) throws(PrivacyError) {
    guard (0...30).contains(fractionBits) else {
      throw .invalidParameter(
        name: "strategy fraction bits", value: "\(fractionBits)", accepted: "0 to 30")
    }
    let scale = Double(1 << fractionBits)
    guard strategy.coefficients.allSatisfy({ abs($0) < 1_024 }), roundCount >= 1 else {
      throw .invalidParameter(
        name: "strategy", value: "\(strategy.coefficients.prefix(3))",
        accepted: "coefficients below 1024")
    }
    var coefficients = strategy.coefficients.prefix(roundCount).map {
      Int64(($0 * scale).rounded())
    }
    while coefficients.count > 1, coefficients.last == 0 { coefficients.removeLast() }
    guard coefficients[0] > 0 else {
      throw .invalidParameter(
        name: "strategy", value: "\(strategy.coefficients[0])",
        accepted: "a first coefficient that does not round to 0")
    }
    self.coefficients = coefficients
    self.fractionBits = fractionBits
  }

  /// A strategy that is given in integers, as in a policy.
  /// - Parameters:
  ///   - coefficients: 2^g c_t, the first above 0, each below 2^40 in size; 1 to 4,096 of them.
  ///   - fractionBits: g in 0...30.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(coefficients: [Int64], fractionBits: Int) throws(PrivacyError) {
    guard (0...30).contains(fractionBits) else {
      throw .invalidParameter(
        name: "strategy fraction bits", value: "\(fractionBits)", accepted: "0 to 30")
    }
    guard let first = coefficients.first, first > 0, coefficients.count <= 4_096,
      coefficients.allSatisfy({ $0.magnitude < 1 << 40 })
    else {
      throw .invalidParameter(
        name: "strategy", value: "\(coefficients.prefix(3))",
        accepted: "1 to 4096 coefficients below 2^40, the first above 0")
    }
    self.coefficients = coefficients
    self.fractionBits = fractionBits
  }

  /// The same matrix over the real numbers, C rounded.
  package var rounded: ToeplitzStrategy {
    get throws(PrivacyError) {
      try ToeplitzStrategy(
        coefficients: coefficients.map { Double($0) / Double(1 << fractionBits) })
    }
  }

  /// The square of the ℓ² sensitivity of 2^g C, for one client's integer contributions of norm at most
  /// `contributionNorm` a round, under `rule`: exact for coefficients that are not negative and do not
  /// rise, else an upper bound (``ToeplitzStrategy/sensitivity(under:)``).
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` if it exceeds 2^127.
  package func sensitivitySquared(
    under rule: ParticipationRule, contributionNorm: UInt64
  ) throws(PrivacyError) -> UInt128 {
    let column = ToeplitzStrategy.participationColumn(
      ToeplitzStrategy.majorised(coefficients.map(\.magnitude)), rule: rule, zero: UInt64(0),
      add: { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 })
    var total = UInt128(contributionNorm) * UInt128(contributionNorm)
    var squares = UInt128(0)
    var overflows = false
    for entry in column {
      let (sum, overflow) = squares.addingReportingOverflow(UInt128(entry) * UInt128(entry))
      squares = sum
      overflows = overflows || overflow || entry == .max
    }
    let (product, overflow) = total.multipliedReportingOverflow(by: squares)
    total = product
    guard !overflows, !overflow, total >> 127 == 0 else {
      throw .invalidParameter(
        name: "contribution norm", value: "\(contributionNorm)",
        accepted: "a sensitivity below 2^63")
    }
    return total
  }

  /// ``sensitivitySquared(under:contributionNorm:)``'s root, rounded up.
  package func sensitivity(
    under rule: ParticipationRule, contributionNorm: UInt64
  ) throws(PrivacyError) -> UInt64 {
    Self.rootRoundedUp(try sensitivitySquared(under: rule, contributionNorm: contributionNorm))
  }

  /// - Parameter square: below 2^127.
  static func rootRoundedUp(_ square: UInt128) -> UInt64 {
    var root: UInt64 = 0
    for bit in stride(from: 63, through: 0, by: -1) {
      let candidate = root | 1 << UInt64(bit)
      if UInt128(candidate) * UInt128(candidate) <= square { root = candidate }
    }
    return UInt128(root) * UInt128(root) < square ? root + 1 : root
  }
}
