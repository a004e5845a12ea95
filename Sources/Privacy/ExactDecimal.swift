/// The exact value of a decimal string such as "0.635": significand × 10^exponent, not negative.
///
/// Policies and ledger entries hold their parameters in this form, so that every machine computes
/// the same integers from them. Two decimals are equal when their values are: "1.0" equals "1".
package struct ExactDecimal: Sendable, CustomStringConvertible {
  /// Not a multiple of 10, except for zero.
  package let significand: UInt64
  package let exponent: Int
  /// The spelling it was read from; writing a policy back reproduces its bytes.
  package let description: String

  /// Largest magnitude of the power of ten, and longest spelling, that are read.
  private static let exponentLimit = 400
  private static let lengthLimit = 48

  /// - Parameter text: digits, an optional fraction, an optional power of ten: "8", "0.635",
  ///   "1e-5". No sign, no space, no digit left out before or after the point, no leading zeros, at
  ///   most 19 significant digits.
  /// - Throws: ``PrivacyError/invalidDecimal(_:)``.
  package init(_ text: String) throws(PrivacyError) {
    guard let value = Self.parse(text) else {
      throw .invalidDecimal(String(text.prefix(Self.lengthLimit)))
    }
    (significand, exponent) = value
    description = text
  }

  /// The smallest decimal of `digits` significant digits whose nearest double is not below `value`.
  /// - Parameters:
  ///   - value: in 1e-100...1e100.
  ///   - digits: in 1...15.
  package init(roundingUp value: Double, significantDigits digits: Int) {
    precondition((1e-100...1e100).contains(value), "value out of range")
    precondition((1...15).contains(digits), "a double holds 15 decimal digits")
    var exponent = Self.decimalExponent(of: value) - (digits - 1)
    var significand = Self.estimate(of: value, exponent: exponent)
    // The estimate is off by one at most either way; the exact comparison decides.
    while Self.value(significand, exponent) >= value && significand > 1 { significand -= 1 }
    while Self.value(significand, exponent) < value { significand += 1 }
    while significand % 10 == 0 {
      significand /= 10
      exponent += 1
    }
    self.significand = significand
    self.exponent = exponent
    description = Self.spelling(significand, exponent)
  }

  /// The nearest double.
  package var doubleValue: Double { Self.value(significand, exponent) }

  /// A double that is not above the value: integers up to 2^53 themselves, else the one below the
  /// nearest.
  package var doubleRoundedDown: Double {
    let isExact = significand >> 53 == 0 && (0...15).contains(exponent) && doubleValue < 0x1p53
    return isExact ? doubleValue : doubleValue.nextDown
  }

  /// The value × 2^`fractionBits` as an integer, rounded up: noise in grid steps.
  /// - Throws: ``PrivacyError/notOnGrid(value:fractionBits:)`` if the result does not fit, or
  ///   `fractionBits` is not in 0...62.
  package func scaled(toGrid fractionBits: Int) throws(PrivacyError) -> UInt64 {
    guard (0...62).contains(fractionBits),
      let steps = multiplied(by: UInt64(1) << UInt64(fractionBits))
    else { throw .notOnGrid(value: self, fractionBits: fractionBits) }
    return steps
  }

  /// This times `factor`, rounded up to an integer.
  /// - Parameter factor: up to 2^62.
  /// - Throws: ``PrivacyError/scaleNotChargeable(_:)`` if the result does not fit 64 bits.
  package func scaled(by factor: UInt64) throws(PrivacyError) -> UInt64 {
    guard factor <= 1 << 62, let product = multiplied(by: factor) else {
      throw .scaleNotChargeable(.max)
    }
    return product
  }

  /// Rounded up; nil beyond 64 bits. The factor has at most 63 bits.
  private func multiplied(by factor: UInt64) -> UInt64? {
    let steps = UInt128(significand) * UInt128(factor)
    var result: UInt128? = steps
    if exponent > 0 {
      result = Self.powerOfTen(exponent).flatMap { power in
        let (product, overflows) = steps.multipliedReportingOverflow(by: power)
        return overflows ? nil : product
      }
    } else if exponent < 0 {
      // A power of ten beyond 128 bits exceeds every numerator: the quotient rounds up to one.
      let divisor = Self.powerOfTen(-exponent) ?? UInt128.max
      let (quotient, remainder) = steps.quotientAndRemainder(dividingBy: divisor)
      result = quotient + (remainder > 0 ? 1 : 0)
    }
    return result.flatMap(UInt64.init(exactly:))
  }
}

extension ExactDecimal: Equatable {
  package static func == (left: ExactDecimal, right: ExactDecimal) -> Bool {
    left.significand == right.significand && left.exponent == right.exponent
  }
}

extension ExactDecimal {
  private static func parse(_ text: String) -> (significand: UInt64, exponent: Int)? {
    guard text.utf8.count <= lengthLimit else { return nil }
    let parts = text.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
    let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = mantissa.count == 2 ? mantissa[1] : ""
    guard isDigits(mantissa[0]), mantissa.count == 1 || isDigits(fraction),
      mantissa[0].utf8.count == 1 || mantissa[0].utf8.first != UInt8(ascii: "0")
    else { return nil }
    var exponent = -fraction.utf8.count
    if parts.count == 2 {
      let magnitude = parts[1].hasPrefix("-") ? parts[1].dropFirst() : parts[1]
      guard isDigits(magnitude), let power = Int(parts[1]), power.magnitude <= exponentLimit else {
        return nil
      }
      exponent += power
    }
    var digits = (mantissa[0] + fraction).drop { $0 == "0" }
    while digits.last == "0" {
      digits.removeLast()
      exponent += 1
    }
    guard !digits.isEmpty else { return (0, 0) }
    guard digits.utf8.count <= 19, exponent.magnitude <= exponentLimit,
      let significand = UInt64(digits)
    else { return nil }
    return (significand, exponent)
  }

  private static func isDigits(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  private static func powerOfTen(_ exponent: Int) -> UInt128? {
    guard exponent <= 38 else { return nil }
    return (0..<exponent).reduce(UInt128(1)) { product, _ in product * 10 }
  }

  /// The nearest double; the standard library rounds decimal text correctly.
  private static func value(_ significand: UInt64, _ exponent: Int) -> Double {
    guard let value = Double("\(significand)e\(exponent)") else {
      preconditionFailure("digits and an integer exponent are a number")
    }
    return value
  }

  /// n such that 10^n <= value < 10^(n + 1).
  private static func decimalExponent(of value: Double) -> Int {
    var exponent = 0
    while Self.value(1, exponent) > value { exponent -= 1 }
    while Self.value(1, exponent + 1) <= value { exponent += 1 }
    return exponent
  }

  private static func estimate(of value: Double, exponent: Int) -> UInt64 {
    let scaled = exponent >= 0 ? value / Self.value(1, exponent) : value * Self.value(1, -exponent)
    return UInt64(scaled.rounded(.up)) + 1
  }

  private static func spelling(_ significand: UInt64, _ exponent: Int) -> String {
    let digits = String(significand)
    guard (-20...20).contains(exponent) else { return "\(digits)e\(exponent)" }
    guard exponent < 0 else { return digits + String(repeating: "0", count: exponent) }
    let padded = String(repeating: "0", count: max(0, 1 - exponent - digits.count)) + digits
    return padded.dropLast(-exponent) + "." + padded.suffix(-exponent)
  }
}
