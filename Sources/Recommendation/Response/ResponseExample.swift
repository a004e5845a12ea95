internal import Glibc

/// What was put to a customer, what the device knew then, and how the customer responded: a coupon that was
/// sent and taken, a day to buy on, an item shown and clicked. It never leaves the device.
package struct ResponseExample: Equatable, Sendable {
  /// Place in the catalogue of what was put to the customer.
  package let offer: Int
  /// What the response is foreseen from, each in 0 ... 1, by the names of a ``ResponseSchema``; the last is 1.
  package let inputs: [Float]
  /// Whether the customer took it, bought or clicked.
  package let isResponse: Bool

  package init(offer: Int, inputs: [Float], isResponse: Bool) {
    self.offer = offer
    self.inputs = inputs
    self.isResponse = isResponse
  }

  /// 1 / (1 + e^-x), without overflow.
  package static func probability(logOdds: Double) -> Double {
    let tail = exp(-abs(logOdds))
    return logOdds >= 0 ? 1 / (1 + tail) : tail / (1 + tail)
  }
}
