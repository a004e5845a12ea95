extension Kernels {
  /// y = A x for a row-major matrix.
  ///
  /// - Parameters:
  ///   - a: shape `[rows, columns]`; row i starts at `i * stride`.
  ///   - stride: elements from one row to the next, at least `x.count`.
  ///   - x: shape `[columns]`.
  ///   - y: shape `[rows]`, overwritten.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package static func gemv<Scalar: KernelScalar>(
    _ a: Span<Scalar>, stride: Int, _ x: Span<Scalar>, into y: inout MutableSpan<Scalar>,
    path: KernelPath = .fastest
  ) {
    guard y.count > 0 else { return }
    precondition(stride >= x.count, "rows of a matrix overlap")
    precondition((y.count - 1) * stride + x.count <= a.count, "the matrix of gemv is too short")
    Scalar.gemvKernel(a, stride: stride, x, &y, path)
  }

  /// A x.
  ///
  /// - Parameters:
  ///   - a: shape `[rows, columns]`.
  ///   - x: shape `[columns]`.
  /// - Returns: shape `[rows]`.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package static func product<Scalar: KernelScalar>(
    _ a: DenseMatrix<Scalar>, _ x: [Scalar], path: KernelPath = .fastest
  ) -> [Scalar] {
    precondition(x.count == a.columns, "the vector has as many elements as the matrix columns")
    var result = [Scalar](repeating: 0, count: a.rows)
    var span = result.mutableSpan
    gemv(a.storage.span, stride: a.columns, x.span, into: &span, path: path)
    return result
  }

  /// Aᵀ x, one axpy a row.
  ///
  /// - Parameters:
  ///   - a: shape `[rows, columns]`.
  ///   - x: shape `[rows]`; rows whose factor is zero are skipped.
  /// - Returns: shape `[columns]`.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package static func transposedProduct<Scalar: KernelScalar>(
    _ a: DenseMatrix<Scalar>, _ x: [Scalar], path: KernelPath = .fastest
  ) -> [Scalar] {
    precondition(x.count == a.rows, "the vector has as many elements as the matrix rows")
    var result = [Scalar](repeating: 0, count: a.columns)
    var span = result.mutableSpan
    for row in 0..<a.rows where x[row] != 0 {
      axpy(x[row], a.storage.span.extracting(a.range(ofRow: row)), into: &span, path: path)
    }
    return result
  }

  /// C += alpha · A · B on strided operands.
  ///
  /// - Parameters:
  ///   - shape: dimensions and layouts, within the bounds of the spans.
  ///   - alpha: factor of the product.
  ///   - a: holds A, `[rows, inner]`.
  ///   - b: holds B, `[inner, columns]`.
  ///   - c: holds C, `[rows, columns]`, added to.
  /// - Complexity: O(rows · columns · inner); a workspace of at most 2.2 MB for doubles.
  package static func gemm<Scalar: KernelScalar>(
    _ shape: ProductShape, alpha: Scalar = 1, _ a: Span<Scalar>, _ b: Span<Scalar>,
    into c: inout MutableSpan<Scalar>, path: KernelPath = .fastest
  ) {
    guard !shape.isEmpty else { return }
    shape.checkBounds(aCount: a.count, bCount: b.count, cCount: c.count)
    Scalar.gemmKernel(shape, alpha, a, b, &c, path)
  }

  /// A B.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package static func product<Scalar: KernelScalar>(
    _ a: DenseMatrix<Scalar>, _ b: DenseMatrix<Scalar>, path: KernelPath = .fastest
  ) -> DenseMatrix<Scalar> {
    precondition(a.columns == b.rows, "the inner dimensions of a product are equal")
    let shape = ProductShape(
      rows: a.rows, columns: b.columns, inner: a.columns, a: .rowMajor(stride: a.columns),
      b: .rowMajor(stride: b.columns), c: .rowMajor(stride: b.columns))
    var result = DenseMatrix<Scalar>(rows: a.rows, columns: b.columns)
    result.withMutableElements {
      gemm(shape, a.storage.span, b.storage.span, into: &$0, path: path)
    }
    return result
  }

  /// Aᵀ A (syrk): half the work of a general product, and exactly symmetric.
  ///
  /// - Parameter a: shape `[rows, columns]`.
  /// - Returns: shape `[columns, columns]`.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package static func gram<Scalar: KernelScalar>(
    of a: DenseMatrix<Scalar>, path: KernelPath = .fastest
  ) -> DenseMatrix<Scalar> {
    let order = a.columns
    let shape = ProductShape(
      rows: order, columns: order, inner: a.rows, a: .transposed(stride: order),
      b: .rowMajor(stride: order), c: .rowMajor(stride: order), lowerOnly: true)
    var result = DenseMatrix<Scalar>(rows: order, columns: order)
    result.withMutableElements {
      gemm(shape, a.storage.span, a.storage.span, into: &$0, path: path)
    }
    result.mirrorLowerTriangle()
    return result
  }
}

extension DenseMatrix {
  /// Copies the elements below the diagonal of a square matrix above it.
  @specialized(where Scalar == Double)
  @specialized(where Scalar == Float)
  package mutating func mirrorLowerTriangle() {
    precondition(rows == columns, "only a square matrix has a mirror")
    let block = 32
    for rowStart in stride(from: 0, to: rows, by: block) {
      for columnStart in stride(from: 0, through: rowStart, by: block) {
        for row in rowStart..<min(rowStart + block, rows) {
          for column in columnStart..<min(columnStart + block, row) {
            storage[column * columns + row] = storage[row * columns + column]
          }
        }
      }
    }
  }
}
