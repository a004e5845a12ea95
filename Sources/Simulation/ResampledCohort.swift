internal import Recommendation

/// A cohort of another size than there are customers: each history stands for a number of customers
/// who have it.
///
/// Rounds only ever see sums over customers, so that a history that occurs c times may as well send
/// its update once with weight c. Weights above 1 would break the norm that one device may send;
/// hence devices send their update times c / (largest c), under noise divided by the largest c, and
/// the model gets the sum multiplied up again: the very sum of a cohort with copies, with the noise
/// that is charged, up to rounding.
///
/// A resampled cohort holds no information that its customers did not have: it shows what less
/// noise per customer is worth, and nothing of what more customers would teach.
package struct ResampledCohort: Sendable, Equatable {
  /// How many customers have each history; not negative, one of them positive.
  package let copies: [Int]
  /// Customers in all.
  package var size: Int { copies.reduce(0, +) }
  /// The largest number of copies, at least 1.
  package var mostCopies: Int { copies.max() ?? 1 }

  /// - Parameter copies: as ``copies``.
  package init(copies: [Int]) {
    precondition(
      copies.allSatisfy { $0 >= 0 } && copies.contains { $0 > 0 }, "a cohort has a customer")
    self.copies = copies
  }

  /// Draws customers with replacement.
  ///
  /// - Parameters:
  ///   - size: customers to draw, at least 1.
  ///   - histories: how many there are to draw from, at least 1.
  package static func drawn(
    size: Int, from histories: Int, using generator: inout some RandomNumberGenerator
  ) -> ResampledCohort {
    precondition(size >= 1 && histories >= 1, "a cohort has a customer")
    var copies = [Int](repeating: 0, count: histories)
    for _ in 0..<size { copies[Int.random(in: 0..<histories, using: &generator)] += 1 }
    return ResampledCohort(copies: copies)
  }
}

/// A model as the coordinator of a resampled cohort advances it: sums and context in whole
/// customers.
struct ResampledModel: WrappedModel {
  static let identifier = "resampled"

  let base: any FederatedModel
  let cohort: ResampledCohort

  func advance(
    stage: Int, noisedSum: [Double], context: StageContext, parameters: ModelParameters,
    itemCount: Int
  ) throws(RecommendationError) -> ModelParameters {
    let factor = Double(cohort.mostCopies)
    return try base.advance(
      stage: stage, noisedSum: noisedSum.map { $0 * factor },
      context: StageContext(
        noiseStandardDeviation: context.noiseStandardDeviation * factor,
        targetCohort: cohort.size, contributorCount: cohort.size, features: context.features),
      parameters: parameters, itemCount: itemCount)
  }
}
