internal import Glibc

/// An offer that a customer received, what the device knew when it came, and whether the customer took it.
/// It never leaves the device.
package struct ResponseExample: Equatable, Sendable {
  /// Place of the offer in the catalogue of offers.
  package let offer: Int
  /// What the response is foreseen from, each in 0 ... 1; the last is 1.
  package let inputs: [Float]
  /// Whether the customer took it.
  package let isResponse: Bool

  package init(offer: Int, inputs: [Float], isResponse: Bool) {
    self.offer = offer
    self.inputs = inputs
    self.isResponse = isResponse
  }

  /// Offers are of so many kinds at most.
  package static let kinds = 3
  /// Length of the inputs that ``inputs(features:kind:)`` makes.
  package static let inputCount = BehaviorFeatures.Feature.allCases.count + kinds

  /// Features, then one place for each kind but kind 0, then the 1 of the intercept.
  ///
  /// - Parameters:
  ///   - features: of ``BehaviorFeatures``.
  ///   - kind: of the offer, 0 ..< ``kinds``; public.
  package static func inputs(features: [Float], kind: Int) -> [Float] {
    precondition((0..<kinds).contains(kind), "a kind of offer")
    return features + (1..<kinds).map { $0 == kind ? 1 : 0 } + [1]
  }

  /// 1 / (1 + e^-x), without overflow.
  package static func probability(logOdds: Double) -> Double {
    let tail = exp(-abs(logOdds))
    return logOdds >= 0 ? 1 / (1 + tail) : tail / (1 + tail)
  }
}
