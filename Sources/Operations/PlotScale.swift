internal import Glibc

/// Maps values of one axis to places on it, and chooses the values to label.
struct PlotScale: Equatable {
  enum Kind {
    case linear, logarithmic
  }

  struct Tick: Equatable {
    let value: Double
    let label: String
  }

  let kind: Kind
  let lower: Double
  let upper: Double
  let ticks: [Tick]

  /// - Parameters:
  ///   - values: what must fit; those that the scale cannot show (not finite, or not positive on a
  ///     logarithmic scale) are passed over.
  ///   - includesZero: whether a linear scale also shows 0.
  init(kind: Kind, values: [Double], includesZero: Bool = false) {
    let shown = values.filter { Self.canShow($0, kind: kind) }
    var lower = shown.min() ?? (kind == .linear ? 0 : 1)
    var upper = shown.max() ?? (kind == .linear ? 1 : 10)
    self.kind = kind
    switch kind {
    case .linear:
      if includesZero {
        lower = min(lower, 0)
        upper = max(upper, 0)
      }
      if lower == upper {
        let margin = lower == 0 ? 1 : lower.magnitude / 2
        lower -= margin
        upper += margin
      }
      (self.lower, self.upper, ticks) = Self.linearTicks(lower, upper)
    case .logarithmic:
      if lower == upper {
        lower /= 2
        upper *= 2
      }
      self.lower = lower
      self.upper = upper
      ticks = Self.logarithmicTicks(lower, upper)
    }
  }

  static func canShow(_ value: Double, kind: Kind) -> Bool {
    value.isFinite && value.magnitude < 1e12 && (kind == .linear || value > 0)
  }

  /// Place of a value between the lower (0) and the upper (1) end.
  func fraction(_ value: Double) -> Double {
    switch kind {
    case .linear: (value - lower) / (upper - lower)
    case .logarithmic: log(value / lower) / log(upper / lower)
    }
  }

  // Steps of 1, 2 or 5 times a power of ten, about five of them; the ends are rounded outward.
  private static func linearTicks(
    _ lower: Double, _ upper: Double
  ) -> (lower: Double, upper: Double, ticks: [Tick]) {
    let raw = (upper - lower) / 5
    let power = pow(10, floor(log10(raw)))
    let step = power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10)
    let places = min(9, max(0, Int(-floor(log10(step) + 1e-9))))
    let first = floor(lower / step + 1e-9)
    let last = ceil(upper / step - 1e-9)
    let ticks = stride(from: first, through: last, by: 1).map { index in
      Tick(value: index * step, label: label(index * step, places: places))
    }
    return (first * step, last * step, ticks)
  }

  // Powers of two over a short range, as budgets are listed (1, 2, 4, 8), else powers of ten.
  private static func logarithmicTicks(_ lower: Double, _ upper: Double) -> [Tick] {
    let base = upper / lower <= 100 ? 2.0 : 10.0
    let first = ceil(log(lower) / log(base) - 1e-9)
    let last = floor(log(upper) / log(base) + 1e-9)
    guard first <= last else { return [] }
    return stride(from: first, through: last, by: 1).map { exponent in
      let value = pow(base, exponent)
      let places = value >= 1 ? 0 : min(9, Int(ceil(-log10(value) - 1e-9)) + (base == 2 ? 2 : 0))
      return Tick(value: value, label: label(value, places: places))
    }
  }

  private static func label(_ value: Double, places: Int) -> String {
    places == 0 ? Format.count(Int(value.rounded())) : Format.decimal(value, places: places)
  }
}
