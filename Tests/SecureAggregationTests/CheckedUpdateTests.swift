import Testing
import VectorMath

@testable import SecureAggregation

@Suite("Checked update")
struct CheckedUpdateTests {
  @Test("whatever the update, its grid norm is at most 2^F", arguments: [10, 20, 24])
  func normIsBounded(fractionBits: Int) throws {
    let encoding = try FixedPointEncoding(fractionBits: fractionBits, clipNorm: 0.75)
    let bound = UInt128(1) << UInt128(2 * fractionBits)
    var random = SeededRandom(seed: 11)
    for round in 0..<200 {
      let dimension = 1 + round % 17
      // From 2^-100 to 2^98: far below a grid step, and far above the clip norm.
      let magnitude = Float(sign: .plus, exponent: round - 101, significand: 1)
      let update = (0..<dimension).map { _ in
        magnitude * Float.random(in: -1...1, using: &random)
      }
      let checked = try CheckedUpdate(update, dimension: dimension, encoding: encoding)
      // Summed here on its own, not by the function that the initialiser trusts.
      let squaredNorm = checked.gridValues.reduce(UInt128(0)) {
        $0 + UInt128($1.magnitude) * UInt128($1.magnitude)
      }
      #expect(squaredNorm <= bound)
    }
  }

  @Test("an update inside the clip norm is not scaled")
  func noScaling() throws {
    let encoding = try FixedPointEncoding(fractionBits: 10, clipNorm: 2)
    let checked = try CheckedUpdate([1, -0.5, 0], dimension: 3, encoding: encoding)
    #expect(checked.gridValues == [512, -256, 0])
  }

  @Test("huge, tiny and negative-zero values are clipped and encoded, not refused")
  func edgeValues() throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    let huge = try CheckedUpdate([1e38, -1e38], dimension: 2, encoding: encoding)
    // 2^20 / sqrt 2 = 741,455.2; rounding in Float may cost up to 2^-23 of it.
    #expect(abs(Int(huge.gridValues[0]) - 741_455) <= 1)
    #expect(abs(Int(huge.gridValues[1]) + 741_455) <= 1)
    let largest = Float.greatestFiniteMagnitude
    let many = try CheckedUpdate(
      [Float](repeating: largest, count: 64), dimension: 64, encoding: encoding)
    #expect(many.gridValues.allSatisfy { abs(Int($0) - 131_072) <= 1 })
    let tiny = try CheckedUpdate(
      [-0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude], dimension: 4,
      encoding: encoding)
    #expect(tiny.gridValues == [0, 0, 0, 0])
  }

  @Test(
    "a value that is not finite is refused, also beside values that overflow",
    arguments: [.nan, .signalingNaN, .infinity, -.infinity] as [Float])
  func nonFinite(value: Float) throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    for update in [[value, 0, 0], [0, 0, value], [1e38, value, 1e38]] {
      #expect(throws: UpdateRejection.nonFinite) {
        try CheckedUpdate(update, dimension: 3, encoding: encoding)
      }
    }
  }

  @Test("wiping leaves no value of the client")
  func wiping() throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    var checked = try CheckedUpdate([0.5, -0.25], dimension: 2, encoding: encoding)
    checked.wipe()
    #expect(checked.gridValues == [0, 0])
  }

  @Test("the length is checked before the values", arguments: [0, 2, 4])
  func wrongLength(count: Int) throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    #expect(throws: UpdateRejection.wrongLength) {
      try CheckedUpdate(
        [Float](repeating: .nan, count: count), dimension: 3, encoding: encoding)
    }
  }
}
