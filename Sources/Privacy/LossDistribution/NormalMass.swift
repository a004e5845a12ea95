internal import Glibc

/// Probabilities of intervals under the standard normal distribution, to a small relative error at
/// any depth.
enum NormalMass {
  /// φ(z).
  @inline(__always)
  static func density(_ z: Double) -> Double { exp(-0.5 * z * z) * 0.398_942_280_401_432_7 }

  /// A point t >= 0 with P(Z > t) <= `mass`.
  ///
  /// From P(Z > t) <= exp(-t²/2) / 2.
  static func upperPoint(_ mass: Double) -> Double {
    mass >= 0.5 ? 0 : (-2 * log(2 * mass)).squareRoot()
  }

  /// P(Z > t), relative error below 1e-13 for |t| <= 38.
  static func upperTail(_ t: Double) -> Double {
    t < 2 ? 0.5 * erfc(t / 2.0.squareRoot()) : density(t) * MillsRatio.ratio(t)
  }

  /// P(from < Z <= to) by tails; for intervals too wide for ``Quadrature``.
  static func wide(from low: Double, to high: Double) -> Double {
    guard high > low else { return 0 }
    if low >= 0 { return max(0, upperTail(low) - (high == .infinity ? 0 : upperTail(high))) }
    if high <= 0 { return max(0, upperTail(-high) - (low == -.infinity ? 0 : upperTail(-low))) }
    let below = low == -.infinity ? 0 : upperTail(-low)
    let above = high == .infinity ? 0 : upperTail(high)
    return max(0, 1 - below - above)
  }
}

/// Gauss-Legendre rules for one cell of a smooth density.
enum Quadrature {
  /// Offsets from the middle in half widths, and weights that add up to 2.
  static let two = [(0.577_350_269_189_625_8, 1.0)]
  static let four = [
    (0.339_981_043_584_856_3, 0.652_145_154_862_546_1),
    (0.861_136_311_594_052_6, 0.347_854_845_137_453_9),
  ]
  static let eight = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362_0),
    (0.525_532_409_916_329_0, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
  ]

  /// The rule whose error on φ is below 1e-14 relative over a cell of `width` at distance
  /// `distance` from the centre; nil if the cell is too wide for any.
  @inline(__always)
  static func rule(width: Double, distance: Double) -> [(Double, Double)]? {
    // The n-point rule leaves about (width × distance / 2)^2n n!^4 / ((2n+1) (2n)!^3) of the value.
    let step = width * (1 + distance)
    if step < 2e-3 { return two }
    if step < 0.2 { return four }
    return step < 1.5 ? eight : nil
  }
}
