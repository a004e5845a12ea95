package import Datasets
package import Recommendation

/// Who redeemed a coupon of a campaign sent to the household: learned from earlier campaigns, asked of later ones.
///
/// One example a campaign and household, labelled by any redemption of that campaign. Inputs are what the
/// household's own log says before the campaign's first day (``BehaviorFeatures``), and the campaign's kind.
package struct ResponseProblem: Sendable {
  /// The examples of one household.
  package struct Household: Equatable, Sendable {
    /// Its number.
    package let id: Int64
    /// Campaigns to learn from, by start.
    package let training: [ResponseExample]
    /// Campaigns to foresee, by start.
    package let test: [ResponseExample]
  }

  /// The campaigns of ``CompleteJourney`` by place.
  package let catalogue: Catalogue
  /// Households with an example, ascending by number.
  package let households: [Household]

  /// The first campaigns, in order of start, that hold at least this share of the examples train.
  private static let trainingShare = 0.69
  private static let kinds = ["Type B", "Type A", "Type C"]

  /// The first second of the test part of the Complete Journey: the day after the last training campaign began.
  ///
  /// - Parameters:
  ///   - journey: the log.
  ///   - tuning: whether to split the training part once more, to choose on.
  /// - Throws: `EvaluationError.nothingToEvaluate`; `.invalidPlan` for a campaign of an unknown kind.
  package init(_ journey: CompleteJourney, tuning: Bool) throws {
    var counts = [Int](repeating: 0, count: journey.campaigns.count)
    for sending in journey.sendings { counts[sending.campaign] += 1 }
    let all = counts.reduce(0, +)
    let trainingEnd = Self.end(of: counts, share: Self.trainingShare)
    let (learned, judged) =
      tuning
      ? (0..<Self.end(of: Array(counts[..<trainingEnd]), share: 0.6), trainingEnd)
      : (0..<trainingEnd, counts.count)
    let tested = learned.upperBound..<judged
    guard all > 0, !tested.isEmpty, !learned.isEmpty else {
      throw EvaluationError.nothingToEvaluate(
        protocolName: "response", need: "earlier and later campaigns")
    }
    let kinds = try journey.campaigns.map { campaign in
      guard let kind = Self.kinds.firstIndex(of: campaign.kind) else {
        throw EvaluationError.invalidPlan(reason: "campaign \(campaign.id) is of an unknown kind")
      }
      return kind
    }
    let examples = Self.examples(of: journey, kinds: kinds)
    households = journey.households.indices.compactMap { household in
      let own = examples[household].filter { $0.offer < judged }
      guard !own.isEmpty else { return nil }
      return Household(
        id: journey.households[household],
        training: own.filter { learned.contains($0.offer) },
        test: own.filter { tested.contains($0.offer) })
    }
    catalogue = try Catalogue(
      codes: journey.campaigns.indices.map { place in
        let text = String(place)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
      }, descriptions: journey.campaigns.map(\.kind))
  }

  /// The first place by which `share` of the examples are in.
  private static func end(of counts: [Int], share: Double) -> Int {
    let all = Double(counts.reduce(0, +))
    var sum = 0
    for (place, count) in counts.enumerated() {
      sum += count
      if Double(sum) >= share * all { return place + 1 }
    }
    return counts.count
  }

  /// By household, in the order of their campaigns' starts.
  private static func examples(
    of journey: CompleteJourney, kinds: [Int]
  ) -> [[ResponseExample]] {
    var lines = [[PurchaseLine]](repeating: [], count: journey.households.count)
    for line in journey.lines {
      lines[line.household].append(
        PurchaseLine(
          basket: line.basket, product: line.product, productType: line.productType,
          seconds: line.seconds, quantity: line.quantity, paid: line.paid,
          discount: line.discount, usedCoupon: line.usedCoupon))
    }
    var redemptions = [[CompleteJourney.Redemption]](repeating: [], count: lines.count)
    for redemption in journey.redemptions { redemptions[redemption.household].append(redemption) }
    var received = [[Int]](repeating: [], count: lines.count)
    var examples = [[ResponseExample]](repeating: [], count: lines.count)
    for sending in journey.sendings {
      let household = sending.household
      let start = journey.campaigns[sending.campaign].startSeconds
      let redeemed = Set(redemptions[household].filter { $0.seconds < start }.map(\.campaign))
      let earlier = received[household].count {
        journey.campaigns[$0].startSeconds < start
      }
      let features = BehaviorFeatures.values(
        of: lines[household], received: earlier, redeemed: redeemed.count, at: start)
      received[household].append(sending.campaign)
      examples[household].append(
        ResponseExample(
          offer: sending.campaign,
          inputs: ResponseExample.inputs(features: features, kind: kinds[sending.campaign]),
          isResponse: redemptions[household].contains { $0.campaign == sending.campaign }))
    }
    return examples
  }

  /// What the devices of the training households hold, in their order.
  package var histories: [CustomerHistory] {
    households.filter { !$0.training.isEmpty }.map { household in
      var history = CustomerHistory.empty
      history.responses = household.training
      return history
    }
  }

  /// Every training example, household by household.
  package var training: [ResponseExample] { households.flatMap(\.training) }
  /// Every test example, household by household.
  package var test: [ResponseExample] { households.flatMap(\.test) }
}
