/// An item for a customer, with its score and where the score comes from.
package struct Recommendation: Sendable, Equatable {
  /// Place in the catalogue.
  package let item: Int
  /// The sum of the reasons' contributions, added in Float in the order of the score's components.
  package let score: Float
  /// How likely an exploration policy was to show the item at this position; nil for a list that was
  /// not drawn.
  package let propensity: Double?
  /// Draws that the propensity was estimated from; nil where it is exact.
  package let monteCarloDraws: Int?
  /// One for each component of the score, the largest contribution first.
  package let reasons: [Reason]
}

/// One additive part of an item's score, as data and as a sentence.
package struct Reason: Sendable, Equatable {
  /// What the part rests on.
  package enum Evidence: Sendable, Equatable {
    /// The customer bought the item on this many occasions; 0 if never.
    case ownFrequency(occasions: Int)
    /// At most three items of the history that add most, largest first, each above 0.
    case learned([HistoryShare])
    /// At most three of the items that the model read in their order, the latest first, and how many it read.
    case order(latest: [Int], read: Int)
    /// The item of the history whose text is most alike, and its cosine; nil if no text is alike.
    case text(nearest: Int, cosine: Float)
    case noText
    /// Customers with the item as a fraction of the policy's cohort, learned with noise.
    case popularity(fraction: Float)
    /// Outcomes of shown items that are like it.
    case feedback
    /// How likely the policy was to show it here; the category's tag, if that is new to the customer.
    case exploration(policy: String, probability: Double, newCategory: String?)
    case diversity
  }

  /// The part of the score.
  package let component: ItemScores.Component
  /// What it adds to the score; may be negative.
  package let contribution: Float
  /// The contribution divided by the sum of all contributions' sizes: -1 ... 1; 0 if all are zero.
  package let share: Float
  package let evidence: Evidence
  /// The evidence in plain English, for the customer.
  package let sentence: String
}
