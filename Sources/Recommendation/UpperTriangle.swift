/// The places of a symmetric matrix's upper triangle in a vector, row by row.
package struct UpperTriangle: Equatable {
  /// Rows of the matrix, at least 0.
  package let size: Int

  package init(size: Int) { self.size = size }

  /// Entries of the triangle with the diagonal.
  package var count: Int { size * (size + 1) / 2 }

  /// - Precondition: 0 <= row <= column < size.
  package func index(_ row: Int, _ column: Int) -> Int {
    precondition(0 <= row && row <= column && column < size, "a place in the upper triangle")
    // Row r starts behind size + (size - 1) + ... of r rows.
    return row * size - row * (row - 1) / 2 + column - row
  }
}
