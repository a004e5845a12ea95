internal import CKernels

/// Where the elements of one operand of a product lie: (i, j) at `offset + i * rowStride + j *
/// columnStride`.
package struct StridedLayout: Equatable, Sendable {
  package let offset: Int
  package let rowStride: Int
  package let columnStride: Int

  /// A row-major operand whose rows are `stride` elements apart, from element `offset` on.
  package static func rowMajor(stride: Int, offset: Int = 0) -> StridedLayout {
    StridedLayout(offset: offset, rowStride: stride, columnStride: 1)
  }

  /// The transpose of a row-major matrix whose rows are `stride` elements apart.
  package static func transposed(stride: Int, offset: Int = 0) -> StridedLayout {
    StridedLayout(offset: offset, rowStride: 1, columnStride: stride)
  }

  /// The index after the last element of a rows × columns operand.
  func end(rows: Int, columns: Int) -> Int {
    offset + (rows - 1) * rowStride + (columns - 1) * columnStride + 1
  }
}

/// The shape of C += alpha · A · B: A is rows × inner, B inner × columns, C rows × columns and
/// row-major.
package struct ProductShape: Equatable, Sendable {
  package let rows: Int
  package let columns: Int
  package let inner: Int
  package let a: StridedLayout
  package let b: StridedLayout
  package let c: StridedLayout
  /// Compute and touch only elements (i, j) of C with j <= i.
  package let lowerOnly: Bool

  package init(
    rows: Int, columns: Int, inner: Int, a: StridedLayout, b: StridedLayout, c: StridedLayout,
    lowerOnly: Bool = false
  ) {
    precondition(rows >= 0 && columns >= 0 && inner >= 0, "a product has no negative dimension")
    precondition(c.columnStride == 1, "the result of a product is row-major")
    self.rows = rows
    self.columns = columns
    self.inner = inner
    self.a = a
    self.b = b
    self.c = c
    self.lowerOnly = lowerOnly
  }

  var isEmpty: Bool { rows == 0 || columns == 0 || inner == 0 }

  func checkBounds(aCount: Int, bCount: Int, cCount: Int) {
    let layouts = [a, b, c]
    precondition(
      layouts.allSatisfy { $0.offset >= 0 && $0.rowStride >= 0 && $0.columnStride >= 0 },
      "a layout has no negative stride")
    precondition(a.end(rows: rows, columns: inner) <= aCount, "A of a product is too short")
    precondition(b.end(rows: inner, columns: columns) <= bCount, "B of a product is too short")
    precondition(c.end(rows: rows, columns: columns) <= cCount, "C of a product is too short")
    precondition(rows == 1 || c.rowStride >= columns, "rows of C overlap")
  }

  var cShape: tacit_gemm_shape {
    tacit_gemm_shape(
      rows: rows, columns: columns, inner: inner, a_row: a.rowStride, a_column: a.columnStride,
      b_row: b.rowStride, b_column: b.columnStride, c_row: c.rowStride,
      lower_only: lowerOnly ? 1 : 0)
  }

  /// Calls `body` with A, B, C at their offsets and a workspace of `workspaceCount` elements.
  func withPointers<Scalar>(
    _ a: Span<Scalar>, _ b: Span<Scalar>, _ c: inout MutableSpan<Scalar>, workspaceCount: Int,
    _ body: (
      UnsafePointer<Scalar>?, UnsafePointer<Scalar>?, UnsafeMutablePointer<Scalar>?,
      UnsafeMutablePointer<Scalar>?
    ) -> Void
  ) {
    a.withUnsafeBufferPointer { aElements in
      b.withUnsafeBufferPointer { bElements in
        c.withUnsafeMutableBufferPointer { cElements in
          withUnsafeTemporaryAllocation(of: Scalar.self, capacity: workspaceCount) { workspace in
            body(
              aElements.baseAddress.map { $0 + self.a.offset },
              bElements.baseAddress.map { $0 + self.b.offset },
              cElements.baseAddress.map { $0 + self.c.offset }, workspace.baseAddress)
          }
        }
      }
    }
  }
}
