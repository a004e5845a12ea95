internal import CKernels

/// Implicit QL with Wilkinson's shift on a symmetric tridiagonal matrix.
///
/// The plane rotations are kept and applied to the eigenvectors many sweeps at a time, so that the
/// vectors pass through the cache once for each batch and not once for each sweep.
struct TridiagonalSolver {
  /// T[i, i]; after `solve`, the eigenvalues in no order.
  private(set) var diagonal: [Double]
  private var offDiagonal: [Double]
  /// The largest magnitude in T.
  private let scale: Double
  private let path: KernelPath
  private var sweeps: [tacit_sweep] = []
  private var cosines: [Double] = []
  private var sines: [Double] = []

  /// Sweeps for one eigenvalue; LAPACK allows 30 on average, and 2 are usual.
  private static let sweepLimit = 60
  /// Sweeps after which an element that is rounding beside the whole of T counts as negligible. In
  /// a block of eigenvalues zero, as of a matrix of low rank, all there is may be rounding, which
  /// never gets small beside its neighbours.
  private static let patience = 30
  /// Rotations kept before they are applied: 1 MB.
  private static let batchLimit = 1 << 16

  init(diagonal: [Double], offDiagonal: [Double], path: KernelPath) {
    self.diagonal = diagonal
    // One more element, always zero, ends the search for a split.
    self.offDiagonal = offDiagonal + [0]
    scale = (diagonal + offDiagonal).reduce(0) { max($0, abs($1)) }
    self.path = path
  }

  /// Diagonalises T and applies its rotations to the rows of `vectors`.
  ///
  /// With the identity at the start, row i ends as the eigenvector of `diagonal[i]`.
  mutating func solve(rotating vectors: inout DoubleMatrix) throws(LinearAlgebraError) {
    let order = diagonal.count
    for first in 0..<order {
      var sweep = 0
      while true {
        let last = endOfBlock(
          from: first, negligible: sweep < Self.patience ? 0x1p-200 : .ulpOfOne * scale)
        if last == first { break }
        guard sweep < Self.sweepLimit else {
          throw .notConverged(iterations: sweep, residual: abs(offDiagonal[first]))
        }
        sweep += 1
        step(from: first, to: last)
        if cosines.count >= Self.batchLimit { apply(to: &vectors) }
      }
    }
    apply(to: &vectors)
  }

  /// The last row of the block that starts at `first` and has no negligible element off its
  /// diagonal: one up to `negligible`, or of rounding beside its neighbours on the diagonal.
  private func endOfBlock(from first: Int, negligible: Double) -> Int {
    var last = first
    while last < diagonal.count - 1 {
      let size = abs(diagonal[last]) + abs(diagonal[last + 1])
      // The second test: the matrix is scaled to magnitude about 1, where 2^-200 is nothing, and
      // squares of what remains do not vanish.
      if abs(offDiagonal[last]) <= .ulpOfOne / 2 * size || abs(offDiagonal[last]) < negligible {
        break
      }
      last += 1
    }
    return last
  }

  /// One implicit QL sweep over rows first...last.
  private mutating func step(from first: Int, to last: Int) {
    let start = (diagonal[first + 1] - diagonal[first]) / (2 * offDiagonal[first])
    let length = Self.hypotenuse(start, 1)
    var g =
      diagonal[last] - diagonal[first] + offDiagonal[first]
      / (start + (start < 0 ? -length : length))
    var sine = 1.0
    var cosine = 1.0
    var shift = 0.0
    let offset = cosines.count
    var row = last - 1
    while row >= first {
      let f = sine * offDiagonal[row]
      let b = cosine * offDiagonal[row]
      let radius = Self.hypotenuse(f, g)
      offDiagonal[row + 1] = radius
      if radius == 0 {
        // The block has split: what is left of it is handled by the next sweep.
        diagonal[row + 1] -= shift
        break
      }
      sine = f / radius
      cosine = g / radius
      let difference = diagonal[row + 1] - shift
      let r = (diagonal[row] - difference) * sine + 2 * cosine * b
      shift = sine * r
      diagonal[row + 1] = difference + shift
      g = cosine * r - b
      cosines.append(cosine)
      sines.append(sine)
      row -= 1
    }
    if row < first {
      diagonal[first] -= shift
      offDiagonal[first] = g
    }
    offDiagonal[last] = 0
    let count = cosines.count - offset
    if count > 0 { sweeps.append(tacit_sweep(first: last - count, count: count, offset: offset)) }
  }

  private mutating func apply(to vectors: inout DoubleMatrix) {
    let columns = vectors.columns
    let path = path.code
    vectors.withMutableElements { elements in
      elements.withUnsafeMutableBufferPointer { z in
        sweeps.withUnsafeBufferPointer { sweeps in
          cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
              tacit_rotate_rows_f64(
                path, z.baseAddress, columns, columns, sweeps.baseAddress, sweeps.count,
                cosines.baseAddress, sines.baseAddress)
            }
          }
        }
      }
    }
    sweeps.removeAll(keepingCapacity: true)
    cosines.removeAll(keepingCapacity: true)
    sines.removeAll(keepingCapacity: true)
  }

  /// √(x² + y²) without overflow or loss of small arguments.
  private static func hypotenuse(_ x: Double, _ y: Double) -> Double {
    let (large, small) = (max(abs(x), abs(y)), min(abs(x), abs(y)))
    guard large > 0 else { return 0 }
    let ratio = small / large
    return large * (1 + ratio * ratio).squareRoot()
  }
}
