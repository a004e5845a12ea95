import Testing

@testable import Operations

@Suite struct PlotScaleTests {
  @Test(
    "linear ticks are round, cover the data and number about five",
    arguments: [
      ([0.03, 0.071], ["0.03", "0.04", "0.05", "0.06", "0.07", "0.08"]),
      ([0, 100], ["0", "20", "40", "60", "80", "100"]),
      ([-3, 7], ["-4", "-2", "0", "2", "4", "6", "8"]),
      ([0, 4_334], ["0", "1,000", "2,000", "3,000", "4,000", "5,000"]),
      ([5, 5], ["2", "3", "4", "5", "6", "7", "8"]),
    ])
  func linear(values: [Double], labels: [String]) {
    let scale = PlotScale(kind: .linear, values: values)
    #expect(scale.ticks.map(\.label) == labels)
    #expect(values.allSatisfy { (0...1).contains(scale.fraction($0)) })
  }

  @Test("a scale that includes zero begins or ends there")
  func zero() {
    #expect(PlotScale(kind: .linear, values: [3, 9], includesZero: true).lower == 0)
    #expect(PlotScale(kind: .linear, values: [-9, -3], includesZero: true).upper == 0)
  }

  @Test("a short logarithmic range is labelled by powers of two, a long one by powers of ten")
  func logarithmic() {
    let short = PlotScale(kind: .logarithmic, values: [0.5, 1, 8])
    #expect(short.ticks.map(\.value) == [0.5, 1, 2, 4, 8])
    #expect(abs(short.fraction(2) - 0.5) < 1e-12)
    let long = PlotScale(kind: .logarithmic, values: [0.001, 100])
    #expect(long.ticks.map(\.label) == ["0.001", "0.01", "0.1", "1", "10", "100"])
  }
}
