internal import Datasets
internal import Recommendation

/// What the device of one customer of a shop's log has on record.
struct CustomerLog: Sendable {
  /// Of the customer in the data set.
  let id: String
  /// Receipts, ascending by time.
  let lines: [PurchaseLine]
  /// First seconds of the campaigns received.
  let received: [Int64]
  /// Coupons redeemed.
  let redemptions: [CompleteJourney.Redemption]

  /// - Parameter lines: in any order.
  init(
    id: String, lines: [PurchaseLine], received: [Int64] = [],
    redemptions: [CompleteJourney.Redemption] = []
  ) {
    self.id = id
    // Sorted once: whoever cleans the lines of many moments finds them in order.
    self.lines = lines.enumerated().sorted {
      ($0.element.seconds, $0.element.basket, $0.offset)
        < ($1.element.seconds, $1.element.basket, $1.offset)
    }.map(\.element)
    self.received = received
    self.redemptions = redemptions
  }

  /// What the device knows before `seconds`.
  func values(_ features: [BehaviorFeatures.Feature], at seconds: Int64) -> [Float] {
    BehaviorFeatures.values(
      features, of: lines, received: received.count { $0 < seconds },
      redeemed: Set(redemptions.filter { $0.seconds < seconds }.map(\.campaign)).count,
      at: seconds)
  }

  /// Whether something was bought in `window` and kept until its end: what is cancelled later counts as bought, since
  /// nobody knows of it yet, and what was cancelled earlier does not.
  func keepsPurchase(in window: Range<Int64>) -> Bool {
    guard lines.contains(where: { window.contains($0.seconds) && $0.quantity > 0 }) else {
      return false
    }
    return PurchaseLine.cleaned(lines.filter { $0.seconds < window.upperBound })
      .contains { window.contains($0.seconds) }
  }
}

extension CompleteJourney {
  /// One a household, in their order.
  func logs() -> [CustomerLog] {
    var lines = [[PurchaseLine]](repeating: [], count: households.count)
    for line in self.lines {
      lines[line.household].append(
        PurchaseLine(
          basket: line.basket, product: line.product, productType: line.productType,
          seconds: line.seconds, quantity: line.quantity, paid: line.paid,
          discount: line.discount, usedCoupon: line.usedCoupon))
    }
    var received = [[Int64]](repeating: [], count: households.count)
    for sending in sendings {
      received[sending.household].append(campaigns[sending.campaign].startSeconds)
    }
    var redeemed = [[Redemption]](repeating: [], count: households.count)
    for redemption in redemptions { redeemed[redemption.household].append(redemption) }
    return households.indices.map { household in
      CustomerLog(
        id: String(households[household]), lines: lines[household], received: received[household],
        redemptions: redeemed[household])
    }
  }
}

extension InteractionDataset {
  /// Purchases, one log a customer, in their order. Rows tell amounts, and neither pieces nor discounts.
  func logs() -> [CustomerLog] {
    var lines = [[PurchaseLine]](repeating: [], count: customers.count)
    for event in events where event.kind == .purchase {
      lines[event.customer].append(
        PurchaseLine(
          basket: Int64(event.occasion), product: Int64(event.item), productType: event.item,
          seconds: event.seconds, quantity: 1, paid: event.value, discount: 0, usedCoupon: false))
    }
    return customers.indices.map { CustomerLog(id: customers[$0], lines: lines[$0]) }
  }
}
