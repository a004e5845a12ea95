internal import DelimitedText

/// Which column of a CSV table holds what.
package struct ColumnMap: Equatable, Sendable {
  /// Names of the columns in the header. `kind`, `time`, `value` and `occasion` may be absent.
  package var customer: String
  package var item: String
  package var kind: String?
  package var time: String?
  package var value: String?
  package var occasion: String?
  package var description: String?
  /// The log's own words for kinds, beside the names of ``InteractionKind``.
  package var kinds: [String: InteractionKind] = [:]

  package init(
    customer: String, item: String, kind: String? = nil, time: String? = nil,
    value: String? = nil, occasion: String? = nil, description: String? = nil
  ) {
    self.customer = customer
    self.item = item
    self.kind = kind
    self.time = time
    self.value = value
    self.occasion = occasion
    self.description = description
  }

  /// Reads `customer=user_id,item=sku,time=when`.
  ///
  /// - Throws: `DatasetError.invalidRequest` for an unknown or repeated name, or if customer or item
  ///   is missing.
  package init(parsing text: String) throws(DatasetError) {
    var columns: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, !pair[1].isEmpty, Self.names.contains(String(pair[0])) else {
        throw .invalidRequest(
          reason: "a column map is a list of NAME=COLUMN with NAME one of "
            + Self.names.joined(separator: ", "))
      }
      guard columns.updateValue(String(pair[1]), forKey: String(pair[0])) == nil else {
        throw .invalidRequest(reason: "the column map names \(pair[0]) twice")
      }
    }
    guard let customer = columns["customer"], let item = columns["item"] else {
      throw .invalidRequest(reason: "the column map must name customer and item")
    }
    self.init(
      customer: customer, item: item, kind: columns["kind"], time: columns["time"],
      value: columns["value"], occasion: columns["occasion"],
      description: columns["description"])
  }

  /// Takes the log's own words for kinds: `addtocart=cart,transaction=purchase`.
  ///
  /// - Throws: `DatasetError.invalidRequest` for what is no list of such, an unknown kind or a repeated word, or if no
  ///   column holds the kind.
  package mutating func readKinds(_ text: String) throws(DatasetError) {
    guard kind != nil else {
      throw .invalidRequest(reason: "words for kinds need a column that holds them: kind=COLUMN")
    }
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", omittingEmptySubsequences: false)
      guard pair.count == 2, !pair[0].isEmpty, let kind = InteractionKind(rawValue: String(pair[1]))
      else {
        throw .invalidRequest(
          reason: "words for kinds are a list of WORD=KIND with KIND one of "
            + InteractionKind.allCases.map(\.rawValue).joined(separator: ", "))
      }
      guard kinds.updateValue(kind, forKey: String(pair[0])) == nil else {
        throw .invalidRequest(reason: "the words for kinds name \(pair[0]) twice")
      }
    }
  }

  /// What a column can hold.
  package static let names = [
    "customer", "item", "kind", "time", "value", "occasion", "description",
  ]
}

/// A form of table that can be imported.
package enum ImportFormat: Equatable, Sendable {
  /// RecBole atomic file: tab separated, header `user_id:token item_id:token [rating:float]
  /// [timestamp:float]` and any other columns.
  case recbole
  /// MovieLens `u.data` (tabs) or `ratings.dat` (`::`): user, item, rating, timestamp; no header.
  case movieLens
  /// Comma separated with a header (RFC 4180, no line breaks inside fields).
  case csv(ColumnMap)
}

/// Readers of interaction tables that a user brings.
///
/// They are strict: the first row that is not understood is an error that names the file, the row
/// and the column; no row is skipped.
package enum DatasetImport {
  /// A larger file is refused; it would not fit in memory several times over.
  package static let maximumBytes = 1 << 30

  /// Reads a table.
  ///
  /// Without a kind column a row is a `rating` if the table has a rating column, otherwise a
  /// `purchase`. Without an occasion column the occasion is the time; without both, the row. Without
  /// a time column all times are 0. Times are `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS`, the same with T between and Z
  /// behind, or seconds from 1970.
  /// - Parameters:
  ///   - path: the file.
  ///   - format: its form.
  ///   - name: of the data set.
  ///   - descriptions: of the items by id.
  package static func read(
    _ path: String, format: ImportFormat, name: String, descriptions: [String: String] = [:]
  ) throws(DatasetError) -> InteractionDataset {
    let bytes = try FileAccess.read(path, limit: maximumBytes)
    return try decode(
      bytes, file: path, format: format, name: name, descriptions: descriptions)
  }

  /// Decodes the bytes of a table; see `read`.
  package static func decode(
    _ bytes: [UInt8], file: String, format: ImportFormat, name: String,
    descriptions: [String: String] = [:]
  ) throws(DatasetError) -> InteractionDataset {
    var table: DatasetTable
    let columns: Columns
    switch format {
    case .recbole:
      table = DatasetTable(file: file, bytes: bytes, separator: .tab)
      columns = try Columns(recboleHeader: try table.next() ?? [], file: file)
    case .movieLens:
      let firstLine = bytes.prefix { $0 != 0x0A }
      table = DatasetTable(
        file: file, bytes: bytes, separator: firstLine.contains(0x09) ? .tab : .doubleColon)
      columns = Columns(width: 4, customer: 0, item: 1, value: 2, time: 3, defaultKind: .rating)
    case .csv(let map):
      table = DatasetTable(file: file, bytes: bytes, separator: .comma)
      columns = try Columns(header: try table.next() ?? [], map: map, file: file)
    }
    var builder = DatasetBuilder()
    var descriptions = descriptions
    while let fields = try table.next() {
      try columns.read(fields, of: table, into: &builder, descriptions: &descriptions)
    }
    return try builder.dataset(named: name, file: file, descriptions: descriptions)
  }

  /// Reads the text columns of a RecBole `.item` file: the description of an item is the content of
  /// `textColumns` with a space between.
  package static func recboleDescriptions(
    _ path: String, textColumns: [String]
  ) throws(DatasetError) -> [String: String] {
    let bytes = try FileAccess.read(path, limit: maximumBytes)
    var table = DatasetTable(file: path, bytes: bytes, separator: .tab)
    let header = (try table.next() ?? []).map { $0.split(separator: ":").first.map(String.init) }
    guard let id = header.firstIndex(of: "item_id") else {
      throw .badHeader(file: path, reason: "no column item_id")
    }
    var places: [Int] = []
    for column in textColumns {
      guard let place = header.firstIndex(of: column) else {
        throw .badHeader(file: path, reason: "no column \(column)")
      }
      places.append(place)
    }
    var descriptions: [String: String] = [:]
    while let fields = try table.next() {
      guard fields.count == header.count else {
        throw table.bad("\(fields.count) fields where the header has \(header.count)")
      }
      let text = places.map { fields[$0] }.filter { !$0.isEmpty }.joined(separator: " ")
      guard descriptions.updateValue(text, forKey: fields[id]) == nil else {
        throw table.bad("the item occurs twice")
      }
    }
    return descriptions
  }
}
