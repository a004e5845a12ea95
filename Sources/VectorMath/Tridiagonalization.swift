/// A = Q T Qᵀ with T tridiagonal and Q a product of Householder reflectors H_j = I - τ_j v_j v_jᵀ.
struct Tridiagonalization {
  /// T[j, j], shape `[order]`.
  private(set) var diagonal: [Double]
  /// T[j + 1, j], shape `[order - 1]`.
  private(set) var offDiagonal: [Double]
  /// Row j is v_j: zero up to element j, then 1 at j + 1.
  private var reflectors: DoubleMatrix
  private var factors: [Double]

  /// Reflectors that are applied together by one matrix product.
  private static let blockSize = 32

  /// Reduces `matrix`, which must be symmetric in all its elements and is overwritten.
  init(reducing matrix: inout DoubleMatrix, path: KernelPath) {
    let order = matrix.rows
    diagonal = [Double](repeating: 0, count: order)
    offDiagonal = [Double](repeating: 0, count: max(0, order - 1))
    reflectors = DoubleMatrix(rows: max(0, order - 1), columns: order)
    factors = [Double](repeating: 0, count: max(0, order - 1))
    var updates = DoubleMatrix(rows: Self.blockSize, columns: order)
    for start in stride(from: 0, to: order - 1, by: Self.blockSize) {
      let end = min(start + Self.blockSize, order - 1)
      for step in start..<end {
        reduceColumn(step, blockStart: start, matrix, &updates, path)
      }
      updateTrailing(&matrix, from: start, to: end, updates, path)
    }
    if order > 0 { diagonal[order - 1] = matrix[order - 1, order - 1] }
  }

  /// Makes reflector `step` and its update w, such that A - v wᵀ - w vᵀ = H A H on the trailing
  /// part.
  ///
  /// The pairs of the block so far are not in `matrix` yet: they are applied here to row `step` and
  /// to A v.
  private mutating func reduceColumn(
    _ step: Int, blockStart: Int, _ matrix: DoubleMatrix, _ updates: inout DoubleMatrix,
    _ path: KernelPath
  ) {
    let order = matrix.rows
    var row = Array(matrix.row(step)[(step * order + step)...])
    var rowSpan = row.mutableSpan
    for previous in blockStart..<step {
      let v = reflectors.storage.span.extracting(previous * order + step..<(previous + 1) * order)
      let slot = previous - blockStart
      let w = updates.storage.span.extracting(slot * order + step..<(slot + 1) * order)
      Kernels.axpy(-w[0], v, into: &rowSpan, path: path)
      Kernels.axpy(-v[0], w, into: &rowSpan, path: path)
    }
    diagonal[step] = row[0]

    let tail = order - step - 1
    var vector = Array(row[1...])
    let (factor, offDiagonalElement) = Self.reflect(&vector, path)
    factors[step] = factor
    offDiagonal[step] = offDiagonalElement
    let tailStart = step * order + step + 1
    reflectors.storage.replaceSubrange(tailStart..<tailStart + tail, with: vector)

    guard factor != 0 else {
      clearUpdate(step - blockStart, &updates)
      return
    }
    var update = [Double](repeating: 0, count: tail)
    var updateSpan = update.mutableSpan
    let trailing = matrix.storage.span.extracting((step + 1) * (order + 1)..<order * order)
    Kernels.gemv(trailing, stride: order, vector.span, into: &updateSpan, path: path)
    for previous in blockStart..<step {
      let v = reflectors.storage.span.extracting(
        previous * order + step + 1..<(previous + 1) * order)
      let slot = previous - blockStart
      let w = updates.storage.span.extracting(slot * order + step + 1..<(slot + 1) * order)
      let alongW = Kernels.dot(w, vector.span, path: path)
      let alongV = Kernels.dot(v, vector.span, path: path)
      Kernels.axpy(-alongW, v, into: &updateSpan, path: path)
      Kernels.axpy(-alongV, w, into: &updateSpan, path: path)
    }
    for index in update.indices { update[index] *= factor }
    let overlap = -0.5 * factor * Kernels.dot(update.span, vector.span, path: path)
    for index in update.indices { update[index] += overlap * vector[index] }
    let updateStart = (step - blockStart) * order + step + 1
    updates.storage.replaceSubrange(updateStart..<updateStart + tail, with: update)
  }

  private func clearUpdate(_ slot: Int, _ updates: inout DoubleMatrix) {
    for column in 0..<updates.columns { updates[slot, column] = 0 }
  }

