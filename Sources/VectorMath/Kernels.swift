internal import CKernels

/// Which machine code a kernel runs.
///
/// Both paths sum in the same fixed order. They differ in that the fast one rounds a multiply-add
/// once, so a result is reproducible to the bit for one path, and across paths only within
/// rounding.
package struct KernelPath: Equatable, Sendable {
  let code: tacit_path

  /// Code for the compiler's default target; for tests that compare the paths.
  package static let baseline = KernelPath(code: TACIT_PATH_BASELINE)
  /// The fastest code that this processor runs, found once.
  package static let fastest = KernelPath(code: tacit_fastest_path())
}

/// Reductions and matrix products, in C with AVX2 and FMA where the processor has them.
///
/// Elementwise loops need none of this: plain Swift over arrays vectorises.
package enum Kernels {
  /// Σ x[i] · y[i], summed in `Scalar`.
  ///
  /// - Parameters:
  ///   - x: shape `[n]`.
  ///   - y: shape `[n]`.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package static func dot<Scalar: KernelScalar>(
    _ x: Span<Scalar>, _ y: Span<Scalar>, path: KernelPath = .fastest
  ) -> Scalar {
    precondition(x.count == y.count, "dot needs vectors of one length")
    return Scalar.dotKernel(x, y, path)
  }

  /// Σ x[i]², summed in `Double`: finite exactly when every element is.
  package static func sumOfSquares(_ x: Span<Float>, path: KernelPath = .fastest) -> Double {
    x.withUnsafeBufferPointer { x in
      tacit_sum_of_squares_f32(path.code, x.baseAddress, x.count)
    }
  }

  /// y[i] += factor · x[i].
  ///
  /// - Parameters:
  ///   - factor: the multiple of `x` to add.
  ///   - x: shape `[n]`.
  ///   - y: shape `[n]`.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package static func axpy<Scalar: KernelScalar>(
    _ factor: Scalar, _ x: Span<Scalar>, into y: inout MutableSpan<Scalar>,
    path: KernelPath = .fastest
  ) {
    precondition(x.count == y.count, "axpy needs vectors of one length")
    Scalar.axpyKernel(factor, x, &y, path)
  }
}
