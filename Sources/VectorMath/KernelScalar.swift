internal import CKernels

/// An element type that the C kernels exist for: `Float` and `Double`.
///
/// The requirements are the unchecked calls; `Kernels` checks lengths before it makes them.
package protocol KernelScalar: BinaryFloatingPoint, Sendable {
  /// Σ x[i] · y[i] over equal lengths.
  static func dotKernel(_ x: Span<Self>, _ y: Span<Self>, _ path: KernelPath) -> Self
  /// y += factor · x over equal lengths.
  static func axpyKernel(
    _ factor: Self, _ x: Span<Self>, _ y: inout MutableSpan<Self>, _ path: KernelPath)
  /// y = A x, row i of A starting at `a[i * stride]`.
  static func gemvKernel(
    _ a: Span<Self>, stride: Int, _ x: Span<Self>, _ y: inout MutableSpan<Self>, _ path: KernelPath)
  /// C += alpha A B.
  static func gemmKernel(
    _ shape: ProductShape, _ alpha: Self, _ a: Span<Self>, _ b: Span<Self>,
    _ c: inout MutableSpan<Self>, _ path: KernelPath)
}

extension Float: KernelScalar {
  package static func dotKernel(_ x: Span<Float>, _ y: Span<Float>, _ path: KernelPath) -> Float {
    x.withUnsafeBufferPointer { x in
      y.withUnsafeBufferPointer { y in
        tacit_dot_f32(path.code, x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  package static func axpyKernel(
    _ factor: Float, _ x: Span<Float>, _ y: inout MutableSpan<Float>, _ path: KernelPath
  ) {
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        tacit_axpy_f32(path.code, factor, x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  package static func gemvKernel(
    _ a: Span<Float>, stride: Int, _ x: Span<Float>, _ y: inout MutableSpan<Float>,
    _ path: KernelPath
  ) {
    a.withUnsafeBufferPointer { a in
      x.withUnsafeBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          tacit_gemv_f32(
            path.code, a.baseAddress, stride, y.count, x.count, x.baseAddress, y.baseAddress)
        }
      }
    }
  }

  package static func gemmKernel(
    _ shape: ProductShape, _ alpha: Float, _ a: Span<Float>, _ b: Span<Float>,
    _ c: inout MutableSpan<Float>, _ path: KernelPath
  ) {
    var cShape = shape.cShape
    shape.withPointers(a, b, &c, workspaceCount: tacit_gemm_workspace_f32(&cShape)) {
      tacit_gemm_f32(path.code, &cShape, alpha, $0, $1, $2, $3)
    }
  }
}

extension Double: KernelScalar {
  package static func dotKernel(_ x: Span<Double>, _ y: Span<Double>, _ path: KernelPath) -> Double
  {
    x.withUnsafeBufferPointer { x in
      y.withUnsafeBufferPointer { y in
        tacit_dot_f64(path.code, x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  package static func axpyKernel(
    _ factor: Double, _ x: Span<Double>, _ y: inout MutableSpan<Double>, _ path: KernelPath
  ) {
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        tacit_axpy_f64(path.code, factor, x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  package static func gemvKernel(
    _ a: Span<Double>, stride: Int, _ x: Span<Double>, _ y: inout MutableSpan<Double>,
    _ path: KernelPath
  ) {
    a.withUnsafeBufferPointer { a in
      x.withUnsafeBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          tacit_gemv_f64(
            path.code, a.baseAddress, stride, y.count, x.count, x.baseAddress, y.baseAddress)
        }
      }
    }
  }

  package static func gemmKernel(
    _ shape: ProductShape, _ alpha: Double, _ a: Span<Double>, _ b: Span<Double>,
    _ c: inout MutableSpan<Double>, _ path: KernelPath
  ) {
    var cShape = shape.cShape
    shape.withPointers(a, b, &c, workspaceCount: tacit_gemm_workspace_f64(&cShape)) {
      tacit_gemm_f64(path.code, &cShape, alpha, $0, $1, $2, $3)
    }
  }
}
