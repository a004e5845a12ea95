internal import DelimitedText

/// What a policy showed, how likely it was to, and whether it was clicked: one row an impression.
///
/// Columns of the Open Bandit format, found by name: `item_id`, `click` (0 or 1), `propensity_score` in
/// (0, 1], and where present `position` and `user-item_affinity_K` for item K. Others are passed over.
package struct OpenBanditLog: Equatable, Sendable {
  /// How the number of items is known.
  package enum ItemCountOrigin: String, Sendable {
    case given, affinityColumns = "affinity columns", largestItem = "largest item_id"
  }

  /// The file's name.
  package let name: String
  /// The item shown, in 0 ..< itemCount; one a row.
  package let items: [Int]
  /// Where, counted from 0 in ascending order of the positions that occur; one a row.
  package let positions: [Int]
  /// 1 for a click, 0 for none; one a row.
  package let rewards: [Double]
  /// The logged probability of showing the item at the position, in (0, 1]; one a row.
  package let propensities: [Double]
  /// The item with the largest affinity to the user, the lowest among equals; nil without such columns.
  package let favourites: [Int]?
  /// Number of items, at least 1.
  package let itemCount: Int
  package let itemCountOrigin: ItemCountOrigin
  /// The values of `position`, ascending; one value, 0, where there is no such column.
  package let positionLabels: [Int]
  /// Columns that this reader passed over.
  package let ignoredColumns: [String]

  /// Number of rows, at least 1.
  package var count: Int { items.count }
  /// Number of positions, at least 1.
  package var positionCount: Int { positionLabels.count }

  /// Larger files are not read.
  static let maximumBytes = 4 << 30
  /// Items and positions beyond these are taken for errors.
  package static let maximumItems = 1 << 20
  static let maximumPositions = 1_000

  /// Reads a log from a file.
  ///
  /// - Parameters:
  ///   - path: a CSV file with a header line.
  ///   - itemCount: how many items could be shown; nil to find it in the file.
  /// - Throws: as ``decode(_:file:itemCount:)``, `.unreadable`, `.tooLarge`.
  package static func read(
    _ path: String, itemCount: Int?
  ) throws(DatasetError) -> OpenBanditLog {
    try decode(
      try FileAccess.read(path, limit: maximumBytes),
      file: String(path.split(separator: "/").last ?? Substring(path)), itemCount: itemCount)
  }

  /// Reads a log from its bytes.
  ///
  /// - Throws: `DatasetError.badHeader` where a column is missing or stands twice, `.badRow` for
  ///   the first bad row with the numbers of the others, `.empty`.
  package static func decode(
    _ bytes: [UInt8], file: String, itemCount: Int?
  ) throws(DatasetError) -> OpenBanditLog {
    var table = DatasetTable(file: file, bytes: bytes, separator: .comma)
    guard let header = try table.next() else { throw .empty(file: file) }
    let columns = try OpenBanditColumns(header, file: file)
    var rows = OpenBanditRows(itemLimit: itemCount ?? columns.affinityItemCount)
    while let fields = try table.next() {
      // A blank line, as editors leave at the end.
      if fields == [""] { continue }
      rows.append(fields, columns, row: table.row)
    }
    try rows.checkAllGood(file: file)
    guard !rows.items.isEmpty else { throw .empty(file: file) }
    return try OpenBanditLog(rows, columns: columns, file: file, givenItemCount: itemCount)
  }

  private init(
    _ rows: OpenBanditRows, columns: OpenBanditColumns, file: String, givenItemCount: Int?
  ) throws(DatasetError) {
    let labels = Set(rows.positions).sorted()
    guard labels.count <= Self.maximumPositions else {
      throw .unsuitable(
        file: file,
        reason: "it has \(labels.count) positions, the limit is \(Self.maximumPositions)")
    }
    var place: [Int: Int] = [:]
    for (index, label) in labels.enumerated() { place[label] = index }
    name = file
    items = rows.items
    positions = rows.positions.map { place[$0] ?? 0 }
    rewards = rows.rewards
    propensities = rows.propensities
    favourites = columns.affinities.isEmpty ? nil : rows.favourites
    positionLabels = labels
    ignoredColumns = columns.ignored
    if let givenItemCount {
      itemCount = givenItemCount
      itemCountOrigin = .given
    } else if let count = columns.affinityItemCount {
      itemCount = count
      itemCountOrigin = .affinityColumns
    } else {
      itemCount = (rows.items.max() ?? 0) + 1
      itemCountOrigin = .largestItem
    }
  }

  /// A log of chosen rows, with the same items and positions.
  ///
  /// - Precondition: the range is not empty and inside the log.
  package func rows(_ range: Range<Int>) -> OpenBanditLog {
    precondition(!range.isEmpty && range.upperBound <= count, "a part of the log")
    return OpenBanditLog(self, range)
  }

  private init(_ log: OpenBanditLog, _ range: Range<Int>) {
    name = log.name
    items = Array(log.items[range])
    positions = Array(log.positions[range])
    rewards = Array(log.rewards[range])
    propensities = Array(log.propensities[range])
    favourites = log.favourites.map { Array($0[range]) }
    itemCount = log.itemCount
    itemCountOrigin = log.itemCountOrigin
    positionLabels = log.positionLabels
    ignoredColumns = log.ignoredColumns
  }
}

