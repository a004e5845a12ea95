import Testing
import VectorMath

@Suite struct StandardizationTests {
  @Test("z-scores of 1, 2, 3 use the population deviation")
  func knownAnswer() {
    let scores = ([1, 2, 3] as [Float]).standardized()
    // √1.5 = 1.2247449, rounded to Float.
    #expect(scores == [-1.2247449, 0, 1.2247449])
  }

  @Test("equal elements give zeros, whatever their value")
  func constant() {
    for value in [0, 0.1, -7.3, 1e30] as [Float] {
      #expect(
        [Float](repeating: value, count: 1001).standardized()
          == [Float](repeating: 0, count: 1001))
    }
    #expect(([] as [Float]).standardized() == [])
  }

  @Test("shift and positive scale change nothing")
  func invariance() {
    let values: [Float] = [0, 1, 5, -3, 2, 2]
    let moved = values.map { 8 * $0 + 64 }
    for (a, b) in zip(values.standardized(), moved.standardized()) {
      // Two roundings to Float near 1.
      #expect(abs(a - b) <= 2e-7)
    }
  }
}
