internal import Recommendation

extension DatasetImport {
  /// Where the columns of a table are, and how a row is read.
  struct Columns {
    let width: Int
    let customer: Int
    let item: Int
    var kind: Int?
    /// Other words for kinds.
    var kinds: [String: InteractionKind] = [:]
    var value: Int?
    var time: Int?
    var occasion: Int?
    var description: Int?
    let defaultKind: InteractionKind

    init(
      width: Int, customer: Int, item: Int, value: Int?, time: Int?, defaultKind: InteractionKind
    ) {
      self.width = width
      self.customer = customer
      self.item = item
      self.value = value
      self.time = time
      self.defaultKind = defaultKind
    }

    init(recboleHeader header: [String], file: String) throws(DatasetError) {
      var places: [Substring: Int] = [:]
      for (place, field) in header.enumerated() {
        let parts = field.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.recboleTypes.contains(String(parts[1])) else {
          throw .badHeader(
            file: file,
            reason: "column \(place + 1) is not NAME:TYPE with TYPE one of "
              + Self.recboleTypes.joined(separator: ", "))
        }
        guard places.updateValue(place, forKey: parts[0]) == nil else {
          throw .badHeader(file: file, reason: "column \(parts[0]) occurs twice")
        }
      }
      guard let customer = places["user_id"], let item = places["item_id"] else {
        throw .badHeader(file: file, reason: "the columns user_id and item_id are needed")
      }
      self.init(
        width: header.count, customer: customer, item: item, value: places["rating"],
        time: places["timestamp"], defaultKind: places["rating"] == nil ? .purchase : .rating)
    }

    init(header: [String], map: ColumnMap, file: String) throws(DatasetError) {
      func place(_ column: String) throws(DatasetError) -> Int {
        let places = header.indices.filter { header[$0] == column }
        guard let place = places.first, places.count == 1 else {
          throw .badHeader(
            file: file, reason: places.isEmpty ? "no column \(column)" : "\(column) occurs twice")
        }
        return place
      }
      func optionalPlace(_ column: String?) throws(DatasetError) -> Int? {
        guard let column else { return nil }
        return try place(column)
      }
      self.init(
        width: header.count, customer: try place(map.customer), item: try place(map.item),
        value: try optionalPlace(map.value), time: try optionalPlace(map.time),
        defaultKind: .purchase)
      kind = try optionalPlace(map.kind)
      kinds = map.kinds
      occasion = try optionalPlace(map.occasion)
      description = try optionalPlace(map.description)
    }

    private static let recboleTypes = ["token", "token_seq", "float", "float_seq"]
    /// 9999-12-31 23:59:59.
    private static let maximumSeconds = 253_402_300_799.0

    func read(
      _ fields: [String], of table: DatasetTable, into builder: inout DatasetBuilder,
      descriptions: inout [String: String]
    ) throws(DatasetError) {
      guard fields.count == width else {
        throw table.bad("\(fields.count) fields where there should be \(width)")
      }
      var seconds: Int64 = 0
      if let time {
        guard let read = Self.seconds(fields[time]) else {
          throw table.bad(Self.timeForms)
        }
        seconds = read
      }
      var number = 1.0
      if let value {
        guard let read = Double(fields[value]), read.isFinite else {
          throw table.bad("the value is not a finite number")
        }
        number = read
      }
      var what = defaultKind
      if let kind {
        guard let read = kinds[fields[kind]] ?? InteractionKind(rawValue: fields[kind]) else {
          throw table.bad(
            "the kind is not one of "
              + (kinds.keys.sorted() + InteractionKind.allCases.map(\.rawValue))
              .joined(separator: ", "))
        }
        what = read
      }
      let place = occasion ?? time
      if let reason = builder.add(
        customer: fields[customer], item: fields[item], kind: what, seconds: seconds,
        value: number, occasion: place.map { fields[$0] } ?? String(table.row))
      {
        throw table.bad(reason)
      }
      if let description, descriptions[fields[item]] == nil {
        descriptions[fields[item]] = fields[description]
      }
    }

    static let timeForms =
      "the time is none of YYYY-MM-DD, YYYY-MM-DD HH:MM:SS, YYYY-MM-DDTHH:MM:SSZ and seconds from 1970"

    /// A day is its first second. A Z is taken for the shop's own clock: order and days are those of the log.
    private static func seconds(_ field: String) -> Int64? {
      if let day = CalendarTime.seconds(ofDate: field) { return day }
      let parts = field.split(separator: "T", omittingEmptySubsequences: false)
      if parts.count == 2 {
        let clock = parts[1].hasSuffix("Z") ? parts[1].dropLast() : parts[1]
        return CalendarTime.seconds("\(parts[0]) \(clock)")
      }
      if let calendar = CalendarTime.seconds(field) { return calendar }
      guard let number = Double(field), (0...maximumSeconds).contains(number) else { return nil }
      return Int64(number)
    }
  }
}
