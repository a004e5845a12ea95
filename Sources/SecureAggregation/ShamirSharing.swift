internal import Cryptography

/// Shamir's secret sharing of 32-byte secrets, each byte by itself, over GF(2^8).
///
/// The field is GF(2)[x] / 0x11b; any byte string is a valid secret. A share's point x is public;
/// coefficients and shares are secret, and only ever multiplied by public values, with neither
/// tables nor branches that depend on them (secure aggregation §3.5).
enum ShamirSharing {
  static let secretByteCount = 32

  /// Draws the polynomials of one secret: row `first` of `table` holds the secret and stays; the
  /// `threshold - 1` rows behind it become coefficients.
  static func drawPolynomial(in table: inout SecretTable, first: Int, threshold: Int) {
    guard threshold > 1 else { return }
    table.randomize(rows: first + 1..<first + threshold)
  }

  /// Writes the share at `point` of the polynomial in rows `first..<first + threshold`.
  static func evaluate(
    _ polynomials: borrowing SecretTable, first: Int, threshold: Int, at point: UInt8,
    to row: Int, of table: inout SecretTable
  ) {
    var value = FieldVector()
    for index in stride(from: threshold - 1, through: 0, by: -1) {
      let coefficient = polynomials.withRow(first + index) { FieldVector(loading: $0) }
      value = value.multiplied(by: point) ^ coefficient
    }
    table.withMutableRow(row) { value.store(to: &$0) }
  }

  /// The Lagrange coefficients at zero for distinct non-zero `points`.
  ///
  /// They depend on who holds the shares only: compute them once for a set of holders.
  static func coefficients(points: [UInt8]) -> [UInt8] {
    let product = points.reduce(1, PublicField.multiply)
    return points.map { point in
      // λ = product of the other points over the product of their differences to this one.
      let denominator = points.reduce(point) { partial, other in
        other == point ? partial : PublicField.multiply(partial, other ^ point)
      }
      return PublicField.multiply(product, PublicField.inverse(denominator))
    }
  }

  /// The secret that the shares determine: the sum of shares times coefficients.
  /// - Parameters:
  ///   - shares: 32 bytes each, as many as `coefficients`.
  ///   - row: where the secret goes.
  static func combine(
    _ shares: [[UInt8]], coefficients: [UInt8], to row: Int, of table: inout SecretTable
  ) {
    precondition(shares.count == coefficients.count, "one coefficient a share")
    var value = FieldVector()
    for (share, coefficient) in zip(shares, coefficients) {
      value = value ^ FieldVector(loading: share.span).multiplied(by: coefficient)
    }
    table.withMutableRow(row) { value.store(to: &$0) }
  }
}

/// 32 elements of GF(2^8) that are handled at once and in constant time.
struct FieldVector: Equatable {
  private var lanes = SIMD4<UInt64>()

  /// Zero.
  init() {}

  /// - Parameter bytes: 32 of them.
  init(loading bytes: Span<UInt8>) {
    precondition(bytes.count == ShamirSharing.secretByteCount, "a field vector has 32 elements")
    for lane in 0..<4 {
      lanes[lane] = bytes.bytes.unsafeLoadUnaligned(fromByteOffset: 8 * lane, as: UInt64.self)
    }
  }

  private init(lanes: SIMD4<UInt64>) {
    self.lanes = lanes
  }

  /// - Parameter bytes: 32 of them, overwritten.
  func store(to bytes: inout MutableSpan<UInt8>) {
    precondition(bytes.count == ShamirSharing.secretByteCount, "a field vector has 32 elements")
    var raw = bytes.mutableBytes
    for lane in 0..<4 { raw.storeBytes(of: lanes[lane], toByteOffset: 8 * lane, as: UInt64.self) }
  }

  /// Addition in the field.
  static func ^ (left: FieldVector, right: FieldVector) -> FieldVector {
    FieldVector(lanes: left.lanes ^ right.lanes)
  }

  /// The product with a public element. Branches depend on `factor` only.
  func multiplied(by factor: UInt8) -> FieldVector {
    var product = SIMD4<UInt64>()
    var power = lanes
    var bits = factor
    while bits != 0 {
      if bits & 1 == 1 { product ^= power }
      bits >>= 1
      if bits != 0 { power = Self.timesX(power) }
    }
    return FieldVector(lanes: product)
  }

  /// Each byte times x, reduced by 0x11b.
  private static func timesX(_ lanes: SIMD4<UInt64>) -> SIMD4<UInt64> {
    let low = SIMD4<UInt64>(repeating: 0x7f7f_7f7f_7f7f_7f7f)
    let ones = SIMD4<UInt64>(repeating: 0x0101_0101_0101_0101)
    let carries = (lanes &>> 7) & ones
    return ((lanes & low) &<< 1) ^ (carries &* 0x1b)
  }
}

/// Single elements of GF(2^8) / 0x11b that are public: points, and what is computed from them.
enum PublicField {
  static func multiply(_ left: UInt8, _ right: UInt8) -> UInt8 {
    var (product, power, bits) = (UInt8(0), left, right)
    while bits != 0 {
      if bits & 1 == 1 { product ^= power }
      power = power << 1 ^ (power >> 7) &* 0x1b
      bits >>= 1
    }
    return product
  }

  /// The inverse of a non-zero element: its 254th power.
  static func inverse(_ element: UInt8) -> UInt8 {
    precondition(element != 0, "zero has no inverse")
    var (result, power) = (UInt8(1), element)
    // 254 = 2 + 4 + … + 128.
    for _ in 0..<7 {
      power = multiply(power, power)
      result = multiply(result, power)
    }
    return result
  }
}
