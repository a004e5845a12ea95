internal import CanonicalJSON
internal import Cryptography
internal import DelimitedText
internal import Recommendation

/// Writes a data set as the devices of a federation would hold it: one file a customer.
///
/// The directory holds
/// - `customers/ID.csv`: `kind,item,time,value,occasion`, one event a row in the order of time, with
///   the time as `YYYY-MM-DD HH:MM:SS`; the form that `client simulate` and `client data import`
///   read;
/// - `catalogue.csv`: `code,description`, the public price list, whole whatever the customers bought;
/// - `manifest.json`: what was written, from what and by which rule.
package struct CustomerSplit: Equatable, Sendable {
  /// Which events are written.
  package enum Period: Equatable, Sendable {
    /// All of them.
    case whole
    /// Those before a time; the later ones are kept for measuring.
    case before(seconds: Int64)
  }

  /// Columns of a customer's file.
  package static let header = "kind,item,time,value,occasion"
  /// Columns of the catalogue.
  package static let catalogueHeader = "code,description"

  /// What was written.
  package struct Summary: Equatable, Sendable {
    /// Customers with a file.
    package let customers: Int
    /// Events in all files.
    package let events: Int
    /// Items in the catalogue.
    package let items: Int
  }

  private let dataset: InteractionDataset
  private let period: Period
  private let userLimit: Int?
  private let attribution: String?

  /// - Parameters:
  ///   - dataset: the log.
  ///   - period: which events; customers without any are left out.
  ///   - userLimit: how many customers; all when nil. See `chosen` for which.
  ///   - attribution: line for the manifest that the data's licence asks for.
  package init(
    _ dataset: InteractionDataset, period: Period, userLimit: Int? = nil,
    attribution: String? = nil
  ) {
    self.dataset = dataset
    self.period = period
    self.userLimit = userLimit
    self.attribution = attribution
  }

  /// The first `limit` of `customers` in ascending order of the SHA-256 of their ids' UTF-8 bytes,
  /// returned in ascending order of index.
  ///
  /// The order has nothing to do with when a customer joined, as that of ids often has; a smaller
  /// choice is always part of a larger one.
  package static func chosen(_ limit: Int, of customers: [(index: Int, id: String)]) -> [Int] {
    customers
      .map { (hash: SHA256Digest(hashing: Array($0.id.utf8)).bytes, index: $0.index) }
      .sorted { $0.hash.lexicographicallyPrecedes($1.hash) }
      .prefix(limit).map(\.index).sorted()
  }

  /// Writes the directory; it appears whole or not at all.
  ///
  /// Not flushed to the disk file by file: it can be made again.
  /// - Parameter directory: a path that is free or an empty directory.
  /// - Throws: `DatasetError.outputNotEmpty`, `.unwritable`, or `.invalidRequest` if there are fewer
  ///   customers than asked for, none at all, or an id that cannot be a file's name.
  package func write(to directory: String) throws -> Summary {
    var events = [[Interaction]](repeating: [], count: dataset.customers.count)
    for event in dataset.events where isIncluded(event) { events[event.customer].append(event) }
    let present = events.indices.filter { !events[$0].isEmpty }
      .map { (index: $0, id: dataset.customers[$0]) }
    let limit = userLimit ?? present.count
    guard limit > 0, limit <= present.count else {
      throw DatasetError.invalidRequest(
        reason: "\(dataset.name) has \(present.count) customers with events in this period, "
          + "\(limit) were asked for")
    }
    let chosen = Self.chosen(limit, of: present)
    for customer in chosen where !Self.isFileName(dataset.customers[customer]) {
      throw DatasetError.invalidRequest(
        reason: "customer number \(customer + 1) has an id that cannot name a file: 1 to 64 of "
          + "A-Z a-z 0-9 . _ -, not starting with a dot")
    }
    let summary = Summary(
      customers: chosen.count, events: chosen.reduce(0) { $0 + events[$1].count },
      items: dataset.catalogue.count)
    try StagedDirectory(destination: directory).commit { path in
      try FileAccess.makeDirectory("\(path)/customers")
      for customer in chosen {
        try FileAccess.create(
          "\(path)/customers/\(dataset.customers[customer]).csv",
          customerFile(events[customer]), durable: false)
      }
      try FileAccess.create("\(path)/catalogue.csv", catalogueFile(), durable: false)
      try FileAccess.create(
        "\(path)/manifest.json", Array((manifest(summary).prettyText + "\n").utf8), durable: false)
    }
    return summary
  }

  private func isIncluded(_ event: Interaction) -> Bool {
    switch period {
    case .whole: true
    case .before(let seconds): event.seconds < seconds
    }
  }

  private func customerFile(_ events: [Interaction]) -> [UInt8] {
    // The index breaks ties, so that equal times keep the order of the source.
    let ordered = events.enumerated().sorted {
      ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset)
    }
    var text = Self.header + "\n"
    for (_, event) in ordered {
      text += event.kind.rawValue
      text += "," + DelimitedTable.quoted(dataset.catalogue.codes[event.item])
      text += "," + CalendarTime.text(event.seconds)
      text += ",\(event.value)," + DelimitedTable.quoted(dataset.occasions[event.occasion]) + "\n"
    }
    return Array(text.utf8)
  }

  private func catalogueFile() -> [UInt8] {
    var text = Self.catalogueHeader + "\n"
    for (code, description) in zip(dataset.catalogue.codes, dataset.catalogue.descriptions) {
      text += DelimitedTable.quoted(code) + "," + DelimitedTable.quoted(description) + "\n"
    }
    return Array(text.utf8)
  }

  private func manifest(_ summary: Summary) -> JSONValue {
    var members: [String: JSONValue] = [
      "format": .integer(1),
      "dataset": .string(dataset.name),
      "customers": .integer(Int64(summary.customers)),
      "events": .integer(Int64(summary.events)),
      "items": .integer(Int64(summary.items)),
      "choice": .string(userLimit == nil ? "all" : "first by SHA-256 of the id"),
    ]
    if case .before(let seconds) = period {
      members["events_before"] = .string(CalendarTime.text(seconds))
    }
    if let attribution { members["attribution"] = .string(attribution) }
    return .object(members)
  }

  private static func isFileName(_ id: String) -> Bool {
    (1...64).contains(id.utf8.count) && id.utf8.first != 0x2E
      && id.utf8.allSatisfy {
        switch $0 {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x5F, 0x2D: true
        default: false
        }
      }
  }
}
