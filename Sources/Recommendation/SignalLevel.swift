/// How far a cohort's sum stands above the noise: sqrt(n / sigma) for the cohort n and the noise deviation
/// sigma that the whole budget would buy as one sum.
///
/// What a model chooses before a round, it chooses from this public number alone (ruling 7). The
/// constants were chosen on a split inside the training part of ml-100k and on the retail log before
/// August 2011 against August and September; the test months and test splits took no part.
struct SignalLevel: Equatable {
  /// Above 0; infinite without noise.
  private let value: Double

  init(cohort: Int, noiseStandardDeviation: Double) {
    value =
      noiseStandardDeviation > 0
      ? (Double(cohort) / noiseStandardDeviation).squareRoot() : .infinity
  }

  /// - Parameters:
  ///   - context: of a stage.
  ///   - budgetShare: that stage's fraction of mu².
  init(context: StageContext, budgetShare: Double) {
    self.init(
      cohort: context.targetCohort,
      noiseStandardDeviation: context.noiseStandardDeviation * budgetShare.squareRoot())
  }

  /// Items to learn about: 8 times the level, within 64 ... 632.
  var headSize: Int {
    Int(min(max((8 * value).rounded(), Double(Head.smallest)), Double(Head.largest)))
  }

  /// Weight of the text component relative to the learned one: 80 over the level, within 1 ... 10. The
  /// noisier what was learned, the more what is public counts.
  var textWeight: Float { Float(min(max(80 / value, 1), 10)) }
}