/// Where the columns of an Open Bandit log are.
struct OpenBanditColumns {
  static let affinityPrefix = "user-item_affinity_"

  let width: Int
  let item: Int
  let click: Int
  let propensity: Int
  let position: Int?
  /// Ascending by item.
  let affinities: [(item: Int, column: Int)]
  let ignored: [String]

  var affinityItemCount: Int? { affinities.last.map { $0.item + 1 } }

  init(_ header: [String], file: String) throws(DatasetError) {
    let names = header.map(Self.trimmed)
    var places: [String: Int] = [:]
    for (place, name) in names.enumerated() where !name.isEmpty {
      guard places.updateValue(place, forKey: name) == nil else {
        throw .badHeader(file: file, reason: "the column \(name) stands there twice")
      }
    }
    func needed(_ name: String, _ why: String) throws(DatasetError) -> Int {
      guard let place = places[name] else {
        throw .badHeader(file: file, reason: "there is no column \(name): \(why)")
      }
      return place
    }
    item = try needed("item_id", "the Open Bandit format names the item shown so")
    click = try needed("click", "the Open Bandit format names the outcome so, 0 or 1")
    propensity = try needed(
      "propensity_score",
      "without the probability with which each item was shown nothing can be weighted")
    position = places["position"]
    var affinities: [(item: Int, column: Int)] = []
    var ignored: [String] = []
    for (place, name) in names.enumerated() {
      if [item, click, propensity, position].contains(place) { continue }
      guard name.hasPrefix(Self.affinityPrefix),
        let number = OpenBanditRows.wholeNumber(name.dropFirst(Self.affinityPrefix.count)),
        number < OpenBanditLog.maximumItems
      else {
        if !name.isEmpty { ignored.append(name) }
        continue
      }
      affinities.append((number, place))
    }
    self.affinities = affinities.sorted { $0.item < $1.item }
    self.ignored = ignored
    width = header.count
  }

  private static func trimmed(_ name: String) -> String {
    guard let first = name.firstIndex(where: { $0 != " " }),
      let last = name.lastIndex(where: { $0 != " " })
    else { return "" }
    return String(name[first...last])
  }
}

/// The rows read so far, and which could not be.
struct OpenBanditRows {
  /// Bad rows that an error lists.
  private static let listedRows = 5

  private let itemLimit: Int?
  var items: [Int] = []
  var positions: [Int] = []
  var rewards: [Double] = []
  var propensities: [Double] = []
  var favourites: [Int] = []
  private var badRows: [(row: Int, reason: String)] = []
  private var badRowCount = 0

