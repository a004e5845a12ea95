/// A quantity of privacy loss: the square of a Gaussian trade-off parameter mu, in multiples of
/// 2^-96.
///
/// Squares of mu add up under composition. Sums of integers are exact and do not depend on their
/// order, so a replayed ledger, a client's journal and a remaining-rounds query agree to the last
/// bit; rounding happens once, upwards, where an event is charged.
package struct MuSquared: Equatable, Comparable, Hashable, Sendable {
  /// In units of 2^-96; ``infinite`` stands for anything from 2^31 up.
  package let units: UInt128

  package static let zero = MuSquared(units: 0)
  package static let infinite = MuSquared(units: .max)

  private static let fractionBits = 96
  private static let firstInfinite = UInt128(1) << 127

  package init(units: UInt128) { self.units = units < Self.firstInfinite ? units : .max }

  /// The smallest quantity that is not below `value`.
  /// - Parameter value: not negative, not NaN.
  package init(roundingUp value: Double) { self.init(value, rule: .up) }

  /// The largest quantity that is not above `value`.
  /// - Parameter value: not negative, not NaN.
  package init(roundingDown value: Double) { self.init(value, rule: .down) }

  private init(_ value: Double, rule: FloatingPointRoundingRule) {
    precondition(value >= 0, "mu squared is not negative")
    guard value < 2_147_483_648 else {
      self = .infinite
      return
    }
    // A power of two times a double is exact.
    let scaled = value * Double(sign: .plus, exponent: Self.fractionBits, significand: 1)
    self.init(units: UInt128(scaled.rounded(rule)))
  }

  /// `numerator` / `denominator`, rounded up.
  /// - Parameters:
  ///   - numerator: below 2^96.
  ///   - denominator: above zero.
  init(roundingUpQuotient numerator: UInt128, over denominator: UInt128) {
    precondition(numerator >> 96 == 0 && denominator > 0, "the quotient is not in range")
    let high = numerator >> 32
    guard high < denominator else {
      self = .infinite
      return
    }
    let (quotient, remainder) = denominator.dividingFullWidth((high: high, low: numerator << 96))
    let (units, overflows) = quotient.addingReportingOverflow(remainder > 0 ? 1 : 0)
    self.init(units: overflows ? .max : units)
  }

  /// The smallest double that is not below this.
  package var doubleValue: Double {
    guard self != .infinite else { return .infinity }
    var value = Double(units)
    if UInt128(value) < units { value = value.nextUp }
    return value * Double(sign: .plus, exponent: -Self.fractionBits, significand: 1)
  }

  /// An upper bound of mu itself, within two units in the last place.
  package var squareRoot: Double {
    self == .zero ? 0 : doubleValue.squareRoot().nextUp
  }

  package static func < (left: MuSquared, right: MuSquared) -> Bool { left.units < right.units }

  package static func + (left: MuSquared, right: MuSquared) -> MuSquared {
    let (sum, overflows) = left.units.addingReportingOverflow(right.units)
    return MuSquared(units: overflows ? .max : sum)
  }

  package static func * (count: Int, quantity: MuSquared) -> MuSquared {
    precondition(count >= 0, "a count is not negative")
    let (product, overflows) = quantity.units.multipliedReportingOverflow(by: UInt128(count))
    return MuSquared(units: overflows ? .max : product)
  }
}
