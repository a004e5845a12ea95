package import Recommendation

/// What a customer did with an item.
package enum InteractionKind: String, CaseIterable, Sendable {
  case view, click, cart, purchase, rating
}

/// One row of a log, with customer, item and occasion as indices into the data set's tables.
package struct Interaction: Equatable, Sendable {
  /// Index into `InteractionDataset.customers`.
  package let customer: Int
  /// Index into the catalogue.
  package let item: Int
  /// What was done.
  package let kind: InteractionKind
  /// When: seconds from 1970-01-01, without a zone (`CalendarTime`).
  package let seconds: Int64
  /// Amount paid for a purchase (price times quantity, in the shop's currency), the rating for a
  /// rating, 1 where the source has no value. Finite.
  package let value: Double
  /// Index into `InteractionDataset.occasions`: the invoice, visit or session the row belongs to.
  package let occasion: Int

  package init(
    customer: Int, item: Int, kind: InteractionKind, seconds: Int64, value: Double, occasion: Int
  ) {
    self.customer = customer
    self.item = item
    self.kind = kind
    self.seconds = seconds
    self.value = value
    self.occasion = occasion
  }
}

/// A log of many customers, as research data sets have it: for `tacit` only.
///
/// In a federation no one holds such a table. It exists to be split into the devices' logs, and to
/// compute what a shop that did hold it could reach.
package struct InteractionDataset: Equatable, Sendable {
  /// Short name: `online-retail`, `ml-100k`, or a file's name.
  package let name: String
  /// The rows in the order of their source.
  package let events: [Interaction]
  /// Customer ids; ascending by their bytes (ids that are numbers: by number).
  package let customers: [String]
  /// The names of the occasions.
  package let occasions: [String]
  /// The public list of items.
  package let catalogue: Catalogue

  /// - Precondition: the indices of `events` are inside the tables.
  package init(
    name: String, events: [Interaction], customers: [String], occasions: [String],
    catalogue: Catalogue
  ) {
    for event in events {
      precondition(
        customers.indices.contains(event.customer) && occasions.indices.contains(event.occasion)
          && event.item >= 0 && event.item < catalogue.count, "an event is outside its data set")
    }
    self.name = name
    self.events = events
    self.customers = customers
    self.occasions = occasions
    self.catalogue = catalogue
  }

  /// Each customer's history made of the events that `included` accepts.
  ///
  /// - Returns: one history a customer, in the order of `customers`; empty where nothing was
  ///   accepted. A row's occasions are the distinct ones in which the item occurs.
  package func histories(
    where included: (Interaction) -> Bool = { _ in true }
  ) -> [CustomerHistory] {
    var rows = [[(item: Int, occasion: Int, seconds: Int64)]](
      repeating: [], count: customers.count)
    for event in events where included(event) {
      rows[event.customer].append((event.item, event.occasion, event.seconds))
    }
    return rows.map { unsorted in
      let sorted = unsorted.sorted { ($0.item, $0.occasion) < ($1.item, $1.occasion) }
      var history: [CustomerHistory.Row] = []
      var start = sorted.startIndex
      while start < sorted.endIndex {
        let item = sorted[start].item
        var occasions = 0
        var last = sorted[start].seconds
        var end = start
        while end < sorted.endIndex, sorted[end].item == item {
          if end == start || sorted[end].occasion != sorted[end - 1].occasion { occasions += 1 }
          last = max(last, sorted[end].seconds)
          end += 1
        }
        history.append(.init(item: item, occasions: occasions, lastSeconds: last))
        start = end
      }
      return CustomerHistory(rows: history)
    }
  }
}
