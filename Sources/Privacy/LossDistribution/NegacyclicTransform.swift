internal import Glibc

/// Values of a real polynomial of `length` coefficients at the `length` / 2 points e^(iπ(4k+1)/length),
/// in a fixed order of its own: products of values are convolutions in which what passes the end
/// comes back with its sign changed.
///
/// A real sequence of length n becomes a complex one of n/2 by a twist, without the unpacking that a
/// cyclic real transform needs; forward runs decimation in frequency and backward in time, so no
/// bits are reversed.
struct NegacyclicTransform: Sendable {
  let length: Int
  private let half: Int
  /// e^(iπ j / length), j < half.
  private let twist: [SIMD2<Double>]
  /// e^(-2πi j / half), j < half.
  private let roots: [SIMD2<Double>]

  /// Bound of the relative error in the ℓ² norm of either direction.
  ///
  /// A radix-4 pass, in units of 2^-53: 1 for each of two levels of sums, √5 for a complex product
  /// (Brent, Percival, Zimmermann, "Error bounds on complex floating-point multiplication", 2007),
  /// and 1.9 for the root: 1.1 of its angle, 0.8 of sine and cosine. That is 3.1 a level of two; the
  /// twist and the scale are two levels more.
  var relativeError: Double {
    Double.ulpOfOne / 2 * 3.25 * Double(length.trailingZeroBitCount + 2)
  }

  /// - Parameter length: a power of two, 8 or more.
  init(length: Int) {
    precondition(length >= 8 && length.nonzeroBitCount == 1, "the length is a power of two")
    self.length = length
    half = length / 2
    let half = half
    let step = Double.pi / Double(length)
    // Angles up to π/4; the rest by symmetry, with the same accuracy.
    let octant = (0...half / 2).map { SIMD2(cos(step * Double($0)), sin(step * Double($0))) }
    let quadrant = (0..<half).map { j in
      j <= half / 2 ? octant[j] : SIMD2(octant[half - j].y, octant[half - j].x)
    }
    twist = quadrant
    roots = (0..<half).map { j in
      // e^(-iπ 4j / length), by quarter turns.
      let value = quadrant[4 * j % half]
      return switch 4 * j / half {
      case 0: SIMD2(value.x, -value.y)
      case 1: SIMD2(-value.y, -value.x)
      case 2: SIMD2(-value.x, value.y)
      default: SIMD2(value.y, value.x)
      }
    }
  }

  @inline(__always)
  private static func product(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> {
    SIMD2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x)
  }

  @inline(__always)
  private static func conjugateProduct(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> {
    SIMD2(a.x * b.x + a.y * b.y, a.y * b.x - a.x * b.y)
  }

  /// - Parameter coefficients: shape `[length]`.
  /// - Returns: values, shape `[length / 2]`.
  func forward(_ coefficients: [Double]) -> [SIMD2<Double>] {
    precondition(coefficients.count == length, "one coefficient a place")
    // With x^(half) = i at the points, a + b x^half becomes a + i b.
    var values = (0..<half).map { j in
      Self.product(SIMD2(coefficients[j], coefficients[j + half]), twist[j])
    }
    // The points are e^(iπ/length) times the roots; the transform below uses e^(-2πi jk/half), which
    // visits the same set.
    var size = half
    while size >= 4 {
      forwardPass(&values, size: size)
      size /= 4
    }
    if size == 2 { pairPass(&values) }
    return values
  }

  /// The inverse of ``forward(_:)``.
  func backward(_ values: consuming [SIMD2<Double>]) -> [Double] {
    precondition(values.count == half, "one value a point")
    var size = half
    while size >= 4 { size /= 4 }
    if size == 2 { pairPass(&values) }
    size = size == 2 ? 8 : 4
    while size <= half {
      backwardPass(&values, size: size)
      size *= 4
    }
    var coefficients = [Double](repeating: 0, count: length)
    let scale = 1 / Double(half)
    for j in 0..<half {
      let value = Self.conjugateProduct(values[j], twist[j]) * scale
      coefficients[j] = value.x
      coefficients[j + half] = value.y
    }
    return coefficients
  }

  private func pairPass(_ values: inout [SIMD2<Double>]) {
    for start in stride(from: 0, to: half, by: 2) {
      let (a, b) = (values[start], values[start + 1])
      values[start] = a + b
      values[start + 1] = a - b
    }
  }

  /// One radix-4 pass of decimation in frequency over blocks of `size`.
  private func forwardPass(_ values: inout [SIMD2<Double>], size: Int) {
    let (quarter, stride) = (size / 4, half / size)
    for start in Swift.stride(from: 0, to: half, by: size) {
      for j in 0..<quarter {
        let i = start + j
        let (a, b) = (values[i], values[i + quarter])
        let (c, d) = (values[i + 2 * quarter], values[i + 3 * quarter])
        let (sumAC, sumBD, gapAC, gapBD) = (a + c, b + d, a - c, b - d)
        // -i (b - d)
        let turned = SIMD2(gapBD.y, -gapBD.x)
        values[i] = sumAC + sumBD
        values[i + quarter] = Self.product(sumAC - sumBD, roots[2 * j * stride])
        values[i + 2 * quarter] = Self.product(gapAC + turned, roots[j * stride])
        values[i + 3 * quarter] = Self.product(gapAC - turned, roots[3 * j * stride])
      }
    }
  }

  /// The conjugate transpose of ``forwardPass(_:size:)``.
  private func backwardPass(_ values: inout [SIMD2<Double>], size: Int) {
    let (quarter, stride) = (size / 4, half / size)
    for start in Swift.stride(from: 0, to: half, by: size) {
      for j in 0..<quarter {
        let i = start + j
        let a = values[i]
        let b = Self.conjugateProduct(values[i + quarter], roots[2 * j * stride])
        let c = Self.conjugateProduct(values[i + 2 * quarter], roots[j * stride])
        let d = Self.conjugateProduct(values[i + 3 * quarter], roots[3 * j * stride])
        let (sumAB, gapAB, sumCD, gapCD) = (a + b, a - b, c + d, c - d)
        // i (c - d)
        let turned = SIMD2(-gapCD.y, gapCD.x)
        values[i] = sumAB + sumCD
        values[i + quarter] = gapAB + turned
        values[i + 2 * quarter] = sumAB - sumCD
        values[i + 3 * quarter] = gapAB - turned
      }
    }
  }
}
