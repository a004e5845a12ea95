package import Recommendation

/// A log cut at one moment: what comes before is learned from, what comes after is to be foreseen.
///
/// The two retail tasks: on "all" everything a customer buys later is a target,
/// on "new" only what that customer had not bought before. The catalogue is that of the whole data
/// set, because it is the public price list (`OnlineRetail.assumption`).
package struct RetailSplit: Sendable {
  /// A customer with events on both sides of the cut.
  package struct Evaluated: Equatable, Sendable {
    /// Index into `customers` and `histories`.
    package let customer: Int
    /// Items of the later part, ascending.
    package let all: [Int]
    /// Those of `all` that are not in the customer's history, ascending; may be empty.
    package let new: [Int]
  }

  /// Where a shop's log is cut.
  package struct Cuts: Equatable, Sendable {
    /// The first second of the test period.
    package let test: Int64
    /// The first second of what choices about models are judged on; it ends where the test period begins.
    package let tuning: Int64

    package init(test: Int64, tuning: Int64) {
      self.test = test
      self.tuning = tuning
    }

    /// Cuts a log at a moment; the period that choices are judged on is as many days before it as there are after it.
    ///
    /// - Returns: nil if no event comes before or after.
    package init?(of dataset: InteractionDataset, at seconds: Int64) {
      let times = dataset.events.map(\.seconds)
      guard let first = times.min(), let last = times.max(), first < seconds, seconds <= last
      else { return nil }
      let days = (last - seconds) / CalendarTime.secondsPerDay + 1
      self.init(test: seconds, tuning: seconds - days * CalendarTime.secondsPerDay)
    }
  }

  /// The cuts of the shops' logs that have tasks of their own; nil for any other data set.
  package static func cuts(of name: String) -> Cuts? {
    switch name {
    case OnlineRetail.name: Cuts(test: onlineRetailCut, tuning: onlineRetailTuningCut)
    case DatasetSource.completeJourney.name:
      // 2017-11-27, the first day of week 49, and 2017-10-23, of week 44: both parts are five weeks.
      Cuts(test: 1_511_740_800, tuning: 1_508_716_800)
    default: nil
    }
  }

  /// The split at `cuts`, or the one inside its training part.
  package init(_ dataset: InteractionDataset, cuts: Cuts, tuning: Bool) {
    if tuning {
      self.init(dataset, cutSeconds: cuts.tuning, endSeconds: cuts.test)
    } else {
      self.init(dataset, cutSeconds: cuts.test)
    }
  }

  /// The first second of the test period of Online Retail: 2011-10-01 00:00:00.
  package static let onlineRetailCut: Int64 = 1_317_427_200

  /// Where choices about models are made: 2011-08-01 00:00:00, with a later part that ends where the test period
  /// begins.
  package static let onlineRetailTuningCut: Int64 = 1_312_156_800

  /// The first second of the later part.
  package let cutSeconds: Int64
  /// The catalogue of the data set.
  package let catalogue: Catalogue
  /// Ids of the customers with at least one earlier event, in the data set's order.
  package let customers: [String]
  /// Their histories before the cut; none is empty.
  package let histories: [CustomerHistory]
  /// Customers with earlier and later events, in the same order.
  package let evaluated: [Evaluated]

  /// Cuts `dataset` so that events at or after `cutSeconds`, and before `endSeconds`, are the later part.
  package init(
    _ dataset: InteractionDataset, cutSeconds: Int64 = onlineRetailCut,
    endSeconds: Int64 = .max
  ) {
    self.cutSeconds = cutSeconds
    catalogue = dataset.catalogue
    let earlier = dataset.histories { $0.seconds < cutSeconds }
    let later = dataset.histories { (cutSeconds..<endSeconds).contains($0.seconds) }
    let present = earlier.indices.filter { !earlier[$0].isEmpty }
    customers = present.map { dataset.customers[$0] }
    histories = present.map { earlier[$0] }
    evaluated = present.enumerated().compactMap { place, customer in
      guard !later[customer].isEmpty else { return nil }
      let known = Set(earlier[customer].rows.map(\.item))
      let all = later[customer].rows.map(\.item)
      return Evaluated(customer: place, all: all, new: all.filter { !known.contains($0) })
    }
  }
}
