import Glibc
import Testing

@testable import SecureAggregation

/// The parameter rule of google-parfait/federated-compute (`graph_parameter_finder.cc`), which has
/// published vectors, on top of this project's hypergeometric distribution.
///
/// It differs from the rule of secure aggregation §3.4 on purpose (40 bits, a disconnection bound in
/// place of the window check, another threshold), so that it is a check of the distribution and of
/// the search and not of the rule.
struct PublishedRingRule {
  let cohort: Int
  let corruptFraction: Double
  let dropoutFraction: Double
  let isSemiMalicious: Bool

  init(
    _ cohort: Int, _ corruptFraction: Double, _ dropoutFraction: Double, isSemiMalicious: Bool
  ) {
    self.cohort = cohort
    self.corruptFraction = corruptFraction
    self.dropoutFraction = dropoutFraction
    self.isSemiMalicious = isSemiMalicious
  }

  func parameters() -> (degree: Int, threshold: Int)? {
    let logFactorials = LogFactorials(limit: cohort)
    for degree in stride(from: 2, to: cohort - 1, by: 2) {
      if let threshold = threshold(degree: degree, logFactorials) { return (degree, threshold) }
    }
    return nil
  }

  private func threshold(degree: Int, _ logFactorials: LogFactorials) -> Int? {
    let corrupt = Int(((corruptFraction + 1e-14) * Double(cohort)).rounded(.down))
    let dropped = Int(((dropoutFraction + 1e-14) * Double(cohort)).rounded(.down))
    let survivors = Int(((1 - dropoutFraction - 1e-14) * Double(cohort)).rounded(.up))
    guard logDisconnection(degree: degree, bad: corrupt + dropped, logFactorials) < -41 * log(2)
    else { return nil }
    let neighbours = HypergeometricDistribution(
      population: cohort, markedCount: corrupt, drawCount: degree, logFactorials: logFactorials)
    let surviving = HypergeometricDistribution(
      population: cohort, markedCount: survivors, drawCount: degree, logFactorials: logFactorials)
    var lower = neighbours.upperQuantile(exp2(-41) / Double(cohort))
    // The largest count of survivors that is reached but for 2^-20 / n.
    var upper = surviving.support.lowerBound
    var reached = surviving.probability(of: upper)
    while reached < exp2(-20) / Double(cohort) {
      upper += 1
      reached += surviving.probability(of: upper)
    }
    if isSemiMalicious {
      lower = Int(((Double(lower + degree) - 1.25) / 2).rounded(.up))
    }
    return upper > lower ? max(lower + 1, 2) : nil
  }

  private func logDisconnection(
    degree: Int, bad: Int, _ logFactorials: LogFactorials
  ) -> Double {
    guard degree <= bad else { return -.infinity }
    let gapPairs = log(Double(cohort)) + log(Double(cohort - degree - 1)) - log(2)
    return gapPairs + logFactorials.logBinomial(cohort - degree, bad - degree)
      - logFactorials.logBinomial(cohort, bad)
  }
}

@Suite("Published ring vectors")
struct PublishedRingVectors {
  @Test(
    "the published degrees and thresholds of another implementation are reproduced",
    arguments: [
      (PublishedRingRule(100, 0.33, 0.33, isSemiMalicious: false), 68, 34),
      (PublishedRingRule(1000, 0.33, 0.33, isSemiMalicious: false), 286, 150),
      (PublishedRingRule(1000, 0.3, 0.3, isSemiMalicious: true), 872, 584),
      (PublishedRingRule(10_000, 0.05, 0.33, isSemiMalicious: true), 746, 420),
      (PublishedRingRule(1000, 0.05, 0.05, isSemiMalicious: true), 52, 37),
      (PublishedRingRule(1000, 0.33, 0.05, isSemiMalicious: false), 78, 60),
    ])
  func vectors(rule: PublishedRingRule, degree: Int, threshold: Int) throws {
    let found = try #require(rule.parameters())
    #expect(found.degree == degree)
    #expect(found.threshold == threshold)
  }
}
