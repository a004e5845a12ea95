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

  /// Items to factorise: 8 times the level, within 64 ... 632.
  var headSize: Int { size(8) }

  /// Items whose Gram matrix is learned: 4 times the level, within 64 ... 632.
  var coreSize: Int { size(4) }

  private func size(_ factor: Double) -> Int {
    Int(min(max((factor * value).rounded(), Double(Head.smallest)), Double(Head.largest)))
  }

  /// Weight of the text component relative to the learned one: 0.45 sqrt(items sigma / n), within
  /// 0.4 ... 4. The noisier what was learned of an item, the more what is public counts.
  func textWeight(itemCount: Int) -> Float {
    Float(min(max(0.45 * Double(itemCount).squareRoot() / value, 0.4), 4))
  }
}
