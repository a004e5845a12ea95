/// Why a vector could not be clipped or encoded.
package enum ClippingError: Error, Equatable, Sendable {
  /// The element at `index` is NaN or infinite.
  case notFinite(index: Int)
  /// The clip norm is not a finite number of at least `Clipping.smallestClipNorm`.
  case invalidClipNorm(Double)
}

/// The bound on one client's contribution: ℓ² clipping.
package enum Clipping {
  /// The least clip norm accepted: below it the clipped values would vanish in `Float`.
  package static let smallestClipNorm = 0x1p-100

  /// The ℓ² norm of `vector`.
  ///
  /// - Parameter vector: shape `[dimension]`, in any unit.
  /// - Returns: the norm in the unit of `vector`, at least 0, finite; relative error at most
  ///   `dimension` × 2^-53 (squares of floats are exact in `Double`, only their sum rounds).
  /// - Throws: `ClippingError.notFinite` with the first element that is NaN or infinite.
  /// - Complexity: O(dimension), no allocation.
  package static func norm(_ vector: [Float]) throws(ClippingError) -> Double {
    let sum = Kernels.sumOfSquares(vector.span)
    // The largest float squared is below 2^256, so the sum overflows for no array that fits in
    // memory.
    guard sum.isFinite else {
      throw .notFinite(index: vector.firstIndex { !$0.isFinite } ?? 0)
    }
    return sum.squareRoot()
  }

  /// Scales `vector` so that its ℓ² norm, as `norm(_:)` computes it, is at most `clipNorm`.
  ///
  /// A vector within the bound is unchanged. This bounds one client's contribution, hence the
  /// sensitivity of the sum.
  /// - Parameters:
  ///   - vector: flattened update, shape `[dimension]`, finite; unchanged when an error is thrown.
  ///   - clipNorm: bound C in the unit of `vector`, finite, at least `smallestClipNorm`.
  /// - Returns: the factor applied, in (0, 1].
  /// - Throws: `ClippingError`.
  /// - Complexity: O(dimension), no allocation.
  /// - Source: McMahan et al., "Learning Differentially Private Recurrent Language Models",
  ///   Algorithm 1.
  @discardableResult
  package static func clip(
    _ vector: inout [Float], to clipNorm: Double
  ) throws(ClippingError) -> Double {
    try check(clipNorm: clipNorm)
    var factor = 1.0
    var norm = try norm(vector)
    while norm > clipNorm {
      var step = clipNorm / norm
      // Rounding to Float can leave the norm a few 2^-24 above the bound; each further pass takes
      // off more than that, so the loop ends after one or two.
      if factor < 1 { step *= 1 - 0x1p-22 }
      for index in vector.indices { vector[index] = Float(Double(vector[index]) * step) }
      factor *= step
      norm = try Clipping.norm(vector)
    }
    return factor
  }

  static func check(clipNorm: Double) throws(ClippingError) {
    guard clipNorm.isFinite, clipNorm >= smallestClipNorm else { throw .invalidClipNorm(clipNorm) }
  }
}
