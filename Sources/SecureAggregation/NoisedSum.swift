/// What a round releases: the sum of the clipped updates with discrete Gaussian noise on it.
package struct NoisedSum: Equatable, Sendable {
  /// One value a coordinate, in the unit of the updates.
  package let values: [Double]
  /// Number of updates in the sum. Not protected by the noise (ruling 5).
  package let contributorCount: Int

  /// - Parameters:
  ///   - values: noised already.
  ///   - contributorCount: number of updates in the sum.
  package init(values: [Double], contributorCount: Int) {
    self.values = values
    self.contributorCount = contributorCount
  }
}
