internal import Glibc

/// What a customer's own log says about how the customer shops, as numbers in 0 ... 1.
///
/// The one list of behaviour features (`docs/behaviour-features.md`), from which each ``ResponseSchema`` takes
/// those that its log can feed. Every range is written here and depends on nobody's data, so that a vector of
/// them has a known largest norm and no scale has to be learned or charged. The device computes them; they never
/// leave it but inside a clipped, noised sum.
package enum BehaviorFeatures {
  /// A feature.
  package enum Feature: String, CaseIterable, Sendable {
    // Frequency and amount.
    case baskets, spend
    case productTypes = "product_types"
    // Recency.
    case daysSinceBasket = "days_since_basket"
    case recentBaskets = "recent_baskets"
    case recentSpend = "recent_spend"
    // Basket size.
    case linesPerBasket = "lines_per_basket"
    case spendPerBasket = "spend_per_basket"
    // Transitions.
    case repeatedTypes = "repeated_types"
    // Time.
    case morning, evening, weekend
    // Discounts and coupons.
    case discountShare = "discount_share"
    case couponBaskets = "coupon_baskets"
    case recentCouponBaskets = "recent_coupon_baskets"
    case campaignsReceived = "campaigns_received"
    case campaignsRedeemed = "campaigns_redeemed"
    case hasRedeemed = "has_redeemed"
    case redemptionRate = "redemption_rate"
    // Rhythm.
    case basketGap = "basket_gap"
    case due
  }

  private static let shopping: [Feature] = [
    .baskets, .spend, .productTypes, .daysSinceBasket, .recentBaskets, .recentSpend,
    .linesPerBasket, .spendPerBasket, .repeatedTypes, .morning, .evening, .weekend,
  ]
  private static let offers: [Feature] = [
    .discountShare, .couponBaskets, .recentCouponBaskets, .campaignsReceived, .campaignsRedeemed,
    .hasRedeemed, .redemptionRate,
  ]

  /// Whether a coupon is taken is foreseen from these.
  package static let couponResponse: [Feature] = shopping + offers
  /// Whether the customer buys soon, from receipts alone.
  package static let purchase: [Feature] = shopping + [.basketGap, .due]
  /// The same where receipts tell discounts and campaigns are sent.
  package static let purchaseWithCampaigns: [Feature] = purchase + offers

  /// Days before the moment that the recent features look at.
  package static let recentDays: Int64 = 56
  private static let secondsPerHour: Int64 = 3600

  /// Features of a log at a moment.
  ///
  /// - Parameters:
  ///   - features: which.
  ///   - log: the customer's receipts in any order; lines at or after `seconds` are not looked at.
  ///   - received: campaigns received before `seconds`, at least 0.
  ///   - redeemed: of how many campaigns coupons were redeemed before `seconds`, at least 0.
  ///   - seconds: the moment, in the log's time.
  /// - Returns: one value a feature, in their order, each in 0 ... 1. Without any line the shares and counts are
  ///   0, and the days since the last basket, those between baskets and what is due are 1, their largest.
  package static func values(
    _ features: [Feature], of log: [PurchaseLine], received: Int, redeemed: Int, at seconds: Int64
  ) -> [Float] {
    let lines = PurchaseLine.cleaned(log.filter { $0.seconds < seconds })
    let baskets = self.baskets(of: lines)
    let recent = baskets.filter { $0.seconds >= seconds - recentDays * CalendarTime.secondsPerDay }
    let count = Double(baskets.count)
    let spend = baskets.reduce(0) { $0 + $1.paid }
    let discount = lines.reduce(0) { $0 + $1.discount }
    func daysSince(_ basket: Basket?) -> Double {
      basket.map { Double(seconds - $0.seconds) / Double(CalendarTime.secondsPerDay) } ?? .infinity
    }
    let days = daysSince(baskets.last)
    let gap = daysSince(baskets.first) / Double(max(1, Set(baskets.map(\.day)).count))
    func share(_ isCounted: (Basket) -> Bool) -> Double {
      baskets.isEmpty ? 0 : Double(baskets.count(where: isCounted)) / count
    }
    return features.map { feature in
      let value: Double =
        switch feature {
        case .baskets: logarithmic(count, cap: 365)
        case .spend: logarithmic(spend, cap: 10_000)
        case .productTypes:
          logarithmic(Double(Set(lines.compactMap(\.productType)).count), cap: 1000)
        case .daysSinceBasket: days / 60
        case .recentBaskets: logarithmic(Double(recent.count), cap: 60)
        case .recentSpend: logarithmic(recent.reduce(0) { $0 + $1.paid }, cap: 2000)
        case .linesPerBasket:
          baskets.isEmpty ? 0 : logarithmic(Double(lines.count) / count, cap: 100)
        case .spendPerBasket: baskets.isEmpty ? 0 : logarithmic(spend / count, cap: 200)
        case .repeatedTypes: 2 * repeatedShare(baskets)
        case .morning: share { $0.hour < 12 }
        case .evening: share { $0.hour >= 17 }
        case .weekend: share(\.isOnWeekend)
        case .discountShare: spend + discount > 0 ? 2 * discount / (spend + discount) : 0
        case .couponBaskets: logarithmic(Double(baskets.count(where: \.usedCoupon)), cap: 100)
        case .recentCouponBaskets: logarithmic(Double(recent.count(where: \.usedCoupon)), cap: 50)
        case .campaignsReceived: Double(received) / 10
        case .campaignsRedeemed: Double(redeemed) / 5
        case .hasRedeemed: redeemed > 0 ? 1 : 0
        case .redemptionRate: received > 0 ? Double(redeemed) / Double(received) : 0
        case .basketGap: logarithmic(gap, cap: 365)
        case .due: baskets.isEmpty ? 1 : days / (4 * gap)
        }
      return Float(min(max(value, 0), 1))
    }
  }

  private struct Basket {
    let number: Int64
    /// Of its first line.
    let seconds: Int64
    var paid = 0.0
    var types: Set<Int> = []
    var usedCoupon = false

    var hour: Int64 { (seconds - day * CalendarTime.secondsPerDay) / secondsPerHour }

    /// From 1970-01-01.
    var day: Int64 {
      let (days, rest) = seconds.quotientAndRemainder(dividingBy: CalendarTime.secondsPerDay)
      return rest < 0 ? days - 1 : days
    }

    /// 1970-01-01 was a Thursday, three days after a Monday.
    var isOnWeekend: Bool { ((day + 3) % 7 + 7) % 7 >= 5 }
  }

  /// Ascending by time, then number.
  private static func baskets(of lines: [PurchaseLine]) -> [Basket] {
    var baskets: [Basket] = []
    var places: [Int64: Int] = [:]
    for line in lines {
      let place = places[line.basket] ?? baskets.count
      if place == baskets.count {
        places[line.basket] = place
        baskets.append(Basket(number: line.basket, seconds: line.seconds))
      }
      baskets[place].paid += line.paid
      if let type = line.productType { baskets[place].types.insert(type) }
      if line.usedCoupon { baskets[place].usedCoupon = true }
    }
    return baskets
  }

  /// Mean over pairs of consecutive baskets of the share of the later one's types that the earlier one has.
  private static func repeatedShare(_ baskets: [Basket]) -> Double {
    let shares = zip(baskets, baskets.dropFirst()).compactMap { earlier, later -> Double? in
      later.types.isEmpty
        ? nil : Double(later.types.intersection(earlier.types).count) / Double(later.types.count)
    }
    return shares.isEmpty ? 0 : shares.reduce(0, +) / Double(shares.count)
  }

  /// ln(1 + x) / ln(1 + cap): 0 for nothing, 1 for `cap`.
  private static func logarithmic(_ value: Double, cap: Double) -> Double {
    log1p(max(value, 0)) / log1p(cap)
  }
}
