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

  /// Items of the core to which its directions are carried over: 0.28 sqrt(items n / sigma), at least the
  /// core and at most ``GramModel/wideFactor`` of the largest. The longer the catalogue, the further down
  /// it purchases are spread.
  func wideSize(core: Int, itemCount: Int) -> Int {
    let size = (0.28 * Double(itemCount).squareRoot() * value).rounded()
    return Int(min(max(size, Double(core)), Double(GramModel.wideFactor * Head.largest)))
  }

  /// Weight of the text component relative to the learned one: 1.3 a sqrt(items sigma / n), where a is how
  /// well the texts foretell purchases (``KernelAlignment``) and the root lies within 1 ... 9. The noisier
  /// what was learned of an item, the more what is public counts.
  func textWeight(itemCount: Int, alignment: Double) -> Float {
    Float(1.3 * alignment * min(max(Double(itemCount).squareRoot() / value, 1), 9))
  }
}
