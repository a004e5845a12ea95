import Testing
import VectorMath

@testable import Privacy

@Suite struct ExactDecimalTests {
  @Test(
    "a decimal keeps its spelling and has its exact value",
    arguments: [
      ("8", 8, 0), ("0.635", 635, -3), ("1e-5", 1, -5), ("0.00001", 1, -5), ("12.50", 125, -1),
      ("100", 1, 2), ("0", 0, 0), ("0.0", 0, 0), ("2.5e3", 25, 2), ("1e-05", 1, -5),
      ("9999999999999999999", 9_999_999_999_999_999_999, 0),
    ] as [(String, UInt64, Int)])
  func spellings(text: String, significand: UInt64, exponent: Int) throws {
    let decimal = try ExactDecimal(text)
    #expect(decimal.significand == significand)
    #expect(decimal.exponent == exponent)
    #expect(decimal.description == text)
    #expect(decimal.doubleValue == Double(text))
    #expect(decimal.doubleRoundedDown <= decimal.doubleValue)
  }

  @Test("equality is of values, not of spellings")
  func equality() throws {
    #expect(try ExactDecimal("1.0") == ExactDecimal("1"))
    #expect(try ExactDecimal("1e-5") == ExactDecimal("0.00001"))
    #expect(try ExactDecimal("0.1") != ExactDecimal("0.10000000000000001"))
  }

  @Test(
    "anything else is refused",
    arguments: [
      "", "-1", "+1", ".5", "5.", "01", "00.1", "1,5", "1e", "1e+5", "1E5", "e5", "1e5.0", " 1",
      "1 ",
      "0x1", "nan", "inf", "1.2.3", "1e-401", "12345678901234567891", "١",
      "0.0000000000000000000000000000000000000000000000001",
    ])
  func refused(text: String) {
    #expect(throws: PrivacyError.invalidDecimal(String(text.prefix(48)))) {
      try ExactDecimal(text)
    }
  }

  @Test("grid steps are rounded up, exactly")
  func gridSteps() throws {
    #expect(try ExactDecimal("0.5").scaled(toGrid: 1) == 1)
    #expect(try ExactDecimal("0.635").scaled(toGrid: 20) == 665_846)  // 665845.76
    #expect(try ExactDecimal("1").scaled(toGrid: 20) == 1 << 20)
    // 0.1 is not a double: the nearest double times 2^60 is above the exact product.
    #expect(try ExactDecimal("0.1").scaled(toGrid: 60) == 115_292_150_460_684_698)
    #expect(try ExactDecimal("1e-60").scaled(toGrid: 62) == 1)
    #expect(try ExactDecimal("0").scaled(toGrid: 62) == 0)
    #expect(try ExactDecimal("1e3").scaled(toGrid: 2) == 4_000)
    #expect(try ExactDecimal("3.9999999999").scaled(toGrid: 62) == 18_446_744_073_248_383_015)
  }

  @Test("a product beyond 64 bits, or a grid that is none, is an error and not another number")
  func gridOverflow() throws {
    for (text, bits) in [("4", 62), ("1e40", 0), ("1e19", 20), ("1", 63), ("1", -1)] {
      let value = try ExactDecimal(text)
      #expect(throws: PrivacyError.notOnGrid(value: value, fractionBits: bits)) {
        try value.scaled(toGrid: bits)
      }
    }
  }

  @Test("rounding up to digits is never below, and off by less than one digit")
  func roundingUp() throws {
    #expect(ExactDecimal(roundingUp: 0.6326961, significantDigits: 6).description == "0.632697")
    #expect(ExactDecimal(roundingUp: 0.5, significantDigits: 6).description == "0.5")
    #expect(ExactDecimal(roundingUp: 9.999_999_9, significantDigits: 6).description == "10")
    #expect(ExactDecimal(roundingUp: 123_456_789, significantDigits: 3).description == "124000000")
    #expect(ExactDecimal(roundingUp: 0.000_012_34, significantDigits: 3).description == "0.0000124")
    var generator = SeededRandom(seed: 1)
    for _ in 0..<2_000 {
      let value = Double.random(in: 0..<1, using: &generator) * 1e-3 + 1e-9
      let rounded = ExactDecimal(roundingUp: value, significantDigits: 6)
      #expect(rounded.doubleValue >= value && rounded.doubleValue <= value * (1 + 1.0001e-5))
      #expect(try ExactDecimal(rounded.description) == rounded)
    }
  }
}
