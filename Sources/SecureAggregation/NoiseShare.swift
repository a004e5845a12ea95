internal import Cryptography
internal import Privacy
internal import Synchronization

/// One client's share of a round's noise in `secagg-ddp`: discrete Gaussian of variance
/// scale² / N_h, so that the N_h shares of honest survivors alone have the variance that is charged.
///
/// Not copyable: noise that is added to two vectors cancels in their difference.
/// - Source: rulings 18 and 19.
package struct NoiseShare: ~Copyable, Sendable {
  // As in `AggregateSum`: one owner, and a deinitialiser that may wipe in place.
  private let values: Mutex<[UInt32]>

  private init(values: consuming [UInt32]) {
    self.values = Mutex(values)
  }

  deinit {
    values.withLock { wipe(&$0) }
  }

  /// Draws a share for `dimension` coordinates. It does not depend on the update: draw it as soon
  /// as the roster is known.
  /// - Parameters:
  ///   - dimension: number of coordinates, at least 1.
  ///   - scale: s of the charge, in grid steps, one of `PrivacyEvent.chargeableScales`.
  ///   - parameters: of the roster.
  ///   - generator: `SecureRandom` outside of simulation and tests.
  package static func draw(
    dimension: Int, scale: UInt64, parameters: MaskingParameters,
    using generator: inout some RandomNumberGenerator
  ) -> NoiseShare {
    draw(
      dimension: dimension, from: Distribution(scale: scale, parameters: parameters),
      using: &generator)
  }

  /// What the shares of one round are drawn from. Making its tables takes longer than a small
  /// share: once is enough for many clients of one process.
  package struct Distribution: Sendable {
    fileprivate let gaussian: DiscreteGaussian

    /// As `draw(dimension:scale:parameters:using:)`.
    package init(scale: UInt64, parameters: MaskingParameters) {
      gaussian = NoiseShare.distribution(scale: scale, parameters: parameters)
    }
  }

  /// As `draw(dimension:scale:parameters:using:)`, from tables that are there.
  package static func draw(
    dimension: Int, from distribution: Distribution,
    using generator: inout some RandomNumberGenerator
  ) -> NoiseShare {
    precondition(dimension >= 1, "a vector has at least one coordinate")
    var values = [UInt32](repeating: 0, count: dimension)
    distribution.gaussian.addNoise(to: &values, using: &generator)
    return NoiseShare(values: values)
  }

  /// scale² / N_h as an exact fraction, so that nothing is rounded. At least (2^10)² / 2^12 = 16²:
  /// the parameter of a share is not below the 4 that ruling 18 asks for.
  static func distribution(scale: UInt64, parameters: MaskingParameters) -> DiscreteGaussian {
    precondition(
      PrivacyEvent.chargeableScales.contains(scale), "noise that no charge holds for (ruling 18)")
    do {
      return try DiscreteGaussian(
        varianceNumerator: scale * scale,
        varianceDenominator: UInt64(parameters.honestNoiseShares))
    } catch {
      preconditionFailure("a chargeable scale over at most 4,096 shares is in range")
    }
  }

  /// Adds the share to `update` in Z_2^32 and ends it.
  consuming func add(to update: inout [UInt32]) {
    values.withLock { values in
      precondition(
        values.count == update.count, "a noise share and its update have one dimension")
      for index in update.indices { update[index] &+= values[index] }
    }
  }
}
