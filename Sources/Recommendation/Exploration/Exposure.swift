/// An item that a customer saw, and whether it was accepted (clicked or bought).
package struct Exposure: Sendable, Equatable {
  /// Place in the catalogue.
  package let item: Int
  package let isAccepted: Bool

  package init(item: Int, isAccepted: Bool) {
    self.item = item
    self.isAccepted = isAccepted
  }

  /// What one slate with its reports tells.
  ///
  /// Who accepts an item has seen those above it and passed them over; of those below nothing is known,
  /// unless they were dismissed. A slate without a report tells nothing: it may never have been seen.
  /// - Parameter positions: item (nil where the catalogue no longer has it), accepted, dismissed; best
  ///   position first.
  /// - Source: the cascade model, Craswell et al., "An Experimental Comparison of Click Position-Bias
  ///   Models", WSDM 2008.
  package static func cascade(
    _ positions: [(item: Int?, isAccepted: Bool, isDismissed: Bool)]
  ) -> [Exposure] {
    let last = positions.lastIndex { $0.isAccepted } ?? -1
    return positions.enumerated().compactMap { position, shown in
      guard let item = shown.item, position <= last || shown.isDismissed else { return nil }
      return Exposure(item: item, isAccepted: shown.isAccepted)
    }
  }
}
