/// What one customer bought, as the models see it: one row an item. It never leaves the device.
package struct CustomerHistory: Sendable, Equatable {
  /// One item that the customer bought.
  package struct Row: Sendable, Equatable {
    /// Place in the catalogue.
    package let item: Int
    /// Distinct invoices with the item, at least 1.
    package let occasions: Int
    /// Time of the last of them, in seconds since 1970-01-01T00:00:00.
    package let lastSeconds: Int64

    /// - Precondition: `item >= 0`, `occasions >= 1`.
    package init(item: Int, occasions: Int, lastSeconds: Int64) {
      precondition(item >= 0, "an item is a place in the catalogue")
      precondition(occasions >= 1, "a row stands for at least one purchase")
      self.item = item
      self.occasions = occasions
      self.lastSeconds = lastSeconds
    }
  }

  /// Strictly ascending by item.
  package let rows: [Row]
  /// What the customer did with the slates of an experiment; nil where the device takes no part in one.
  package var experiment: ExperimentOutcomes?
  /// What came of the offers that the customer received; empty where no model asks for them.
  package var responses: [ResponseExample] = []

  /// Whether the customer bought nothing: such a device sends exactly zero (ruling 1).
  package var isEmpty: Bool { rows.isEmpty }

  /// The history of a customer who bought nothing.
  package static let empty = CustomerHistory(rows: [])

  /// - Precondition: rows ascend strictly by item.
  package init(rows: [Row]) {
    for index in rows.indices.dropFirst() {
      precondition(rows[index - 1].item < rows[index].item, "rows ascend strictly by item")
    }
    self.rows = rows
  }

  /// - Throws: `.itemOutOfRange` if a row is not in a catalogue of `itemCount` items.
  func checkItems(below itemCount: Int) throws(RecommendationError) {
    // Rows ascend, so the last one decides.
    if let last = rows.last, last.item >= itemCount {
      throw .itemOutOfRange(item: last.item, itemCount: itemCount)
    }
  }
}
