internal import Glibc

/// The orders at which Rényi divergences are tracked: a fixed grid, so that composition is the
/// addition of two vectors.
package struct RenyiOrders: Sendable, Equatable {
  /// Ascending, each finite and above 1.
  package let values: [Double]
  /// ln(1 - 1/a) - ln(a) / (a - 1) and 1 / (a - 1): what a conversion to epsilon needs of order a.
  let offsets: [Double]
  let reciprocals: [Double]

  /// The default orders of dp-accounting 0.6.0: 1.1 to 10.9 by 0.1, 11 to 63, 128, 256, 512, 1024.
  package static let dpAccounting = RenyiOrders(
    checked: (1...99).map { 1 + Double($0) / 10 } + (11...63).map(Double.init)
      + [128, 256, 512, 1_024])

  /// Those and more at both ends, for very large and very small losses: 1.01 to 1.09 by 0.01, then
  /// 2048 to 65,536 by doubling, and 100,000.
  package static let standard = RenyiOrders(
    checked: (1...9).map { 1 + Double($0) / 100 } + dpAccounting.values
      + [2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 100_000])

  /// - Parameter values: ascending, in 1.001...1e6, at least one.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(_ values: [Double]) throws(PrivacyError) {
    guard !values.isEmpty, values.allSatisfy({ (1.001...1e6).contains($0) }),
      zip(values, values.dropFirst()).allSatisfy({ $0 < $1 })
    else {
      throw .invalidParameter(
        name: "Renyi orders", value: "\(values.prefix(8))", accepted: "ascending in 1.001...1e6")
    }
    self.init(checked: values)
  }

  private init(checked values: [Double]) {
    self.values = values
    offsets = values.map { log1p(-1 / $0) - log($0) / ($0 - 1) }
    reciprocals = values.map { 1 / ($0 - 1) }
  }

  package static func == (left: RenyiOrders, right: RenyiOrders) -> Bool {
    left.values == right.values
  }
}
