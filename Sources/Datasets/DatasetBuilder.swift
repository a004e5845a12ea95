internal import Recommendation

/// Collects rows with textual ids and turns them into a data set with indices.
///
/// Customers and items are numbered in ascending order of their ids: by number if every id is a
/// decimal number without leading zeros, by bytes otherwise. A catalogue is ordered by bytes, so
/// item ids that are numbers are then padded with zeros to one width ("7" of 1,682 items becomes
/// "0007"): index order is numeric order, as the evaluation protocols want it.
struct DatasetBuilder {
  /// A longer id or occasion is an error.
  static let maximumIDBytes = 128

  private struct Names {
    private(set) var list: [String] = []
    private var indices: [String: Int] = [:]

    mutating func index(of name: String) -> Int {
      if let known = indices[name] { return known }
      indices[name] = list.count
      list.append(name)
      return list.count - 1
    }
  }

  private var customers = Names()
  private var items = Names()
  private var occasions = Names()
  private var events: [Interaction] = []

  /// - Returns: why the row is not acceptable; nil if it was added.
  mutating func add(
    customer: String, item: String, kind: InteractionKind, seconds: Int64, value: Double,
    occasion: String
  ) -> String? {
    for (name, id) in [("customer", customer), ("item", item), ("occasion", occasion)] {
      guard !id.isEmpty else { return "the \(name) is empty" }
      guard id.utf8.count <= Self.maximumIDBytes else {
        return "the \(name) is longer than \(Self.maximumIDBytes) bytes"
      }
    }
    events.append(
      Interaction(
        customer: customers.index(of: customer), item: items.index(of: item), kind: kind,
        seconds: seconds, value: value, occasion: occasions.index(of: occasion)))
    return nil
  }

  /// - Parameters:
  ///   - name: the data set's name.
  ///   - file: for errors.
  ///   - descriptions: of items by id; an item without one is described by its id. Items that occur
  ///     here and in no row are left out.
  func dataset(
    named name: String, file: String, descriptions: [String: String] = [:]
  ) throws(DatasetError) -> InteractionDataset {
    guard !events.isEmpty else { throw .empty(file: file) }
    let customerOrder = Self.order(customers.list)
    let itemOrder = Self.order(items.list)
    let itemIDs = itemOrder.sorted.map { items.list[$0] }
    let width = itemOrder.isNumeric ? itemIDs.map(\.utf8.count).max() ?? 0 : 0
    let codes = itemIDs.map {
      String(repeating: "0", count: max(0, width - $0.utf8.count)) + $0
    }
    let catalogue: Catalogue
    do {
      catalogue = try Catalogue(
        codes: codes, descriptions: itemIDs.map { descriptions[$0] ?? $0 })
    } catch {
      throw .unsuitable(file: file, reason: "\(error)")
    }
    let customerPlace = Self.inverse(customerOrder.sorted)
    let itemPlace = Self.inverse(itemOrder.sorted)
    return InteractionDataset(
      name: name,
      events: events.map {
        Interaction(
          customer: customerPlace[$0.customer], item: itemPlace[$0.item], kind: $0.kind,
          seconds: $0.seconds, value: $0.value, occasion: $0.occasion)
      },
      customers: customerOrder.sorted.map { customers.list[$0] }, occasions: occasions.list,
      catalogue: catalogue)
  }

  private static func inverse(_ permutation: [Int]) -> [Int] {
    var inverse = [Int](repeating: 0, count: permutation.count)
    for (place, index) in permutation.enumerated() { inverse[index] = place }
    return inverse
  }

  private static func order(_ ids: [String]) -> (sorted: [Int], isNumeric: Bool) {
    let isNumeric = ids.allSatisfy { id in
      id.utf8.allSatisfy { (0x30...0x39).contains($0) } && (id == "0" || id.utf8.first != 0x30)
    }
    let sorted = ids.indices.sorted { left, right in
      let (a, b) = (ids[left].utf8, ids[right].utf8)
      // Without leading zeros the longer number is the larger one.
      if isNumeric, a.count != b.count { return a.count < b.count }
      return a.lexicographicallyPrecedes(b)
    }
    return (sorted, isNumeric)
  }
}
