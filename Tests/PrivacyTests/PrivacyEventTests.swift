import Testing
import VectorMath

@testable import Privacy

@Suite struct PrivacyEventTests {
  @Test("the discrete charge is the exact quotient Δ² / (s² - 16), rounded up in its last unit")
  func exactQuotient() throws {
    var generator = SeededRandom(seed: 11)
    for _ in 0..<2_000 {
      let scale = UInt64.random(in: PrivacyEvent.chargeableScales, using: &generator)
      let sensitivity = UInt64.random(in: 1...1 << 20, using: &generator)
      let event = try PrivacyEvent.discreteGaussian(scale: scale, sensitivity: sensitivity)
      let denominator = UInt128(scale * scale - 16)
      // units - 1 < Δ² 2^96 / denominator <= units, in 256-bit integers.
      let above = event.muSquared.units.multipliedFullWidth(by: denominator)
      let below = (event.muSquared.units - 1).multipliedFullWidth(by: denominator)
      let square = UInt128(sensitivity * sensitivity)
      let target = (high: square >> 32, low: square << 96)
      #expect(target <= above)
      #expect(below < target)
    }
  }

  @Test("mu in doubles is an upper bound within a few units in the last place")
  func muRoundsUp() throws {
    // 2^20 / sqrt(333000^2 - 16), by mpmath at 40 digits: 3.14887687710405013137…
    let event = try PrivacyEvent.discreteGaussian(scale: 333_000, sensitivity: 1 << 20)
    let truth = 3.148_876_877_104_050_1
    #expect(event.mu >= truth && event.mu < truth + 1e-14)
    let unit = try PrivacyEvent.gaussian(noiseMultiplier: 1)
    #expect(unit.mu >= 1 && unit.mu <= 1 + 1e-15)
  }

  @Test("the discrete charge exceeds the continuous one by the factor of ruling 18")
  func surcharge() throws {
    let discrete = try PrivacyEvent.discreteGaussian(scale: 1 << 10, sensitivity: 1 << 10)
    let continuous = try PrivacyEvent.gaussian(noiseMultiplier: 1)
    #expect(abs(discrete.mu / continuous.mu - 1 / (1 - 16.0 / 1_048_576).squareRoot()) < 1e-14)
  }

  @Test("noise below 2^10 steps or without effect is refused by name")
  func refused() {
    #expect(throws: PrivacyError.scaleNotChargeable(1_023)) {
      try PrivacyEvent.discreteGaussian(scale: 1_023, sensitivity: 1)
    }
    #expect(throws: PrivacyError.scaleNotChargeable(0)) {
      try PrivacyEvent.discreteGaussian(scale: 0, sensitivity: 1)
    }
    #expect(throws: PrivacyError.scaleNotChargeable(.max)) {
      try PrivacyEvent.discreteGaussian(scale: .max, sensitivity: 1)
    }
    #expect(throws: PrivacyError.sensitivityNotChargeable(0)) {
      try PrivacyEvent.discreteGaussian(scale: 1_024, sensitivity: 0)
    }
    #expect(throws: PrivacyError.sensitivityNotChargeable(.max)) {
      try PrivacyEvent.discreteGaussian(scale: 1_024, sensitivity: .max)
    }
    for value in [0, -1, .infinity] {
      #expect(throws: PrivacyError.invalidNoiseMultiplier(value)) {
        try PrivacyEvent.gaussian(noiseMultiplier: value)
      }
    }
    #expect(throws: PrivacyError.self) { try PrivacyEvent.gaussian(noiseMultiplier: .nan) }
  }

  @Test("conversions of mu squared bracket the double and saturate")
  func conversions() {
    var generator = SeededRandom(seed: 12)
    for _ in 0..<2_000 {
      let value = Double.random(in: 0...1e3, using: &generator) * 1e-6
      let (up, down) = (MuSquared(roundingUp: value), MuSquared(roundingDown: value))
      #expect(down <= up && up.units - down.units <= 1)
      #expect(up.doubleValue >= value)
    }
    #expect(MuSquared(roundingUp: 0).units == 0)
    #expect(MuSquared(roundingUp: 1).units == 1 << 96)
    #expect(MuSquared(roundingUp: .leastNonzeroMagnitude).units == 1)
    #expect(MuSquared(roundingUp: .infinity) == .infinite)
    #expect(MuSquared.infinite.doubleValue == .infinity)
    #expect(MuSquared(roundingUp: 2e9) + MuSquared(roundingUp: 2e9) == .infinite)
    #expect(3 * MuSquared.infinite == .infinite)
    #expect(MuSquared(units: 1 << 90 + 1).doubleValue > MuSquared(units: 1 << 90).doubleValue)
    #expect(MuSquared.zero.squareRoot == 0)
  }
}
