import Foundation
import Recommendation
import Testing

@testable import Datasets

/// Read from the tables in `Parquet/journey`, made by `Parquet/make_tables.py`.
@Suite("CompleteJourney")
struct CompleteJourneyTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Parquet/journey").path

  private static func time(_ text: String) throws -> Int64 {
    try #require(CalendarTime.seconds(text))
  }

  @Test("households, types and campaigns are in order, and what names them is by place")
  func tables() throws {
    let journey = try CompleteJourney(directory: Self.folder)
    // 9 bought nothing and was sent a campaign.
    #expect(journey.households == [5, 7, 9])
    #expect(journey.productTypes == ["APPLES", "UNLEADED"])
    // Of two categories with one product each the first by bytes.
    #expect(journey.categories == ["BERRIES", "GAS"])
    let campaigns: [CompleteJourney.Campaign] = [
      .init(id: 11, kind: "Type C", startSeconds: try Self.time("2017-02-01 00:00:00")),
      .init(id: 12, kind: "Type A", startSeconds: try Self.time("2017-03-01 00:00:00")),
    ]
    #expect(journey.campaigns == campaigns)
    let sendings: [CompleteJourney.Sending] = [
      .init(household: 2, campaign: 0), .init(household: 0, campaign: 1),
      .init(household: 1, campaign: 1),
    ]
    #expect(journey.sendings == sendings)
    let redemptions: [CompleteJourney.Redemption] = [
      .init(household: 1, campaign: 1, seconds: try Self.time("2017-03-05 00:00:00"))
    ]
    #expect(journey.redemptions == redemptions)
  }

  @Test("lines are on the shop's clock, their discounts added up; fuel has no type")
  func lines() throws {
    let midnight = try Self.time("2017-01-02 00:00:00")
    let lines: [CompleteJourney.Line] = [
      .init(
        household: 1, basket: 70, product: 1, productType: 0, seconds: midnight - 2 * 3600,
        quantity: 2, paid: 3, discount: 1, usedCoupon: true),
      .init(
        household: 0, basket: 50, product: 3, productType: nil, seconds: midnight,
        quantity: 12_000, paid: 20, discount: 0, usedCoupon: false),
      .init(
        household: 0, basket: 50, product: 4, productType: nil, seconds: midnight, quantity: 1,
        paid: 0, discount: 0, usedCoupon: false),
    ]
    #expect(try CompleteJourney(directory: Self.folder).lines == lines)
  }

  @Test("purchases are lines with a type and a price")
  func purchases() throws {
    let dataset = try CompleteJourney(directory: Self.folder).dataset()
    #expect(dataset.name == "complete-journey")
    #expect(dataset.customers == ["5", "7", "9"])
    #expect(dataset.events.map(\.customer) == [1])
    #expect(dataset.events.map(\.item) == [0])
    #expect(dataset.events.map(\.value) == [3])
    #expect(dataset.occasions == ["70"])
    #expect(dataset.catalogue.descriptions == ["APPLES BERRIES", "UNLEADED GAS"])
  }

  @Test("a table has 16 MiB, and no more")
  func largeTable() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/products.parquet"
    let limit = 16 << 20
    for byteCount in [limit, limit + 1] {
      #expect(FileManager.default.createFile(atPath: path, contents: nil))
      // A hole takes no room on the disk.
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.truncate(atOffset: UInt64(byteCount))
      try handle.close()
      let error = #expect(throws: DatasetError.self) {
        try CompleteJourney(directory: directory.path)
      }
      #expect(
        error
          == (byteCount == limit
            ? .damaged(file: path, offset: 0, reason: "not a whole Parquet file")
            : .tooLarge(path: path, bytes: byteCount, limit: limit)))
    }
  }

  @Test("a table in the place of another, or one that is not there, is an error that names it")
  func wrongTables() throws {
    let directory = try TemporaryDirectory()
    func copy(_ table: String, to name: String) throws {
      try FileManager.default.copyItem(
        atPath: "\(Self.folder)/\(table).parquet", toPath: "\(directory.path)/\(name).parquet")
    }
    for table in ["products", "transactions", "campaigns", "campaign_descriptions"] {
      try copy(table, to: table)
    }
    let path = "\(directory.path)/coupon_redemptions.parquet"
    #expect(throws: DatasetError.unreadable(path: path, reason: "No such file or directory")) {
      try CompleteJourney(directory: directory.path)
    }
    try copy("campaigns", to: "coupon_redemptions")
    #expect(
      throws: DatasetError.damaged(
        file: path, offset: 0,
        reason: "there is no column redemption_date of physical type 3")
    ) { try CompleteJourney(directory: directory.path) }
  }
}
