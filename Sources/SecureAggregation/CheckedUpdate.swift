internal import Cryptography
internal import VectorMath

/// An update that may enter the sum: its ℓ² norm is at most 2^F grid steps.
///
/// The initialiser is the only way in, and its order is the rule (secure aggregation §3.7, ruling
/// 21): length, finite values, norm in `Double`, clip, encode, norm again in integers. The last
/// step needs no trust in floating point: the charge assumes a sensitivity of exactly 2^F, so that
/// is what is checked.
struct CheckedUpdate {
  /// One client's values in grid steps.
  private(set) var gridValues: [Int32]

  /// - Throws: `UpdateRejection.wrongLength`, `.nonFinite`.
  init(
    _ update: [Float], dimension: Int, encoding: FixedPointEncoding
  ) throws(UpdateRejection) {
    guard update.count == dimension else { throw .wrongLength }
    do {
      // Finite check, norm, clip and encoding, in this order.
      gridValues = try encoding.encode(update)
    } catch {
      throw .nonFinite
    }
    let bound = UInt128(encoding.sensitivity) * UInt128(encoding.sensitivity)
    precondition(
      FixedPointEncoding.squaredNorm(gridValues) <= bound,
      "the encoding exceeded the sensitivity that is charged for")
  }

  /// Zeroes the values, which are one customer's data.
  mutating func wipe() {
    Cryptography.wipe(&gridValues)
  }
}
