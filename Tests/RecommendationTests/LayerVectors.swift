import VectorMath

@testable import Recommendation

extension BayesianLastLayer {
  /// A layer over vectors of any norm, so that figures by hand stay simple.
  init(vectors: Matrix, ridge: Double) throws {
    let longest = (0..<vectors.rows).reduce(Float(0)) { longest, row in
      let square = vectors.row(row).reduce(0) { $0 + $1 * $1 }
      return max(longest, square.squareRoot() * 1.0001)
    }
    try self.init(vectors: vectors, longestVector: longest, ridge: ridge)
  }
}
