/// What a logistic head foresees a response from: the names of its inputs, in their order
/// (`docs/behaviour-features.md`).
///
/// Public and the same on every device; nothing of it depends on anybody's data.
package struct ResponseSchema: Equatable, Sendable {
  /// In reports.
  package let name: String
  /// One an input, no two alike; the last is ``constant``.
  package let inputs: [String]
  /// Places of the inputs by which a public fact tells what is asked apart, one of them 1 or none; empty where
  /// there is no such fact.
  package let kinds: Range<Int>

  /// Name of the last input, which is 1.
  package static let constant = "constant"
  /// So many inputs a schema has.
  package static let inputCounts = 11...30

  /// Who redeems a coupon of a campaign: all that receipts and campaigns tell, and the campaign's kind.
  package static let coupon = ResponseSchema(
    name: "coupon", values: BehaviorFeatures.couponResponse.map(\.rawValue),
    kinds: ["kind_a", "kind_c"])
  /// Who buys soon, from receipts alone.
  package static let purchase = ResponseSchema(
    name: "purchase", values: BehaviorFeatures.purchase.map(\.rawValue))
  /// Who buys soon, where receipts tell discounts and campaigns are sent.
  package static let purchaseWithCampaigns = ResponseSchema(
    name: "purchase-campaigns", values: BehaviorFeatures.purchaseWithCampaigns.map(\.rawValue))

  /// Who clicks an item that is shown.
  package static let click = ResponseSchema(
    name: "click", values: ClickFeatures.Feature.allCases.map(\.rawValue))

  /// - Parameters:
  ///   - values: names of the inputs that the device computes.
  ///   - kinds: names of those that tell kinds apart, all but the first kind.
  /// - Precondition: with the constant as many as ``inputCounts``, no two alike.
  package init(name: String, values: [String], kinds: [String] = []) {
    self.name = name
    inputs = values + kinds + [Self.constant]
    self.kinds = values.count..<values.count + kinds.count
    precondition(Self.inputCounts.contains(inputs.count), "\(name) has \(inputs.count) inputs")
    precondition(Set(inputs).count == inputs.count, "\(name) has an input twice")
  }

  /// The inputs of an example.
  ///
  /// - Parameters:
  ///   - values: of the inputs that the device computes, each in 0 ... 1.
  ///   - kind: of what is asked, 0 ... ``kinds``' count.
  package func inputs(_ values: [Float], kind: Int = 0) -> [Float] {
    precondition(values.count == kinds.lowerBound, "\(name) has \(kinds.lowerBound) values")
    precondition((0...kinds.count).contains(kind), "\(name) has no kind \(kind)")
    for (input, value) in zip(inputs, values) {
      precondition((0...1).contains(value), "\(input) of \(name) is in 0 ... 1")
    }
    let told: [Float] = (0..<kinds.count).map { $0 + 1 == kind ? 1 : 0 }
    return values + told + [1]
  }
}
