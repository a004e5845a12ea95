import Cryptography
import Datasets
import Foundation
import Recommendation
import Testing

@Suite("OnlineRetail")
struct OnlineRetailTests {
  @Test("the committed file has the counts of the specification and of the original table")
  func counts() throws {
    let dataset = try OnlineRetail.load(from: .current())
    #expect(dataset.events.count == 396_337)
    #expect(dataset.customers.count == 4_334)
    #expect(dataset.catalogue.count == 3_659)
    // Computed from the original table with Python: distinct invoices, quantity x price in pence.
    #expect(dataset.occasions.count == 18_402)
    let pence = dataset.events.reduce(0) { $0 + Int(($1.value * 100).rounded()) }
    #expect(pence == 876_106_665)
    let pairs = dataset.histories().reduce(0) { $0 + $1.rows.count }
    #expect(pairs == 266_221)
  }

  @Test("a row of the original is found with its time, price and description")
  func knownRow() throws {
    let dataset = try OnlineRetail.load(from: .current())
    let item = try #require(dataset.catalogue.codes.firstIndex(of: "85123A"))
    #expect(dataset.catalogue.descriptions[item] == "WHITE HANGING HEART T-LIGHT HOLDER")
    let customer = try #require(dataset.customers.firstIndex(of: "17850"))
    let rows = dataset.events.filter {
      $0.customer == customer && $0.item == item && dataset.occasions[$0.occasion] == "536365"
    }
    // 536365,85123A,...,6,2010-12-01 08:26:00,2.55,17850
    #expect(rows.count == 1)
    #expect(rows.first?.value == 15.3)
    #expect(rows.first?.kind == .purchase)
    #expect(rows.first.map { CalendarTime.text($0.seconds) } == "2010-12-01 08:26:00")
  }

  @Test("the committed bytes are those that scripts/make_online_retail.py printed")
  func committedBytes() throws {
    let path = try DataFolder.current().path(of: OnlineRetail.fileName)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(
      SHA256Digest(hashing: bytes).hex
        == "c2dc2567e30e7e3a6e03e37512083818a90a2b6206a00480e040c9f47b34c3b3")
  }

  @Test("a small file decodes to its rows")
  func smallFile() throws {
    let dataset = try OnlineRetail.decode(RetailFile().bytes)
    #expect(dataset.customers == ["12", "17"])
    #expect(dataset.catalogue.codes == ["10001", "10002"])
    #expect(dataset.catalogue.descriptions == ["RED CUP", "BLUE, CUP"])
    #expect(dataset.occasions == ["500", "501"])
    let rows = dataset.events.map { [$0.customer, $0.item, Int($0.seconds), $0.occasion] }
    #expect(rows == [[0, 0, 60, 0], [0, 1, 60, 0], [0, 0, 120, 0], [1, 1, 0, 1]])
    #expect(dataset.events.map(\.value) == [5.0, 0.99, 2.5, 1.98])
  }

  @Test("every shorter file is refused")
  func truncation() {
    let bytes = RetailFile().bytes
    for count in bytes.indices {
      #expect(throws: DatasetError.self) { try OnlineRetail.decode(Array(bytes[..<count])) }
    }
  }

  @Test("every single changed byte is refused")
  func changedByte() {
    let bytes = RetailFile().bytes
    for place in bytes.indices {
      var changed = bytes
      changed[place] ^= 0x11
      #expect(throws: DatasetError.self) { try OnlineRetail.decode(changed) }
    }
  }

  @Test("bytes with a right checksum and wrong content never trap")
  func hostileContent() {
    let bytes = Array(RetailFile().bytes.dropLast(4))
    var refused = 0
    for place in 8..<bytes.count {
      for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] as [UInt8] where bytes[place] != value {
        var changed = bytes
        changed[place] = value
        // Some changes make another valid file; all that matters then is that it is consistent,
        // which the initializer of the data set checks.
        do {
          _ = try OnlineRetail.decode(RetailFile.sealed(changed))
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > 100)
  }

  @Test(
    "what breaks one rule of the format is named",
    arguments: [
      (RetailFile(customerSteps: [12, 0]), "customer ids do not ascend"),
      (RetailFile(codes: ["10002", "10001"]), "stock codes do not ascend"),
      (RetailFile(codes: ["10001", "10001"]), "stock codes do not ascend"),
      (RetailFile(firstQuantity: [0]), "a quantity or price is zero"),
      (RetailFile(firstQuantity: [0x82, 0x00]), "a quantity is not in its shortest form"),
      (RetailFile(firstQuantity: [UInt8](repeating: 0xFF, count: 9)), "a quantity is too large"),
      (RetailFile(firstPrice: 0), "a quantity or price is zero"),
      (RetailFile(firstRowCount: 0), "a basket has no rows"),
      (RetailFile(firstRowCount: 99), "the number of rows is over"),
      (RetailFile(secondMinuteCode: 0), "baskets do not ascend"),
      (RetailFile(trailing: [0]), "bytes follow the last basket"),
    ])
  func namedDamage(file: RetailFile, reason: String) {
    #expect {
      try OnlineRetail.decode(file.bytes, file: "x.bin")
    } throws: { error in
      guard case DatasetError.damaged("x.bin", _, let found) = error else { return false }
      return found.hasPrefix(reason)
    }
  }
}

/// Writes the format by hand, from its description in scripts/make_online_retail.py.
struct RetailFile: Sendable {
  var customerSteps: [UInt8] = [12, 5]
  var codes = ["10001", "10002"]
  var firstQuantity: [UInt8] = [2]
  var firstPrice: [UInt8] = [0xFA, 0x01]
  var firstRowCount: UInt8 = 2
  var secondMinuteCode: UInt8 = 2
  var trailing: [UInt8] = []

  init(
    customerSteps: [UInt8] = [12, 5], codes: [String] = ["10001", "10002"],
    firstQuantity: [UInt8] = [2], firstPrice: UInt8? = nil, firstRowCount: UInt8 = 2,
    secondMinuteCode: UInt8 = 2, trailing: [UInt8] = []
  ) {
    self.customerSteps = customerSteps
    self.codes = codes
    self.firstQuantity = firstQuantity
    if let firstPrice { self.firstPrice = [firstPrice] }
    self.firstRowCount = firstRowCount
    self.secondMinuteCode = secondMinuteCode
    self.trailing = trailing
  }

  var bytes: [UInt8] {
    var out = Array("TACITRL1".utf8)
    out += [0]  // epoch 0
    out += [1] + Self.text("France")
    out += [UInt8(customerSteps.count)] + customerSteps
    out += [2] + Self.text(codes[0]) + Self.text("RED CUP")
    out += Self.text(codes[1]) + Self.text("BLUE, CUP")
    out += [3]  // baskets
    // Invoice 500 at minute 1: two rows, 2 x 250 and 1 x 99 pence.
    out += [0xF4, 0x03, 2, 0, 0, firstRowCount]
    out += [0] + firstQuantity + firstPrice
    out += [1, 1, 99]
    // The same invoice one minute later: 1 x the last price of the first item.
    out += [0, secondMinuteCode, 0, 0, 1, 0, 1, 0]
    // Invoice 501 at minute 0 (two back): 2 x the last price of the second item.
    out += [1, 3, 1, 0, 1, 1, 2, 0]
    return Self.sealed(out + trailing)
  }

  static func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

  /// Appends the CRC-32, bit by bit (the decoder uses a table).
  static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var value = UInt32.max
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
    let checksum = ~value
    return bytes
      + stride(from: 24, through: 0, by: -8).map {
        UInt8(truncatingIfNeeded: checksum >> UInt32($0))
      }
  }
}
