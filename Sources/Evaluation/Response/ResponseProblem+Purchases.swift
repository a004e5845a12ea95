package import Datasets
internal import Recommendation

/// When it is asked whether customers will buy: days of the calendar, the same whoever bought what.
package struct PurchaseMoments: Equatable, Sendable {
  /// Days from one moment to the next; no horizon is longer, so that what is asked at two moments never overlaps.
  package static let stepDays = 28
  /// Horizons that may be asked for, in days.
  package static let horizons = 1...stepDays
  /// Moments of a log.
  static let count = 12
  /// The last of them are judged, and with `tuning` as many before those.
  static let judged = 3

  /// Seconds of each, ascending.
  let seconds: [Int64]
  /// The horizon: a customer buys or not in so many days from the moment.
  let days: Int

  /// - Precondition: `days` is one of ``horizons``.
  init(first: Int64, days: Int) {
    precondition(Self.horizons.contains(days), "what is asked at two moments does not overlap")
    seconds = (0..<Int64(Self.count)).map {
      first + $0 * Int64(Self.stepDays) * CalendarTime.secondsPerDay
    }
    self.days = days
  }

  /// What is asked at the moment of this place is answered in this time.
  func window(_ place: Int) -> Range<Int64> {
    seconds[place]..<seconds[place] + Int64(days) * CalendarTime.secondsPerDay
  }

  /// From 2011-01-07: the last window ends with 2011-12-08, the last whole day of the log. 28 days, in which about a
  /// quarter of the training examples sees a purchase.
  static func onlineRetail(days: Int?) -> PurchaseMoments {
    PurchaseMoments(first: 1_294_358_400, days: days ?? 28)
  }

  /// From 2017-01-30: the last 28 days end with the year. 7 days, in which about half of the training examples see a
  /// purchase; in 28 days nearly all do.
  static func completeJourney(days: Int?) -> PurchaseMoments {
    PurchaseMoments(first: 1_485_734_400, days: days ?? 7)
  }
}

extension ResponseProblem {
  /// Whether a customer of Online Retail buys within `days` of a moment.
  ///
  /// One example a moment (``PurchaseMoments``) and customer who kept a purchase before it, labelled by any purchase
  /// in the window that is kept at its end. Inputs are what the customer's own log says before the moment.
  /// - Parameters:
  ///   - log: Online Retail, which leaves cancellations out: what was cancelled stays bought in it.
  ///   - days: one of `PurchaseMoments.horizons`; 28 if not given.
  ///   - tuning: whether to split the training part once more, to choose on.
  /// - Throws: `EvaluationError.nothingToEvaluate`.
  package static func purchases(
    _ log: InteractionDataset, days: Int? = nil, tuning: Bool
  ) throws -> ResponseProblem {
    try purchases(
      of: log.logs(), data: log.name, unit: "customer", schema: .purchase,
      features: BehaviorFeatures.purchase, moments: .onlineRetail(days: days), tuning: tuning)
  }

  /// The same of a household of the Complete Journey, 7 days if not given, with what receipts tell of discounts and
  /// what campaigns were received and redeemed.
  package static func purchases(
    _ journey: CompleteJourney, days: Int? = nil, tuning: Bool
  ) throws -> ResponseProblem {
    try purchases(
      of: journey.logs(), data: DatasetSource.completeJourney.name, unit: "household",
      schema: .purchaseWithCampaigns, features: BehaviorFeatures.purchaseWithCampaigns,
      moments: .completeJourney(days: days), tuning: tuning)
  }

  static func purchases(
    of logs: [CustomerLog], data: String, unit: String, schema: ResponseSchema,
    features: [BehaviorFeatures.Feature], moments: PurchaseMoments, tuning: Bool
  ) throws -> ResponseProblem {
    let judged = tuning ? moments.seconds.count - PurchaseMoments.judged : moments.seconds.count
    let learned = 0..<judged - PurchaseMoments.judged
    let tested = learned.upperBound..<judged
    return try ResponseProblem(
      target: .purchase, data: data, unit: unit,
      question: "does the \(unit) buy within \(moments.days) days", schema: schema,
      descriptions: moments.seconds.compactMap(CalendarTime.date),
      customers: logs.map { log in
        func examples(_ places: Range<Int>) -> [ResponseExample] {
          places.compactMap { place in
            let moment = moments.seconds[place]
            guard log.keepsPurchase(in: Int64.min..<moment) else { return nil }
            return ResponseExample(
              offer: place, inputs: schema.inputs(log.values(features, at: moment)),
              isResponse: log.keepsPurchase(in: moments.window(place)))
          }
        }
        return Customer(
          id: log.id, training: examples(learned), test: examples(tested), truth: nil)
      }, need: "customers who bought before the moments that train, and before those judged")
  }
}
