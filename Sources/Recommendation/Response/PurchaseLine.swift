/// One line of a customer's own receipts, as a device has it. It never leaves the device.
package struct PurchaseLine: Equatable, Hashable, Sendable {
  /// Number of the basket.
  package let basket: Int64
  /// Number of the product.
  package let product: Int64
  /// Number of the product's type; nil where it has none.
  package let productType: Int?
  /// Shop time, from 1970-01-01.
  package let seconds: Int64
  /// Pieces; below 0 takes back as many of an earlier line of the same product.
  package let quantity: Int
  /// What was paid, in the shop's currency.
  package let paid: Double
  /// Discounts on it, coupons' included, at least 0.
  package let discount: Double
  /// Whether a coupon was used on it.
  package let usedCoupon: Bool

  package init(
    basket: Int64, product: Int64, productType: Int?, seconds: Int64, quantity: Int, paid: Double,
    discount: Double, usedCoupon: Bool
  ) {
    self.basket = basket
    self.product = product
    self.productType = productType
    self.seconds = seconds
    self.quantity = quantity
    self.paid = paid
    self.discount = discount
    self.usedCoupon = usedCoupon
  }

  /// A line of more counts as so much: one line cannot pass for a year's shopping.
  package static let largestPaid = 500.0

  /// The lines of `log` that were bought and kept, ascending by time, then basket.
  ///
  /// - A line that occurs again with every value the same counts once.
  /// - A line with a quantity below 0 is a cancellation: it takes its pieces, and their part of what was paid,
  ///   off the latest earlier lines of that product. One that finds none is dropped.
  /// - Lines without pieces or with amounts that are negative or no numbers are dropped.
  /// - What was paid and the discount count up to ``largestPaid`` each.
  package static func cleaned(_ log: [PurchaseLine]) -> [PurchaseLine] {
    var seen: Set<PurchaseLine> = []
    var kept: [(line: PurchaseLine, left: Int)] = []
    var placesOfProduct: [Int64: [Int]] = [:]
    let ordered = log.enumerated().sorted {
      ($0.element.seconds, $0.element.basket, $0.offset)
        < ($1.element.seconds, $1.element.basket, $1.offset)
    }
    for (_, line) in ordered {
      guard line.quantity != 0, seen.insert(line).inserted else { continue }
      guard line.quantity < 0 else {
        guard line.paid.isFinite, line.paid >= 0, line.discount.isFinite, line.discount >= 0
        else { continue }
        placesOfProduct[line.product, default: []].append(kept.count)
        kept.append((line, line.quantity))
        continue
      }
      // Int.min has no positive counterpart.
      var returned = line.quantity == .min ? .max : -line.quantity
      for place in (placesOfProduct[line.product] ?? []).reversed() where returned > 0 {
        let taken = min(returned, kept[place].left)
        kept[place].left -= taken
        returned -= taken
      }
    }
    return kept.filter { $0.left > 0 }.map { line, left in
      let part = Double(left) / Double(line.quantity)
      return PurchaseLine(
        basket: line.basket, product: line.product, productType: line.productType,
        seconds: line.seconds, quantity: left, paid: min(line.paid * part, largestPaid),
        discount: min(line.discount * part, largestPaid), usedCoupon: line.usedCoupon)
    }
  }
}