  init(itemLimit: Int?) { self.itemLimit = itemLimit }

  mutating func append(_ fields: [String], _ columns: OpenBanditColumns, row: Int) {
    do throws(BadRow) {
      try read(fields, columns)
    } catch {
      badRowCount += 1
      if badRows.count < Self.listedRows { badRows.append((row, error.reason)) }
    }
  }

  private struct BadRow: Error {
    let reason: String
  }

  private mutating func read(
    _ fields: [String], _ columns: OpenBanditColumns
  ) throws(BadRow) {
    guard fields.count == columns.width else {
      throw BadRow(
        reason: "\(fields.count) fields where the header has \(columns.width)")
    }
    let item = try self.item(fields[columns.item])
    let reward = try self.reward(fields[columns.click])
    let propensity = try self.propensity(fields[columns.propensity])
    var position = 0
    if let column = columns.position {
      guard let number = Self.wholeNumber(fields[column]) else {
        throw BadRow(reason: "position is not a whole number from 0")
      }
      position = number
    }
    if !columns.affinities.isEmpty { favourites.append(try favourite(fields, columns)) }
    items.append(item)
    rewards.append(reward)
    propensities.append(propensity)
    positions.append(position)
  }

  private func item(_ field: String) throws(BadRow) -> Int {
    guard let item = Self.wholeNumber(field), item < OpenBanditLog.maximumItems else {
      throw BadRow(reason: "item_id is not a whole number from 0")
    }
    if let itemLimit, item >= itemLimit {
      throw BadRow(reason: "item_id is \(item), and there are \(itemLimit) items, counted from 0")
    }
    return item
  }

  private func reward(_ field: String) throws(BadRow) -> Double {
    switch field {
    case "0": return 0
    case "1": return 1
    default:
      guard let number = Double(field), number == 0 || number == 1 else {
        throw BadRow(reason: "click is neither 0 nor 1")
      }
      return number
    }
  }

  private func propensity(_ field: String) throws(BadRow) -> Double {
    guard !field.isEmpty else { throw BadRow(reason: "propensity_score is missing") }
    guard let number = Double(field), number.isFinite else {
      throw BadRow(reason: "propensity_score is not a finite number")
    }
    guard number > 0 else {
      throw BadRow(reason: "propensity_score is not above 0: what was shown had a chance")
    }
    guard number <= 1 else { throw BadRow(reason: "propensity_score is above 1") }
    return number
  }

  private func favourite(
    _ fields: [String], _ columns: OpenBanditColumns
  ) throws(BadRow) -> Int {
    var best = columns.affinities[0].item
    var highest = -Double.infinity
    for (item, column) in columns.affinities {
      let field = fields[column]
      // Nearly all affinities are zero.
      let number = field == "0.0" ? 0 : Double(field) ?? .nan
      guard number.isFinite else {
        throw BadRow(reason: "\(OpenBanditColumns.affinityPrefix)\(item) is not a finite number")
      }
      if number > highest {
        highest = number
        best = item
      }
    }
    return best
  }

  func checkAllGood(file: String) throws(DatasetError) {
    guard let first = badRows.first else { return }
    var reason = first.reason
    if badRowCount > 1 {
      let others = badRows.dropFirst().map { String($0.row) }.joined(separator: ", ")
      reason += "; \(badRowCount) rows are bad in all, the next: \(others)"
    }
    throw .badRow(file: file, row: first.row, reason: reason)
  }

  /// A number of digits alone, or one that a table program wrote with a decimal zero.
  static func wholeNumber(_ field: some StringProtocol) -> Int? {
    if let number = Int(field) { return number >= 0 ? number : nil }
    guard let number = Double(field), number >= 0, number < 0x1p53, number == number.rounded()
    else { return nil }
    return Int(number)
  }
}
