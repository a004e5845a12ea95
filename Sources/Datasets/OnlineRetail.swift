internal import Recommendation

/// The log that comes with Tacit: UCI "Online Retail" (Daqing Chen, 2015, CC BY 4.0), cleaned.
///
/// 396,337 purchase rows of 4,334 customers of a British mail-order shop in 3,659 items, from
/// 2010-12-01 to 2011-12-09. `scripts/make_online_retail.py` makes the file and documents its
/// bytes; `Data/NOTICE.txt` carries the attribution.
package enum OnlineRetail {
  /// The data set's name in commands and reports.
  package static let name = "online-retail"
  /// The file's name in the data folder.
  package static let fileName = "online-retail.bin"
  /// One line of attribution, for every report that uses the data.
  package static let attribution =
    "Online Retail: Daqing Chen, UCI Machine Learning Repository, 2015, doi:10.24432/C5BW33, CC BY 4.0"
  /// What is taken to be public, for every report that uses the data (ruling 4).
  package static let assumption =
    "the list of stock codes and descriptions is taken to be the shop's public price list"
  /// A larger file is not this one.
  package static let maximumBytes = 16 << 20

  private enum Limit {
    static let textBytes = Catalogue.Limits.textBytes
    static let countries = 1 << 10
    static let customers = 1 << 20
    static let items = Catalogue.Limits.items
    static let baskets = 1 << 22
    static let invoice = 1 << 32
    static let minutes = 1 << 26
    static let quantity = 1 << 24
    static let pence = 1 << 24
    static let epochSeconds = 1 << 40
  }

  /// Reads the file from the data folder.
  package static func load(
    from folder: DataFolder
  ) throws(DatasetError) -> InteractionDataset {
    let path = try folder.path(of: fileName)
    return try decode(FileAccess.read(path, limit: maximumBytes), file: path)
  }

  /// Decodes format 1.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - file: its name, for errors.
  /// - Returns: one `purchase` event a row, ascending by invoice and time; `value` is quantity times
  ///   unit price in pounds.
  /// - Throws: `DatasetError.damaged` for anything that is not a complete file of this format.
  package static func decode(
    _ bytes: [UInt8], file: String = fileName
  ) throws(DatasetError) -> InteractionDataset {
    guard bytes.count >= 4 else {
      throw DatasetError.damaged(file: file, offset: bytes.count, reason: "the file is cut off")
    }
    let end = bytes.count - 4
    let stored = bytes[end...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    var reader = ByteReader(file: file, bytes: bytes, end: end)
    try reader.expect(Array("TACITRL1".utf8))
    guard CRC32.checksum(bytes[..<end]) == stored else {
      throw DatasetError.damaged(file: file, offset: end, reason: "the checksum does not match")
    }
    let epoch = try reader.signed("the epoch", limit: Limit.epochSeconds)
    let countryCount = try reader.unsigned("the number of countries", limit: Limit.countries)
    for _ in 0..<countryCount { _ = try reader.text("a country", limit: Limit.textBytes) }
    let customers = try customerIDs(&reader)
    let catalogue = try catalogue(&reader, file: file)
    var rows = RowDecoder(
      epoch: Int64(epoch), customerCount: customers.count, countryCount: countryCount,
      itemCount: catalogue.count)
    let basketCount = try reader.unsigned("the number of baskets", limit: Limit.baskets)
    for _ in 0..<basketCount { try rows.decodeBasket(&reader) }
    guard reader.remaining == 0 else { throw reader.damaged("bytes follow the last basket") }
    return InteractionDataset(
      name: name, events: rows.events, customers: customers, occasions: rows.occasions,
      catalogue: catalogue)
  }

  private static func customerIDs(_ reader: inout ByteReader) throws(DatasetError) -> [String] {
    let count = try reader.unsigned("the number of customers", limit: Limit.customers)
    var ids: [String] = []
    var previous = 0
    for index in 0..<count {
      let step = try reader.unsigned("a customer id", limit: Limit.invoice)
      guard index == 0 || step > 0 else { throw reader.damaged("customer ids do not ascend") }
      previous += step
      ids.append(String(previous))
    }
    return ids
  }

  private static func catalogue(
    _ reader: inout ByteReader, file: String
  ) throws(DatasetError) -> Catalogue {
    let count = try reader.unsigned("the number of items", limit: Limit.items)
    var codes: [String] = []
    var descriptions: [String] = []
    for _ in 0..<count {
      let code = try reader.text("a stock code", limit: Limit.textBytes)
      if let last = codes.last, !last.utf8.lexicographicallyPrecedes(code.utf8) {
        throw reader.damaged("stock codes do not ascend")
      }
      codes.append(code)
      descriptions.append(try reader.text("a description", limit: Limit.textBytes))
    }
    do {
      return try Catalogue(codes: codes, descriptions: descriptions)
    } catch {
      throw .unsuitable(file: file, reason: "\(error)")
    }
  }

  /// The part of the format in which each number is relative to an earlier one.
  private struct RowDecoder {
    let epoch: Int64
    let customerCount: Int
    let countryCount: Int
    let itemCount: Int
    var events: [Interaction] = []
    var occasions: [String] = []
    private var invoice = 0
    private var minute = 0
    private var lastPence: [Int]

    init(epoch: Int64, customerCount: Int, countryCount: Int, itemCount: Int) {
      self.epoch = epoch
      self.customerCount = customerCount
      self.countryCount = countryCount
      self.itemCount = itemCount
      lastPence = [Int](repeating: 0, count: itemCount)
    }

    mutating func decodeBasket(_ reader: inout ByteReader) throws(DatasetError) {
      let invoiceStep = try reader.unsigned("an invoice number", limit: Limit.invoice)
      let minuteStep = try reader.signed("a time", limit: Limit.minutes)
      guard occasions.isEmpty || invoiceStep > 0 || minuteStep > 0 else {
        throw reader.damaged("baskets do not ascend")
      }
      if occasions.isEmpty || invoiceStep > 0 {
        invoice += invoiceStep
        occasions.append(String(invoice))
      }
      minute += minuteStep
      guard (0...Limit.minutes).contains(minute) else { throw reader.damaged("a time is off") }
      let customer = try reader.unsigned("a customer index", limit: customerCount - 1)
      _ = try reader.unsigned("a country index", limit: countryCount - 1)
      // A row takes three bytes or more, so a count beyond that is wrong before it is believed.
      let rowCount = try reader.unsigned("the number of rows", limit: reader.remaining / 3)
      guard rowCount > 0 else { throw reader.damaged("a basket has no rows") }
      var item = 0
      for _ in 0..<rowCount {
        item += try reader.unsigned("an item", limit: itemCount - 1 - item)
        let quantity = try reader.unsigned("a quantity", limit: Limit.quantity)
        var pence = try reader.unsigned("a price", limit: Limit.pence)
        if pence == 0 { pence = lastPence[item] }
        guard quantity > 0, pence > 0 else { throw reader.damaged("a quantity or price is zero") }
        lastPence[item] = pence
        events.append(
          Interaction(
            customer: customer, item: item, kind: .purchase,
            seconds: epoch + Int64(minute) * 60, value: Double(quantity * pence) / 100,
            occasion: occasions.count - 1))
      }
    }
  }
}
