import Testing
import VectorMath

@Suite struct FixedPointEncodingTests {
  /// Wire profile P32 without noise or colluders: ⌊log2((2^31 - 1) / n)⌋, by hand.
  @Test(
    "fraction bits without noise",
    arguments: [
      (1, 30), (2, 29), (10, 27), (100, 24), (255, 23), (1000, 21), (1024, 20), (10_000, 17),
    ])
  func fractionBitsWithoutNoise(cohort: Int, expected: Int) throws {
    let bits = try FixedPointEncoding.fractionBits(
      maximumCohort: cohort, noiseMultiplier: 0, honestFractionInverse: 1)
    #expect(bits == expected)
  }

  /// 3613 + 11 · 0.635 = 3619.985, and 2^31 / 3619.985 = 593,230: between 2^19 and 2^20.
  @Test("fraction bits with noise")
  func fractionBitsWithNoise() throws {
    #expect(
      try FixedPointEncoding.fractionBits(
        maximumCohort: 3613, noiseMultiplier: 0.635, honestFractionInverse: 1) == 19)
    // 100 + 11 · 4 · √4 = 188: one bit fewer than 100 alone.
    #expect(
      try FixedPointEncoding.fractionBits(
        maximumCohort: 100, noiseMultiplier: 4, honestFractionInverse: 4) == 23)
  }

  @Test("the bound on a full sum holds for the bits chosen and fails for one more")
  func fractionBitsAreTight() throws {
    for cohort in [1, 3, 63, 64, 65, 999, 70_000] {
      for noise in [0, 0.3, 5, 80] {
        for inverse in [1, 1.5, 9] {
          let bits = try FixedPointEncoding.fractionBits(
            maximumCohort: cohort, noiseMultiplier: noise, honestFractionInverse: inverse)
          let bound = Double(cohort) + 11 * noise * inverse.squareRoot()
          #expect(bound * Double(1 << bits) <= 2_147_483_647)
          #expect(bits == 30 || bound * Double(1 << (bits + 1)) > 2_147_483_646)
        }
      }
    }
  }

  @Test("impossible cohorts and noise are refused")
  func invalidCohorts() {
    for (cohort, noise, inverse) in [
      (0, 1, 1), (-5, 1, 1), (10, -1, 1), (10, .infinity, 1), (10, 1, 0.5), (10, 1, .infinity),
    ] as [(Int, Double, Double)] {
      #expect(
        throws: FixedPointError.invalidCohort(
          maximumCohort: cohort, noiseMultiplier: noise, honestFractionInverse: inverse)
      ) {
        try FixedPointEncoding.fractionBits(
          maximumCohort: cohort, noiseMultiplier: noise, honestFractionInverse: inverse)
      }
    }
    #expect(throws: FixedPointError.self) {
      try FixedPointEncoding.fractionBits(
        maximumCohort: 10, noiseMultiplier: .nan, honestFractionInverse: 1)
    }
    #expect(
      throws: FixedPointError.cohortTooLarge(maximumCohort: 1 << 31, noiseMultiplier: 1)
    ) {
      try FixedPointEncoding.fractionBits(
        maximumCohort: 1 << 31, noiseMultiplier: 1, honestFractionInverse: 1)
    }
  }

  @Test("bits and clip norms out of range are refused")
  func invalidParameters() {
    for bits in [0, 31, -1] {
      #expect(throws: FixedPointError.fractionBitsOutOfRange(bits)) {
        try FixedPointEncoding(fractionBits: bits, clipNorm: 1)
      }
    }
    for clipNorm in [0, -1, .infinity, 1e-300] as [Double] {
      #expect(throws: FixedPointError.invalidClipNorm(clipNorm)) {
        try FixedPointEncoding(fractionBits: 20, clipNorm: clipNorm)
      }
    }
  }

  @Test("values are truncated toward zero")
  func truncation() throws {
    let encoding = try FixedPointEncoding(fractionBits: 2, clipNorm: 2)
    // The grid step is 0.5.
    #expect(try encoding.encode([0.74, -0.74, 0.5, -0.49, 1.2]) == [1, -1, 1, 0, 2])
    #expect(encoding.sensitivity == 4)
  }

  @Test("the zero vector gives the zero vector")
  func zero() throws {
    let encoding = try FixedPointEncoding(fractionBits: 24, clipNorm: 0.1)
    #expect(try encoding.encode([0, -0.0, 0]) == [0, 0, 0])
    #expect(try encoding.encode([]) == [])
  }

  @Test("the integer norm never exceeds 2^F on random vectors", arguments: [1, 5, 12, 20, 27, 30])
  func randomNorms(bits: Int) throws {
    for seed in 0..<150 as Range<UInt64> {
      let clipNorm = [1, 0.3, 7e-12, 1e15][Int(seed % 4)]
      let encoding = try FixedPointEncoding(fractionBits: bits, clipNorm: clipNorm)
      let scale: Float = [1, 1e-3, 1e20][Int(seed % 3)]
      let vector = Samples.vector(1 + Int(seed) * 7 % 300, seed: seed, within: scale)
      let encoded = try encoding.encode(vector)
      #expect(FixedPointEncoding.squaredNorm(encoded) <= 1 << (2 * bits))
    }
  }

  /// Vectors whose exact norm is the bound or a hair above it, where the rounded norm decides
  /// wrongly.
  @Test("the integer norm never exceeds 2^F on vectors at the bound", arguments: [1, 16, 29, 30])
  func adversarialNorms(bits: Int) throws {
    let bound = UInt128(1) << (2 * bits)
    for dimension in [1, 2, 3, 4, 16, 100, 999, 4096] {
      let even = (1 / Double(dimension)).squareRoot()
      for element in [Float(even), Float(even).nextUp, Float(even).nextDown, 1, 3e38] {
        let vector = [Float](repeating: element, count: dimension)
        for clipNorm in [1, Double(element), 0.999_999_9, (1.0 as Double).nextUp] {
          let encoding = try FixedPointEncoding(fractionBits: bits, clipNorm: clipNorm)
          let encoded = try encoding.encode(vector)
          #expect(FixedPointEncoding.squaredNorm(encoded) <= bound)
        }
      }
    }
    let mixed: [Float] = [1, 1e-7, -1e-7, 3e-8] + [Float](repeating: 6e-8, count: 400)
    let encoding = try FixedPointEncoding(fractionBits: bits, clipNorm: 1)
    #expect(FixedPointEncoding.squaredNorm(try encoding.encode(mixed)) <= bound)
  }

  /// 1 + 2^-2F rounds to 1, so the rounded norm calls these vectors clipped while their integers
  /// are not.
  @Test("a vector above the bound by less than a rounding is shrunk", arguments: [27, 28, 29, 30])
  func shrinksBelowRounding(bits: Int) throws {
    let encoding = try FixedPointEncoding(fractionBits: bits, clipNorm: 1)
    let step = 1 / Float(1 << bits)
    #expect(try Clipping.norm([1, step]) == 1)
    #expect(try encoding.encode([1, step]) == [(1 << bits) - 1, 0])
    #expect(try encoding.encode([-step, -1]) == [0, 1 - (1 << bits)])
    for count in [2, 5, 60, 1000] {
      let encoded = try encoding.encode([1] + [Float](repeating: step, count: count))
      #expect(FixedPointEncoding.squaredNorm(encoded) <= UInt128(1) << (2 * bits))
      #expect(encoded[0] >= (1 << bits) - 2)
    }
  }

  @Test("a single coordinate at the bound uses the whole range")
  func fullRange() throws {
    for bits in FixedPointEncoding.fractionBitsRange {
      let encoding = try FixedPointEncoding(fractionBits: bits, clipNorm: 1)
      #expect(try encoding.encode([1, 0]) == [1 << bits, 0])
      #expect(try encoding.encode([0, -1]) == [0, -(1 << bits)])
    }
  }

  @Test("a clipped update keeps its direction within a grid step")
  func encodingClips() throws {
    let encoding = try FixedPointEncoding(fractionBits: 24, clipNorm: 1)
    let vector = Samples.vector(50, seed: 3, within: 10)
    let norm = try Clipping.norm(vector)
    let decoded = encoding.decode(try encoding.encode(vector).map { UInt32(bitPattern: $0) })
    for (value, original) in zip(decoded, vector) {
      // One step for truncation, one for a shrunk norm.
      #expect(abs(value - Double(original) / norm) <= 2 * 0x1p-24)
    }
  }

  @Test("the sum of encoded updates decodes to exactly the sum of their decodings")
  func sumsDecode() throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 0.5)
    var sum = [UInt32](repeating: 0, count: 40)
    var expected = [Int64](repeating: 0, count: 40)
    for seed in 0..<100 as Range<UInt64> {
      let encoded = try encoding.encode(Samples.vector(40, seed: seed))
      FixedPointEncoding.accumulate(encoded, into: &sum)
      for index in expected.indices { expected[index] += Int64(encoded[index]) }
    }
    #expect(encoding.decode(sum) == expected.map { Double($0) * 0x1p-21 })
  }

  @Test("partial sums may wrap as long as the total fits")
  func wrapping() {
    var sum: [UInt32] = [0, 5]
    for update in [[Int32.max, .min], [Int32.max, .max], [-Int32.max, 1], [-Int32.max, 0]] {
      FixedPointEncoding.accumulate(update, into: &sum)
    }
    #expect(sum == [0, 5])
  }

  @Test("the squared norm is exact where 64 bits are not enough")
  func exactSquaredNorm() {
    let vector = [Int32](repeating: .min, count: 9) + [3, -1]
    #expect(FixedPointEncoding.squaredNorm(vector) == 9 * (UInt128(1) << 62) + 10)
  }

  @Test("NaN and infinity are refused with their place", arguments: [Float.nan, .infinity])
  func notFinite(value: Float) throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    #expect(throws: ClippingError.notFinite(index: 2)) {
      try encoding.encode([0, 1, value, value])
    }
  }
}
