internal import Glibc
package import VectorMath

/// An element type that a ``Transformer`` computes in: `Float`, and `Double` for checks of its gradients.
package protocol TransformerScalar: KernelScalar {
  /// Replaces each element x in `range` by exp(x - `maximum`), where none is above `maximum`.
  ///
  /// - Returns: their sum, added in an order that the range alone decides.
  static func exponentiate(
    _ values: inout MutableSpan<Self>, in range: Range<Int>, below maximum: Self
  ) -> Self

  /// The natural logarithm.
  static func logarithm(_ value: Self) -> Self
}

extension Double: TransformerScalar {
  package static func logarithm(_ value: Double) -> Double { log(value) }

  package static func exponentiate(
    _ values: inout MutableSpan<Double>, in range: Range<Int>, below maximum: Double
  ) -> Double {
    var sum = 0.0
    for index in range {
      values[index] = exp(values[index] - maximum)
      sum += values[index]
    }
    return sum
  }
}

extension Float: TransformerScalar {
  package static func logarithm(_ value: Float) -> Float { logf(value) }

  // 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]: plain operations, so that the loop vectorises and
  // gives the same bits with every C library. Relative error below 1e-6.
  package static func exponentiate(
    _ values: inout MutableSpan<Float>, in range: Range<Int>, below maximum: Float
  ) -> Float {
    // Adding it rounds to a whole number, which then stands in the low bits.
    let rounder: Float = 12_582_912
    for index in range {
      // Below -87 the result is no normal number; 0 for a weight in a sum that is at least 1. A NaN becomes
      // one of those: what is not finite is found where it is made.
      let difference = values[index] - maximum
      let x = difference > -87 ? difference : -87
      let shifted = x * 1.442_695_04 + rounder
      let whole = shifted - rounder
      let rest = (x - whole * 0.693_359_375) + whole * 2.121_944_4e-4
      var value: Float = 1.0 / 720
      value = value * rest + 1.0 / 120
      value = value * rest + 1.0 / 24
      value = value * rest + 1.0 / 6
      value = value * rest + 0.5
      value = value * rest + 1
      value = value * rest + 1
      let scale = Float(bitPattern: (shifted.bitPattern &<< 23) &+ 0x3F80_0000)
      values[index] = value * scale
    }
    // Four sums, so that one addition does not wait for the other; their order is fixed.
    var sums: (Float, Float, Float, Float) = (0, 0, 0, 0)
    var index = range.lowerBound
    while index + 4 <= range.upperBound {
      sums.0 += values[index]
      sums.1 += values[index + 1]
      sums.2 += values[index + 2]
      sums.3 += values[index + 3]
      index += 4
    }
    while index < range.upperBound {
      sums.0 += values[index]
      index += 1
    }
    return (sums.0 + sums.1) + (sums.2 + sums.3)
  }
}
