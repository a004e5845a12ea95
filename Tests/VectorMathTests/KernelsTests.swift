import Testing
import VectorMath

@Suite struct KernelsTests {
  static let paths = [KernelPath.baseline, .fastest]

  @Test("dot agrees with a sum in Double at every length", arguments: paths)
  func dot(path: KernelPath) {
    for count in Array(0...70) + [1000, 4099] {
      let x = Samples.vector(count, seed: 1)
      let y = Samples.vector(count, seed: 2)
      let exact = zip(x, y).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      let size = zip(x, y).reduce(0.0) { $0 + abs(Double($1.0) * Double($1.1)) }
      // n roundings of Float at most, and at least one.
      let bound = size * Double(count + 1) * 0x1p-24
      #expect(abs(Double(Kernels.dot(x.span, y.span, path: path)) - exact) <= bound)
      let (wideX, wideY) = (x.map(Double.init), y.map(Double.init))
      let wide = Kernels.dot(wideX.span, wideY.span, path: path)
      #expect(abs(wide - exact) <= size * Double(count + 1) * 0x1p-52)
    }
  }

  @Test("sums of squares are exact for integers", arguments: paths)
  func sumOfSquares(path: KernelPath) {
    for count in 0...70 {
      let x = (0..<count).map { Float($0 - 30) }
      let exact = (0..<count).reduce(0) { $0 + ($1 - 30) * ($1 - 30) }
      #expect(Kernels.sumOfSquares(x.span, path: path) == Double(exact))
    }
  }

  @Test("a NaN or infinity at any place makes the sum of squares not finite", arguments: paths)
  func notFinite(path: KernelPath) {
    for index in 0..<35 {
      for value in [Float.nan, .infinity, -.infinity] {
        var x = [Float](repeating: 1, count: 35)
        x[index] = value
        #expect(!Kernels.sumOfSquares(x.span, path: path).isFinite)
      }
    }
  }

  @Test("axpy and gemv are exact on small integers at every length", arguments: paths)
  func exactOnIntegers(path: KernelPath) {
    for count in 0...40 {
      let x = (0..<count).map { Double($0 % 7) }
      var y = (0..<count).map { Double($0 % 5) }
      let expected = (0..<count).map { Double($0 % 5 + 3 * ($0 % 7)) }
      var span = y.mutableSpan
      Kernels.axpy(3, x.span, into: &span, path: path)
      #expect(y == expected)

      for rows in [0, 1, 3, 4, 5, 9] {
        var matrix = Matrix(rows: rows, columns: count)
        for index in matrix.storage.indices { matrix.storage[index] = Float(index % 11 - 5) }
        let vector = x.map { Float($0) }
        let product = (0..<rows).map { row in
          zip(matrix.row(row), vector).reduce(0) { $0 + $1.0 * $1.1 }
        }
        #expect(Kernels.product(matrix, vector, path: path) == product)
        let transposed = Kernels.transposedProduct(matrix.transposed(), vector, path: path)
        #expect(transposed == product)
      }
    }
  }

  /// Sizes around the register tile (6 x 8) and the cache blocks (72, 256, 1024).
  @Test("gemm agrees with the triple loop around every block edge", arguments: paths)
  func gemm(path: KernelPath) {
    for (rows, inner, columns) in [
      (1, 1, 1), (5, 3, 7), (6, 8, 8), (7, 9, 17), (73, 20, 9), (13, 257, 15), (3, 5, 1030),
      (72, 256, 16), (0, 4, 4), (4, 0, 4),
    ] {
      let a = Samples.matrix(rows, inner, seed: 4)
      let b = Samples.matrix(inner, columns, seed: 5)
      let product = Kernels.product(a, b, path: path)
      let expected = Samples.naiveProduct(a, b)
      // Sums of `inner` products of magnitude at most 1, in two orders.
      #expect(Samples.largestDifference(product, expected) <= Double(inner * inner + 1) * 0x1p-52)
    }
  }

  @Test("float gemm is exact on small integers", arguments: paths)
  func floatGemm(path: KernelPath) {
    var a = Matrix(rows: 19, columns: 23)
    var b = Matrix(rows: 23, columns: 37)
    for index in a.storage.indices { a.storage[index] = Float(index % 9 - 4) }
    for index in b.storage.indices { b.storage[index] = Float(index % 13 - 6) }
    let product = Kernels.product(a, b, path: path)
    for row in 0..<19 {
      for column in 0..<37 {
        let expected = (0..<23).reduce(Float(0)) { $0 + a[row, $1] * b[$1, column] }
        #expect(product[row, column] == expected)
      }
    }
  }