  /// Turns x into v with v[0] = 1 and (I - τ v vᵀ) x = (β, 0, …); returns (τ, β).
  ///
  /// β takes the sign against x[0], so that the subtraction does not cancel.
  private static func reflect(
    _ vector: inout [Double], _ path: KernelPath
  ) -> (factor: Double, result: Double) {
    let head = vector[0]
    let largest = vector.dropFirst().reduce(0) { max($0, abs($1)) }
    vector[0] = 1
    guard largest > 0 else { return (0, head) }
    // Scaled so that squares of tiny elements do not vanish.
    let scale = max(largest, abs(head))
    var sum = (head / scale) * (head / scale)
    for index in 1..<vector.count {
      let element = vector[index] / scale
      sum += element * element
    }
    let norm = scale * sum.squareRoot()
    let result = head > 0 ? -norm : norm
    let denominator = head - result
    for index in 1..<vector.count { vector[index] /= denominator }
    return ((result - head) / result, result)
  }

  /// A -= V Wᵀ + W Vᵀ on the part after the block.
  private func updateTrailing(
    _ matrix: inout DoubleMatrix, from start: Int, to end: Int, _ updates: DoubleMatrix,
    _ path: KernelPath
  ) {
    let order = matrix.rows
    let trailing = order - end
    let vOffset = start * order + end
    let target = StridedLayout.rowMajor(stride: order, offset: end * (order + 1))
    let forward = ProductShape(
      rows: trailing, columns: trailing, inner: end - start,
      a: .transposed(stride: order, offset: vOffset), b: .rowMajor(stride: order, offset: end),
      c: target)
    let backward = ProductShape(
      rows: trailing, columns: trailing, inner: end - start,
      a: .transposed(stride: order, offset: end), b: .rowMajor(stride: order, offset: vOffset),
      c: target)
    matrix.withMutableElements { elements in
      let v = reflectors.storage.span
      let w = updates.storage.span
      Kernels.gemm(forward, alpha: -1, v, w, into: &elements, path: path)
      Kernels.gemm(backward, alpha: -1, w, v, into: &elements, path: path)
    }
  }

  /// Replaces each row z of `vectors`, an eigenvector of T, by Q z.
  ///
  /// Blocks of reflectors go on as I - V S Vᵀ (compact WY form).
  func backTransform(_ vectors: inout DoubleMatrix, path: KernelPath) {
    let order = vectors.columns
    let starts = Array(stride(from: 0, to: order - 1, by: Self.blockSize))
    for start in starts.reversed() {
      let size = min(start + Self.blockSize, order - 1) - start
      // v_j is zero up to element j.
      let first = start + 1
      let panel = StridedLayout.transposed(stride: order, offset: start * order + first)
      let panelRows = StridedLayout.rowMajor(stride: order, offset: start * order + first)
      let compact = compactFactor(start: start, size: size, path)
      var along = DoubleMatrix(rows: vectors.rows, columns: size)
      var mixed = along
      along.withMutableElements {
        let shape = ProductShape(
          rows: vectors.rows, columns: size, inner: order - first,
          a: .rowMajor(stride: order, offset: first), b: panel, c: .rowMajor(stride: size))
        Kernels.gemm(
          shape, vectors.storage.span, reflectors.storage.span, into: &$0, path: path)
      }
      mixed.withMutableElements {
        let shape = ProductShape(
          rows: vectors.rows, columns: size, inner: size, a: .rowMajor(stride: size),
          b: .transposed(stride: size), c: .rowMajor(stride: size))
        Kernels.gemm(shape, along.storage.span, compact.storage.span, into: &$0, path: path)
      }
      let shape = ProductShape(
        rows: vectors.rows, columns: order - first, inner: size, a: .rowMajor(stride: size),
        b: panelRows, c: .rowMajor(stride: order, offset: first))
      vectors.withMutableElements {
        Kernels.gemm(
          shape, alpha: -1, mixed.storage.span, reflectors.storage.span, into: &$0, path: path)
      }
    }
  }

  /// S, upper triangular, such that H_start … H_(start + size - 1) = I - V S Vᵀ.
  private func compactFactor(start: Int, size: Int, _ path: KernelPath) -> DoubleMatrix {
    let order = reflectors.columns
    var result = DoubleMatrix(rows: size, columns: size)
    for column in 0..<size {
      let factor = factors[start + column]
      let first = (start + column) * order + start + column + 1
      let v = reflectors.storage.span.extracting(first..<(start + column + 1) * order)
      let overlaps = (0..<column).map { previous in
        let from = (start + previous) * order + start + column + 1
        return Kernels.dot(
          reflectors.storage.span.extracting(from..<(start + previous + 1) * order), v, path: path)
      }
      for row in 0..<column {
        var sum = 0.0
        for inner in row..<column { sum += result[row, inner] * overlaps[inner] }
        result[row, column] = -factor * sum
      }
      result[column, column] = factor
    }
    return result
  }
}
