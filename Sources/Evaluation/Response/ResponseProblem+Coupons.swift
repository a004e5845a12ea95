package import Datasets
internal import Recommendation

extension ResponseProblem {
  /// The first campaigns, in order of start, that hold at least this share of the examples train.
  private static let trainingShare = 0.69
  private static let campaignKinds = ["Type B", "Type A", "Type C"]

  /// Who redeemed a coupon of a campaign sent to the household.
  ///
  /// One example a campaign and household, labelled by any redemption of that campaign. Inputs are what the
  /// household's own log says before the campaign's first day (``BehaviorFeatures``), and the campaign's kind.
  /// - Parameters:
  ///   - journey: the log.
  ///   - tuning: whether to split the training part once more, to choose on.
  /// - Throws: `EvaluationError.nothingToEvaluate`; `.invalidPlan` for a campaign of an unknown kind.
  package static func coupons(
    _ journey: CompleteJourney, tuning: Bool
  ) throws -> ResponseProblem {
    let need = "earlier and later campaigns"
    var counts = [Int](repeating: 0, count: journey.campaigns.count)
    for sending in journey.sendings { counts[sending.campaign] += 1 }
    let trainingEnd = end(of: counts, share: trainingShare)
    let (learned, judged) =
      tuning
      ? (0..<end(of: Array(counts[..<trainingEnd]), share: 0.6), trainingEnd)
      : (0..<trainingEnd, counts.count)
    let kinds = try journey.campaigns.map { campaign in
      guard let kind = campaignKinds.firstIndex(of: campaign.kind) else {
        throw EvaluationError.invalidPlan(reason: "campaign \(campaign.id) is of an unknown kind")
      }
      return kind
    }
    let logs = journey.logs()
    var examples = [[ResponseExample]](repeating: [], count: logs.count)
    for sending in journey.sendings {
      let log = logs[sending.household]
      examples[sending.household].append(
        ResponseExample(
          offer: sending.campaign,
          inputs: ResponseSchema.coupon.inputs(
            log.values(
              BehaviorFeatures.couponResponse,
              at: journey.campaigns[sending.campaign].startSeconds),
            kind: kinds[sending.campaign]),
          isResponse: log.redemptions.contains { $0.campaign == sending.campaign }))
    }
    return try ResponseProblem(
      target: .coupon, data: DatasetSource.completeJourney.name, unit: "household",
      question: "does the household redeem a coupon of the campaign", schema: .coupon,
      descriptions: journey.campaigns.map(\.kind),
      customers: zip(logs, examples).map { log, own in
        Customer(
          id: log.id, training: own.filter { learned.contains($0.offer) },
          test: own.filter { (learned.upperBound..<judged).contains($0.offer) }, truth: nil)
      }, need: need)
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
}