  @Test("strided gemm reads transposes in place, scales, adds, and stays inside its result")
  func stridedGemm() {
    let a = Samples.matrix(20, 30, seed: 6)
    let b = Samples.matrix(25, 30, seed: 7)
    // C, 9 x 11 at (2, 3) of a 12 x 20 frame, gets 2 · (9 x 10 part of A) · (11 x 10 part of B)ᵀ.
    var frame = DoubleMatrix(rows: 12, columns: 20)
    for index in frame.storage.indices { frame.storage[index] = 1 }
    let shape = ProductShape(
      rows: 9, columns: 11, inner: 10, a: .rowMajor(stride: 30, offset: 4 * 30 + 5),
      b: .transposed(stride: 30, offset: 7 * 30 + 8), c: .rowMajor(stride: 20, offset: 2 * 20 + 3))
    frame.withMutableElements {
      Kernels.gemm(shape, alpha: 2, a.storage.span, b.storage.span, into: &$0)
    }
    for row in 0..<12 {
      for column in 0..<20 {
        var expected = 1.0
        if (2..<11).contains(row), (3..<14).contains(column) {
          for inner in 0..<10 {
            expected += 2 * a[4 + row - 2, 5 + inner] * b[7 + column - 3, 8 + inner]
          }
        }
        // Ten products of magnitude at most 2.
        #expect(abs(frame[row, column] - expected) <= 1e-14)
      }
    }
  }

  @Test("the Gram matrix is exactly symmetric and that of the triple loop", arguments: paths)
  func gram(path: KernelPath) {
    for (rows, columns) in [(1, 1), (10, 7), (30, 85), (300, 20)] {
      let matrix = Samples.matrix(rows, columns, seed: 8)
      let gram = Kernels.gram(of: matrix, path: path)
      #expect(gram == gram.transposed())
      let expected = Samples.naiveProduct(matrix.transposed(), matrix)
      #expect(Samples.largestDifference(gram, expected) <= Double(rows * rows) * 0x1p-52)
    }
  }

  @Test("a lower-only product leaves the elements above the diagonal alone")
  func lowerOnly() {
    let a = Samples.matrix(40, 5, seed: 9)
    let shape = ProductShape(
      rows: 40, columns: 40, inner: 5, a: .rowMajor(stride: 5), b: .transposed(stride: 5),
      c: .rowMajor(stride: 40), lowerOnly: true)
    var result = DoubleMatrix(rows: 40, columns: 40)
    result.withMutableElements {
      Kernels.gemm(shape, a.storage.span, a.storage.span, into: &$0)
    }
    for row in 0..<40 {
      for column in 0..<40 {
        #expect((result[row, column] != 0) == (column <= row))
      }
    }
  }

  @Test("both paths agree within the roundings that a fused multiply-add saves")
  func pathsAgree() {
    for count in [5, 64, 1000, 5003] {
      let x = Samples.vector(count, seed: 10)
      let y = Samples.vector(count, seed: 11)
      let slow = Kernels.dot(x.span, y.span, path: .baseline)
      let fast = Kernels.dot(x.span, y.span)
      let size = zip(x, y).reduce(Float(0)) { $0 + abs($1.0 * $1.1) }
      // The order of the sum is the same; each of its n / 32 + 40 steps a lane saves one rounding.
      #expect(abs(slow - fast) <= size * Float(count / 32 + 40) * 0x1p-23)
      #expect(Kernels.sumOfSquares(x.span) == Kernels.sumOfSquares(x.span, path: .baseline))
    }
    let a = Samples.matrix(50, 60, seed: 12)
    let b = Samples.matrix(60, 40, seed: 13)
    let difference = Samples.largestDifference(
      Kernels.product(a, b), Kernels.product(a, b, path: .baseline))
    #expect(difference <= 60 * 60 * 0x1p-52)
  }

  @Test("the same input gives the same bits")
  func repeatable() {
    let a = Samples.matrix(33, 47, seed: 14)
    #expect(Kernels.gram(of: a) == Kernels.gram(of: a))
  }

  @Test("vectors of different lengths end the process")
  func lengthPromise() async {
    await #expect(processExitsWith: .failure) {
      let (x, y) = ([Float](repeating: 0, count: 3), [Float](repeating: 0, count: 4))
      _ = Kernels.dot(x.span, y.span)
    }
  }

  @Test("a product beyond the end of its operand ends the process")
  func boundsPromise() async {
    await #expect(processExitsWith: .failure) {
      let operand = [Double](repeating: 0, count: 11)
      var result = [Double](repeating: 0, count: 16)
      var span = result.mutableSpan
      let shape = ProductShape(
        rows: 4, columns: 4, inner: 3, a: .rowMajor(stride: 3), b: .rowMajor(stride: 4),
        c: .rowMajor(stride: 4))
      Kernels.gemm(shape, operand.span, operand.span, into: &span)
    }
  }
}
