import Testing
import VectorMath

@Suite struct ClippingTests {
  @Test("the norm of (3, 4) is 5 and of nothing is 0")
  func knownNorms() throws {
    #expect(try Clipping.norm([3, -4]) == 5)
    #expect(try Clipping.norm([]) == 0)
  }

  @Test("the norm of the largest and the smallest floats neither overflows nor vanishes")
  func extremeNorms() throws {
    let largest = [Float](repeating: .greatestFiniteMagnitude, count: 4)
    #expect(try Clipping.norm(largest) == 2 * Double(Float.greatestFiniteMagnitude))
    let smallest = [Float](repeating: .leastNonzeroMagnitude, count: 4)
    #expect(try Clipping.norm(smallest) == 2 * Double(Float.leastNonzeroMagnitude))
  }

  @Test("a vector within the bound is unchanged")
  func withinBound() throws {
    var vector: [Float] = [0.3, -0.4]
    #expect(try Clipping.clip(&vector, to: 1) == 1)
    #expect(vector == [0.3, -0.4])
    var zero = [Float](repeating: 0, count: 5)
    #expect(try Clipping.clip(&zero, to: 1) == 1)
    #expect(zero == [Float](repeating: 0, count: 5))
  }

  @Test("a vector beyond the bound keeps its direction and ends at the bound")
  func beyondBound() throws {
    var vector: [Float] = [30, 40]
    let factor = try Clipping.clip(&vector, to: 5)
    // Two roundings to Float and the step that undoes an excess.
    #expect(abs(factor - 0.1) < 1e-7)
    #expect(abs(Double(vector[0]) - 3) < 2e-6 && abs(Double(vector[1]) - 4) < 2e-6)
  }

  @Test("the clipped norm never exceeds the bound", arguments: [1, 2, 7, 64, 1000] as [Int])
  func neverExceeds(dimension: Int) throws {
    for seed in 0..<200 as Range<UInt64> {
      let bound = [1, 0.1, 3.7, 1e-20, 1e20][Int(seed % 5)]
      var vector = Samples.vector(dimension, seed: seed, within: 1e30)
      let factor = try Clipping.clip(&vector, to: bound)
      #expect(factor > 0 && factor <= 1)
      let norm = try Clipping.norm(vector)
      #expect(norm <= bound)
      #expect(norm >= bound * (1 - 1e-6))
    }
  }

  @Test(
    "NaN and infinity are reported where they are, and the vector stays as it was",
    arguments: [Float.nan, .infinity, -.infinity, .signalingNaN])
  func notFinite(value: Float) throws {
    for index in [0, 17, 39] {
      var vector = [Float](repeating: 2, count: 40)
      vector[index] = value
      let before = vector.map(\.bitPattern)
      #expect(throws: ClippingError.notFinite(index: index)) { try Clipping.norm(vector) }
      #expect(throws: ClippingError.notFinite(index: index)) {
        try Clipping.clip(&vector, to: 1)
      }
      #expect(vector.map(\.bitPattern) == before)
    }
  }

  @Test(
    "a clip norm that is not a positive finite number is refused",
    arguments: [
      0, -1, .infinity, 1e-300,
    ] as [Double])
  func invalidClipNorm(clipNorm: Double) {
    var vector: [Float] = [1]
    #expect(throws: ClippingError.invalidClipNorm(clipNorm)) {
      try Clipping.clip(&vector, to: clipNorm)
    }
  }
}
