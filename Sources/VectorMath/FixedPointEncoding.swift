/// Why a fixed-point encoding could not be made.
package enum FixedPointError: Error, Equatable, Sendable {
  /// The number of fraction bits is outside `FixedPointEncoding.fractionBitsRange`.
  case fractionBitsOutOfRange(Int)
  /// The clip norm is not a finite number of at least `Clipping.smallestClipNorm`.
  case invalidClipNorm(Double)
  /// The cohort is not positive, the noise multiplier not finite and at least 0, or the inverse
  /// honest fraction not finite and at least 1.
  case invalidCohort(maximumCohort: Int, noiseMultiplier: Double, honestFractionInverse: Double)
  /// So large a cohort or so much noise leaves no fraction bit in 32.
  case cohortTooLarge(maximumCohort: Int, noiseMultiplier: Double)
}

/// Maps an update clipped to C into Z_2^32: q = trunc(x · 2^F / C).
///
/// Truncation is toward zero and the integer norm is checked again in exact arithmetic, so one
/// client moves the sum by at most 2^F in ℓ² norm: that integer is the sensitivity that is charged.
/// The bias is at most C · 2^-F for each client and coordinate.
/// - Source: wire profile P32.
package struct FixedPointEncoding: Equatable, Sendable {
  /// The values of F for which an encoded update fits in `Int32` with room for one more bit.
  package static let fractionBitsRange = 1...30

  /// F: the number of bits after the binary point, in `fractionBitsRange`.
  package let fractionBits: Int
  /// C: the ℓ² norm that is mapped to 2^F, in the unit of the update.
  package let clipNorm: Double

  /// - Parameters:
  ///   - fractionBits: F, in `fractionBitsRange`.
  ///   - clipNorm: C, finite, at least `Clipping.smallestClipNorm`.
  /// - Throws: `FixedPointError`.
  package init(fractionBits: Int, clipNorm: Double) throws(FixedPointError) {
    guard Self.fractionBitsRange.contains(fractionBits) else {
      throw .fractionBitsOutOfRange(fractionBits)
    }
    guard clipNorm.isFinite, clipNorm >= Clipping.smallestClipNorm else {
      throw .invalidClipNorm(clipNorm)
    }
    self.fractionBits = fractionBits
    self.clipNorm = clipNorm
  }

  /// The ℓ² sensitivity of the integer sum when one client's update is replaced by zero: 2^F grid
  /// steps.
  package var sensitivity: UInt64 { 1 << UInt64(fractionBits) }

  /// The largest F for which a full cohort and its noise stay within 32 signed bits.
  ///
  /// F = ⌊log2((2^31 - 1) / (n_max + 11 z √(n_max / N_h)))⌋: a noised coordinate wraps with
  /// probability below 2^-80, and a wrap costs accuracy, never privacy.
  /// - Parameters:
  ///   - maximumCohort: n_max, the most clients in one sum, at least 1.
  ///   - noiseMultiplier: z, noise standard deviation over the clip norm, at least 0.
  ///   - honestFractionInverse: n_max / N_h, at least 1; exactly 1 when the coordinator draws the
  ///     noise.
  /// - Throws: `FixedPointError.invalidCohort` or `.cohortTooLarge`.
  package static func fractionBits(
    maximumCohort: Int, noiseMultiplier: Double, honestFractionInverse: Double
  ) throws(FixedPointError) -> Int {
    guard maximumCohort >= 1, noiseMultiplier.isFinite, noiseMultiplier >= 0,
      honestFractionInverse.isFinite, honestFractionInverse >= 1
    else {
      throw .invalidCohort(
        maximumCohort: maximumCohort, noiseMultiplier: noiseMultiplier,
        honestFractionInverse: honestFractionInverse)
    }
    let noiseBound = 11 * noiseMultiplier * honestFractionInverse.squareRoot()
    // One step up covers the rounding of the three operations above.
    let bound =
      noiseBound == 0 ? Double(maximumCohort) : (Double(maximumCohort) + noiseBound).nextUp
    // Multiplying by a power of two is exact, so the logarithm needs no rounding analysis.
    for bits in fractionBitsRange.reversed() where bound * Double(1 << bits) <= 2_147_483_647 {
      return bits
    }
    throw .cohortTooLarge(maximumCohort: maximumCohort, noiseMultiplier: noiseMultiplier)
  }

  /// The update on the integer grid, clipped to C on the way.
  ///
  /// - Parameter update: shape `[dimension]`, finite, in the unit of `clipNorm`.
  /// - Returns: shape `[dimension]`, in grid steps of C · 2^-F; the ℓ² norm is at most 2^F exactly.
  ///   The zero vector gives the zero vector.
  /// - Throws: `ClippingError.notFinite`.
  /// - Complexity: O(dimension) time and memory.
  package func encode(_ update: [Float]) throws(ClippingError) -> [Int32] {
    let norm = try Clipping.norm(update)
    let scale = Double(sensitivity) / max(norm, clipNorm)
    var encoded = [Int32](repeating: 0, count: update.count)
    Self.quantize(update, scale: scale, into: &encoded)
    // The norm above is rounded, so the integers may pass the bound by its relative error.
    var deficit = 0x1p-48
    while Self.squaredNorm(encoded) > UInt128(sensitivity) * UInt128(sensitivity) {
      Self.quantize(update, scale: scale * (1 - deficit), into: &encoded)
      deficit = min(1, deficit * 4)
    }
    return encoded
  }

  /// The real values of an integer sum.
  ///
  /// - Parameter sum: shape `[dimension]`, elements of Z_2^32 read as signed 32-bit integers.
  /// - Returns: shape `[dimension]`, in the unit of `clipNorm`.
  package func decode(_ sum: [UInt32]) -> [Double] {
    let step = clipNorm / Double(sensitivity)
    return sum.map { Double(Int32(bitPattern: $0)) * step }
  }

  /// Adds one encoded update to a running sum in Z_2^32.
  ///
  /// - Parameters:
  ///   - update: shape `[dimension]`, in grid steps.
  ///   - sum: shape `[dimension]`, wrapping modulo 2^32.
  package static func accumulate(_ update: [Int32], into sum: inout [UInt32]) {
    precondition(update.count == sum.count, "an update and its sum have one dimension")
    for index in sum.indices { sum[index] &+= UInt32(bitPattern: update[index]) }
  }

  /// The squared ℓ² norm of an integer vector, exact.
  ///
  /// - Complexity: O(dimension), no allocation.
  package static func squaredNorm(_ vector: [Int32]) -> UInt128 {
    // Halves of the squares are summed apart: neither sum can overflow below 2^32 elements, and
    // both vectorise, which one sum in 128 bits would not.
    var low: UInt64 = 0
    var high: UInt64 = 0
    for element in vector {
      let square = UInt64(bitPattern: Int64(element) &* Int64(element))
      low &+= square & 0xFFFF_FFFF
      high &+= square >> 32
    }
    return UInt128(high) << 32 + UInt128(low)
  }

  /// encoded[i] = trunc(update[i] · scale); |update[i] · scale| is at most 2^30 (1 + 2^-50).
  private static func quantize(_ update: [Float], scale: Double, into encoded: inout [Int32]) {
    precondition(update.count == encoded.count, "an update and its encoding have one dimension")
    for index in encoded.indices { encoded[index] = Int32(Double(update[index]) * scale) }
  }
}
