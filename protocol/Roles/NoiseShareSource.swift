internal import Cryptography
package import Ledger
package import SecureAggregation

/// Where a client's share of the noise comes from, in mode `secagg-ddp`.
package protocol NoiseShareSource: Sendable {
  /// What CHARGE must say of it: `system`, or `seeded` in simulations.
  var source: ChargeRecord.RandomSource { get }

  /// One client's share of the noise of parameter `scale`.
  ///
  /// - Parameters:
  ///   - dimension: number of coordinates.
  ///   - scale: of the noise that is charged for, in grid steps.
  ///   - parameters: of the round; its N_h honest shares make up that noise.
  /// - Throws: when there is no entropy. Nothing is sent then.
  func draw(
    dimension: Int, scale: UInt64, parameters: MaskingParameters
  ) throws -> NoiseShare
}

/// Exact discrete Gaussian noise from the system CSPRNG: what a real client uses.
package struct SystemNoiseShares: NoiseShareSource {
  package init() {}

  package var source: ChargeRecord.RandomSource { .system }

  package func draw(
    dimension: Int, scale: UInt64, parameters: MaskingParameters
  ) throws -> NoiseShare {
    // A generator a share, keyed afresh from the system.
    var generator = try SecureRandom()
    return NoiseShare.draw(
      dimension: dimension, scale: scale, parameters: parameters, using: &generator)
  }
}
