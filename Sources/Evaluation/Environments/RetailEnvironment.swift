internal import CanonicalJSON
package import Datasets
internal import Glibc
internal import Recommendation
internal import VectorMath

/// A shop front whose customers click as real customers bought: learned from a purchase log.
///
/// - Items: the log's best sellers. Categories: clusters of their public texts.
/// - What draws a click: a logistic regression, fitted on real customers, of what they bought later
///   on what they had bought before (category share, popularity, text).
/// - A simulated customer is a real one: the truth follows from everything this customer bought in the
///   whole log, while the device starts with the first invoice alone. What the device does not know yet
///   is what exploration can find.
/// - The intercept is set so that an item shown at random is clicked with probability
///   ``Settings/clickRate``. A click opens the item's page (a view); carts and purchases follow by
///   ``cartRate``, ``purchaseRateAfterCart`` and ``purchaseRateWithoutCart``.
///
/// It has no fatigue, no drift and no position effect: what it shows is how policies compare, not
/// what a shop earns.
package struct RetailEnvironment: Sendable {
  /// What the environment is made with.
  package struct Settings: Equatable, Sendable {
    /// Best sellers that can be shown.
    package var items = 1_000
    /// Categories of the catalogue.
    package var categories = 40
    /// Simulated customers, drawn among those with enough purchases.
    package var customers = 200
    /// Dimension of the public text vectors.
    package var dimension = 32
    /// P(click) of an item shown at random, in (0, 1/2]; sets the intercept.
    package var clickRate = 0.02
    /// Draws customers and their outcomes.
    package var seed: UInt64 = 1

    package init() {}
  }

  /// P(cart | view), RetailRocket.
  package static let cartRate = 0.101
  /// P(buy | cart), RetailRocket.
  package static let purchaseRateAfterCart = 0.56
  /// P(buy | view, no cart), so that P(buy | view) is RetailRocket's 0.060.
  package static let purchaseRateWithoutCart = (0.060 - 0.101 * 0.56) / (1 - 0.101)
  /// Distinct items and invoices of a customer that is simulated.
  private static let leastItems = 20
  private static let leastInvoices = 4
  /// Customers of the fit.
  private static let fittedCustomers = 400

  /// One simulated customer.
  struct Customer: Sendable {
    /// Items of the first invoice, ascending: what the device knows.
    let known: [Int]
    /// Their categories.
    let knownCategories: Set<Int>
    /// P(click) of every item.
    let clickProbabilities: [Double]
    /// The shared model's score of every item, from `known` alone.
    let scores: [Float]
  }

  package let settings: Settings
  /// Public vectors, shape [items, dimension], rows of unit norm or zero.
  let features: ItemFeatures
  /// One an item.
  package let categories: [Int]
  /// Logarithm of 1 + customers who are not simulated, standardized over the items.
  let popularity: [Float]
  let customers: [Customer]
  /// Of the signals category share, popularity and text, as they were fitted.
  package let coefficients: [Double]

  /// - Throws: `EvaluationError.invalidPlan` if the log has too few such customers; what the solvers throw.
  package init(_ log: InteractionDataset, settings: Settings) throws {
    let shop = try BestSellers(log, count: settings.items)
    let histories = shop.dataset.histories()
    let invoices = Self.invoices(shop.dataset)
    var eligible = histories.indices.filter {
      histories[$0].rows.count >= Self.leastItems && invoices[$0].count >= Self.leastInvoices
    }
    guard settings.clickRate > 0, settings.clickRate <= 0.5 else {
      throw EvaluationError.invalidPlan(reason: "the click rate is above 0 and at most 1/2")
    }
    guard settings.customers >= 1, eligible.count >= 2 * settings.customers else {
      throw EvaluationError.invalidPlan(
        reason:
          "\(eligible.count) customers have \(Self.leastItems) items on \(Self.leastInvoices) "
          + "invoices; half of them can be simulated, \(settings.customers) were asked for")
    }
    var random = SeededRandom(seed: settings.seed)
    eligible.shuffle(using: &random)
    let simulated = eligible.prefix(settings.customers).sorted()
    let isSimulated = Set(simulated)
    let others = histories.indices.filter { !isSimulated.contains($0) && !histories[$0].isEmpty }

    let features = try TextFeatures.lsa(
      descriptions: shop.dataset.catalogue.descriptions, dimension: settings.dimension)
    let categories = ItemCategories.cluster(features, count: settings.categories)
    let items = Self.items(
      features: features, categories: categories, categoryCount: settings.categories,
      histories: others.map { histories[$0] })
    let examples = eligible.dropFirst(settings.customers).prefix(Self.fittedCustomers).map {
      let half = invoices[$0].count / 2
      return PurchaseResponse.Example(
        known: Set(invoices[$0].prefix(half).joined()).sorted(),
        later: Set(invoices[$0].dropFirst(half).joined()))
    }
    let response = try PurchaseResponse(fitting: Array(examples), items: items)
    let model = try CentralizedGram(
      histories: others.map { histories[$0] }, itemCount: shop.dataset.catalogue.count,
      hyperparameters: .object([:]), features: features)
    let scores = simulated.map { response.scores(histories[$0].rows.map(\.item), items) }
    let intercept = Self.intercept(scores, clickRate: settings.clickRate)
    customers = zip(simulated, scores).map { customer, scores in
      let known = Set(invoices[customer].first ?? []).sorted()
      let history = CustomerHistory(
        rows: known.map { .init(item: $0, occasions: 1, lastSeconds: 0) })
      return Customer(
        known: known, knownCategories: Set(known.map { categories[$0] }),
        clickProbabilities: scores.map { PurchaseResponse.sigmoid($0 + intercept) },
        scores: model.scores(for: history, repeats: .suppress))
    }
    self.settings = settings
    self.features = features
    self.categories = categories
    popularity = items.popularity
    coefficients = response.coefficients
  }

  /// Each customer's invoices by time, each as the items on it.
  private static func invoices(_ log: InteractionDataset) -> [[[Int]]] {
    var byOccasion = [[Int: (seconds: Int64, items: [Int])]](
      repeating: [:], count: log.customers.count)
    for event in log.events {
      byOccasion[event.customer][event.occasion, default: (event.seconds, [])].items
        .append(event.item)
    }
    return byOccasion.map { occasions in
      occasions.sorted { ($0.value.seconds, $0.key) < ($1.value.seconds, $1.key) }
        .map(\.value.items)
    }
  }

  private static func items(
    features: ItemFeatures, categories: [Int], categoryCount: Int, histories: [CustomerHistory]
  ) -> PurchaseResponse.Items {
    let counts = PopularityBaseline(histories: histories, itemCount: categories.count).counts
    var shares = [Double](repeating: 0, count: categoryCount)
    for (item, count) in counts.enumerated() { shares[categories[item]] += Double(count) }
    let total = max(1, shares.reduce(0, +))
    return PurchaseResponse.Items(
      features: features, categories: categories, categoryCount: categoryCount,
      popularity: counts.map { Float(log(1 + Double($0))) }.standardized(),
      categoryShares: shares.map { $0 / total })
  }

  /// What makes the mean click probability `clickRate`, by bisection.
  private static func intercept(_ scores: [[Double]], clickRate: Double) -> Double {
    let all = scores.flatMap { $0 }
    var low = -40.0
    var high = 20.0
    for _ in 0..<60 {
      let middle = (low + high) / 2
      let mean =
        all.reduce(0) { $0 + PurchaseResponse.sigmoid($1 + middle) } / Double(all.count)
      if mean < clickRate { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

/// The part of a log that concerns its best-selling items.
private struct BestSellers {
  let dataset: InteractionDataset

  /// - Throws: `EvaluationError.invalidPlan` if there are fewer items.
  init(_ log: InteractionDataset, count: Int) throws {
    guard count >= 1, log.catalogue.count >= count else {
      throw EvaluationError.invalidPlan(
        reason: "\(count) items were asked for, \(log.name) has \(log.catalogue.count)")
    }
    let counts = PopularityBaseline(histories: log.histories(), itemCount: log.catalogue.count)
      .counts
    let kept = Ranking.topK(counts.map(Float.init), count).sorted()
    var place = [Int?](repeating: nil, count: log.catalogue.count)
    for (index, item) in kept.enumerated() { place[item] = index }
    let events = log.events.compactMap { event in
      place[event.item].map {
        Interaction(
          customer: event.customer, item: $0, kind: event.kind, seconds: event.seconds,
          value: event.value, occasion: event.occasion)
      }
    }
    dataset = InteractionDataset(
      name: log.name, events: events, customers: log.customers, occasions: log.occasions,
      catalogue: try Catalogue(
        codes: kept.map { log.catalogue.codes[$0] },
        descriptions: kept.map { log.catalogue.descriptions[$0] }))
  }
}
