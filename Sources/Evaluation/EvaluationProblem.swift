internal import Cryptography
package import Recommendation

/// One question to a model: rank the catalogue for one customer.
package struct RankingQuery: Equatable, Sendable {
  /// Index into `EvaluationProblem.histories`.
  package let customer: Int
  /// The right answers, ascending item indices, at least one.
  package let targets: [Int]
  /// Items that may not be recommended, ascending; disjoint from `targets`.
  package let masked: [Int]
  /// Rank only these items, ascending, and all of `targets` among them; nil for the whole catalogue.
  package let candidates: [Int]?

  package init(customer: Int, targets: [Int], masked: [Int], candidates: [Int]? = nil) {
    precondition(!targets.isEmpty, "a query has a target")
    self.customer = customer
    self.targets = targets
    self.masked = masked
    self.candidates = candidates
  }
}

/// The questions that one set of figures is a mean over.
package struct RankingTask: Equatable, Sendable {
  /// `new`, `all`, `p1`, `p2` or `p3`.
  package let name: String
  /// Length k of the list that is judged.
  package let cutoff: Int
  /// What is reported.
  package let metrics: [RankingMetric]
  /// Whether what a customer has may be recommended again: a model may then put it first. Queries of
  /// a task that suppresses repeats mask the customer's items.
  package let repeats: RepeatRule
  /// At most one query a customer, ascending by customer.
  package let queries: [RankingQuery]

  package init(
    name: String, cutoff: Int, metrics: [RankingMetric], repeats: RepeatRule,
    queries: [RankingQuery]
  ) {
    self.name = name
    self.repeats = repeats
    self.cutoff = cutoff
    self.metrics = metrics
    self.queries = queries
  }

  /// The metric that differences, plots and estimates are about: the recall, or what the task reports first
  /// where each customer has one right answer.
  package var headlineMetric: RankingMetric {
    metrics.contains(.recall) ? .recall : metrics.first ?? .recall
  }
}

/// What a model may learn from and what it is then asked.
package struct EvaluationProblem: Equatable, Sendable {
  /// Data set and protocol, for reports: `ml-100k p3`.
  package let name: String
  /// One history a customer; empty for a customer who has nothing to learn from.
  package let histories: [CustomerHistory]
  /// The public list of items.
  package let catalogue: Catalogue
  /// What is asked.
  package let tasks: [RankingTask]

  package init(
    name: String, histories: [CustomerHistory], catalogue: Catalogue, tasks: [RankingTask]
  ) {
    self.name = name
    self.histories = histories
    self.catalogue = catalogue
    self.tasks = tasks
  }

  /// SHA-256, in hex, of everything that a result depends on: histories, catalogue and tasks.
  package func contentDigest() -> String {
    var writer = DigestWriter()
    writer.write(catalogue.count)
    for (code, description) in zip(catalogue.codes, catalogue.descriptions) {
      writer.write(code)
      writer.write(description)
    }
    writer.write(histories.count)
    for history in histories {
      writer.write(history.rows.count)
      for row in history.rows {
        writer.write(row.item)
        writer.write(row.occasions)
        writer.write(Int(row.lastSeconds))
      }
    }
    writer.write(tasks.count)
    for task in tasks {
      writer.write(task.name)
      writer.write(task.cutoff)
      writer.write(task.repeats.rawValue)
      writer.write(task.metrics.count)
      for metric in task.metrics { writer.write(metric.rawValue) }
      writer.write(task.queries.count)
      for query in task.queries {
        writer.write(query.customer)
        for items in [query.targets, query.masked, query.candidates ?? [-1]] {
          writer.write(items.count)
          for item in items { writer.write(item) }
        }
      }
    }
    return writer.digest()
  }
}

/// Hashes numbers and texts, each with its length, so that no two inputs give the same bytes.
private struct DigestWriter {
  private var bytes: [UInt8] = []

  mutating func write(_ number: Int) {
    withUnsafeBytes(of: Int64(number).littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func write(_ text: String) {
    write(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  func digest() -> String { SHA256Digest(hashing: bytes).hex }
}
