/// The scores of all items for one customer, as a sum of named components.
///
/// A component is moved by no constant: where the literature standardises (subtracts the mean, divides
/// by the deviation) only the division is done, because a constant moves all items alike and would hide
/// what an item's score is made of.
package struct ItemScores: Sendable, Equatable {
  /// Where a part of a score comes from.
  package enum Component: String, CaseIterable, Sendable {
    /// How often this customer bought the item; from the device alone.
    case ownFrequency = "own_frequency"
    /// Learned from all customers together, applied to this customer's history.
    case learned
    /// Learned from all customers together about what follows what, applied to the order of this customer's
    /// history: no sum over its items.
    case sequence
    /// Likeness of the public texts of the item and of what the customer bought.
    case text
    /// How many customers buy the item, as learned with noise.
    case popularity
    /// What the customer took and passed over when it was shown; from the device alone.
    case feedback
    /// What the exploration policy added for being unsure.
    case exploration
    /// What likeness to the positions above, or calibration to the customer's categories, took off.
    case diversity
  }

  /// One component of every item's score.
  package struct Part: Sendable, Equatable {
    package let component: Component
    /// One a catalogue item, finite.
    package let values: [Float]
  }

  /// In the order in which they are added.
  package let components: [Part]
  /// For each item the sum of its components, added in Float in their order.
  package let totals: [Float]

  /// - Precondition: each component once, all of `itemCount` values.
  package init(itemCount: Int, components: [(component: Component, values: [Float])]) {
    precondition(
      Set(components.map(\.component)).count == components.count, "each component stands once")
    var totals = [Float](repeating: 0, count: itemCount)
    for (_, values) in components {
      precondition(values.count == itemCount, "a component has a value for each item")
      for item in totals.indices { totals[item] += values[item] }
    }
    self.components = components.map { Part(component: $0.component, values: $0.values) }
    self.totals = totals
  }

  /// Larger totals leave no room for what exploration adds before a Float overflows.
  private static let largestTotal: Float = 1e30

  /// These scores, if no total is beyond 1e30 or not a number: parameters of extreme size can make them so.
  ///
  /// - Throws: `.notFinite`.
  func checked() throws(RecommendationError) -> ItemScores {
    if let index = totals.firstIndex(where: { !(abs($0) <= Self.largestTotal) }) {
      throw .notFinite(name: "scores", index: index)
    }
    return self
  }

  /// The values of a component; nil if the score has none.
  package subscript(_ component: Component) -> [Float]? {
    components.first { $0.component == component }?.values
  }
}
