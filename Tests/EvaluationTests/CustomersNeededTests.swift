import Evaluation
import Testing

@Suite("Customers needed")
struct CustomersNeededTests {
  @Test(
    "between two cohorts by straight lines over the logarithm; at and beyond the ends as bounds")
  func estimates() {
    let points = [(customers: 1_000, mean: 0.10), (10_000, 0.20), (100_000, 0.22)]
    #expect(CustomersNeeded.estimate(points, target: 0.10) == .atMost(1_000))
    #expect(CustomersNeeded.estimate(points, target: 0.15) == .about(3_162))
    #expect(CustomersNeeded.estimate(points, target: 0.20) == .about(10_000))
    #expect(CustomersNeeded.estimate(points, target: 0.21) == .about(31_623))
    #expect(CustomersNeeded.estimate(points, target: 0.23) == .moreThan(100_000))
    #expect(CustomersNeeded.estimate([], target: 0.1) == nil)
  }

  @Test("more customers may do worse by chance: the first crossing counts")
  func notMonotone() {
    let points = [(customers: 10, mean: 0.1), (100, 0.3), (1_000, 0.2), (10_000, 0.4)]
    #expect(CustomersNeeded.estimate(points, target: 0.3) == .about(100))
  }
}
