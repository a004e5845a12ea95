internal import Glibc

/// The direction in which popularity alone moves a customer's row over a head.
///
/// Most of a row's length lies along it, and it is known from the popularity round. A row without its
/// part along it, scaled to norm 1 again, says more about taste at the same norm.
///
/// Entries are (p / largest p) to the power 0.6, where p counts as at least a hundredth of the largest:
/// noise may push a popularity below zero. Computed from public values only.
package struct PopularityDirection: Equatable {
  private static let exponent = 0.6
  private static let smallestRatio = 0.01
  /// Below this part of its squared length a row is popularity and rounding.
  private static let smallestResidual = 1e-6

  /// One a head item; unit norm.
  package let values: [Double]

  /// - Parameters:
  ///   - popularity: one a catalogue item.
  ///   - head: of that catalogue.
  package init(popularity: [Float], head: Head) {
    let largest = head.items.reduce(0.0) { max($0, Double(popularity[$1])) }
    var values = head.items.map { item in
      largest > 0
        ? pow(max(Double(popularity[item]) / largest, Self.smallestRatio), Self.exponent) : 1
    }
    let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    for index in values.indices { values[index] /= norm }
    self.values = values
  }

  /// The row of zeros and ones with ones at `places`, without its part along this direction, at norm 1.
  ///
  /// - Parameter places: distinct places of the head.
  /// - Returns: nil where nothing is left, as for no places at all.
  func residual(places: [Int]) -> [Double]? {
    let along = places.reduce(0) { $0 + values[$1] }
    let square = Double(places.count) - along * along
    guard !places.isEmpty, square > Self.smallestResidual * Double(places.count) else { return nil }
    let scale = 1 / square.squareRoot()
    var row = values.map { -along * $0 * scale }
    for place in places { row[place] += scale }
    return row
  }
}
