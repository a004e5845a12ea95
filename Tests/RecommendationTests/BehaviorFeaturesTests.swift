import Foundation
import Recommendation
import Testing

@Suite("BehaviorFeatures")
struct BehaviorFeaturesTests {
  private static let day: Int64 = 86_400
  /// 2017-06-05 00:00:00, a Monday.
  private static let monday: Int64 = 1_496_620_800

  private static func line(
    _ basket: Int64, product: Int64, type: Int? = nil, at seconds: Int64, quantity: Int = 1,
    paid: Double, discount: Double = 0, coupon: Bool = false
  ) -> PurchaseLine {
    PurchaseLine(
      basket: basket, product: product, productType: type, seconds: seconds, quantity: quantity,
      paid: paid, discount: discount, usedCoupon: coupon)
  }

  private static func values(
    _ log: [PurchaseLine], received: Int = 0, redeemed: Int = 0, at seconds: Int64
  ) -> [BehaviorFeatures.Feature: Double] {
    let features = BehaviorFeatures.Feature.allCases
    let values = BehaviorFeatures.values(
      features, of: log, received: received, redeemed: redeemed, at: seconds)
    return Dictionary(uniqueKeysWithValues: zip(features, values.map(Double.init)))
  }

  @Test("three baskets, every feature calculated by hand")
  func byHand() throws {
    let start = Self.monday
    let log = [
      // Monday 09:00: types 1 and 2, 10 paid, a coupon of 2.
      Self.line(1, product: 11, type: 1, at: start + 9 * 3600, paid: 6, discount: 2, coupon: true),
      Self.line(1, product: 12, type: 2, at: start + 9 * 3600, paid: 4),
      // Saturday 18:00: types 2 and 3; one of two was there before.
      Self.line(2, product: 12, type: 2, at: start + 5 * Self.day + 18 * 3600, paid: 4),
      Self.line(2, product: 13, type: 3, at: start + 5 * Self.day + 18 * 3600, paid: 6),
      // 60 days later at 13:00, a Friday: type 3 again.
      Self.line(3, product: 13, type: 3, at: start + 60 * Self.day + 13 * 3600, paid: 20),
    ]
    let found = Self.values(
      log, received: 4, redeemed: 1, at: start + 63 * Self.day + 13 * 3600)
    func logarithmic(_ value: Double, _ cap: Double) -> Double { log1p(value) / log1p(cap) }
    // 63 days and four hours from the first basket, and baskets on three days.
    let gap = (63 + 4.0 / 24) / 3
    let expected: [BehaviorFeatures.Feature: Double] = [
      .baskets: logarithmic(3, 365), .spend: logarithmic(40, 10_000),
      .productTypes: logarithmic(3, 1000), .daysSinceBasket: 3.0 / 60,
      .recentBaskets: logarithmic(1, 60), .recentSpend: logarithmic(20, 2000),
      .linesPerBasket: logarithmic(5.0 / 3, 100), .spendPerBasket: logarithmic(40.0 / 3, 200),
      // Shares 1/2 and 1, their mean twice, cut at 1.
      .repeatedTypes: 1, .morning: 1.0 / 3, .evening: 1.0 / 3, .weekend: 1.0 / 3,
      .discountShare: 2 * 2.0 / 42, .couponBaskets: logarithmic(1, 100),
      .recentCouponBaskets: 0, .campaignsReceived: 0.4, .campaignsRedeemed: 0.2, .hasRedeemed: 1,
      .redemptionRate: 0.25, .basketGap: logarithmic(gap, 365), .due: 3 / (4 * gap),
    ]
    #expect(expected.count == BehaviorFeatures.Feature.allCases.count)
    for (feature, value) in expected {
      // Values are Floats: half a unit in the last place of 1 is 6e-8.
      #expect(abs(try #require(found[feature]) - value) < 1e-7, "\(feature)")
    }
  }

  @Test("nothing that happens at the moment or later is seen, and an empty log has its own values")
  func onlyBefore() throws {
    let later = [Self.line(1, product: 1, type: 1, at: Self.monday, paid: 5, coupon: true)]
    let found = Self.values(later, at: Self.monday)
    #expect(found == Self.values([], at: Self.monday))
    let largest: Set<BehaviorFeatures.Feature> = [.daysSinceBasket, .basketGap, .due]
    #expect(found.allSatisfy { $0.value == (largest.contains($0.key) ? 1 : 0) })
  }

  @Test("duplicates, cancellations and outliers")
  func cleaning() throws {
    let time = Self.monday
    let two = Self.line(1, product: 1, at: time, quantity: 2, paid: 10, discount: 2)
    let kept = PurchaseLine.cleaned([
      Self.line(3, product: 1, at: time + 20, quantity: -1, paid: -5),
      two, two,
      Self.line(1, product: 2, at: time, quantity: 0, paid: 3),
      Self.line(2, product: 3, at: time + 5, quantity: 1, paid: 4),
      Self.line(3, product: 3, at: time + 30, quantity: -4, paid: -16),
      Self.line(4, product: 4, at: time + 40, paid: 9_000, discount: 600),
      Self.line(5, product: 5, at: time + 50, paid: .nan),
      Self.line(6, product: 6, at: time + 60, quantity: .min, paid: 0),
    ])
    #expect(
      kept == [
        Self.line(1, product: 1, at: time, quantity: 1, paid: 5, discount: 1),
        Self.line(4, product: 4, at: time + 40, paid: 500, discount: 500),
      ])
  }

  @Test("every value is in 0 ... 1 for logs far beyond a household's")
  func bounded() {
    let log = (0..<5_000).map { index in
      Self.line(
        Int64(index), product: Int64(index), type: index, at: Self.monday - Int64(index) * 60,
        quantity: 9, paid: 1e9, discount: 1e9, coupon: true)
    }
    let values = BehaviorFeatures.values(
      BehaviorFeatures.Feature.allCases, of: log, received: 99, redeemed: 99, at: Self.monday + 1)
    #expect(values.allSatisfy { (0...1).contains($0) })
  }

  @Test("features come in the order asked for, and baskets of one day are one visit")
  func asked() {
    let hours: [Int64] = [0, 1, 2]
    let log = hours.map { hour in
      Self.line(hour, product: hour, at: Self.monday + hour * 3600, paid: 1)
    }
    let values = BehaviorFeatures.values(
      [.due, .hasRedeemed, .daysSinceBasket], of: log, received: 1, redeemed: 1,
      at: Self.monday + 10 * Self.day)
    // Ten days from the first basket, ten less two hours from the last.
    let days = 10 - 2.0 / 24
    #expect(values == [Float(days / 40), 1, Float(days / 60)])
  }
}
