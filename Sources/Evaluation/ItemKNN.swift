package import CanonicalJSON
internal import Glibc
package import Recommendation

/// Nearest neighbours among items: an item is recommended to those who have items that the same customers
/// have.
///
/// With x_ui = 1 where customer u has item i, and weights w_u, the similarity of two items is
/// s_ij = c_ij / (sqrt(c_ii c_jj) + shrinkage), c_ij being the sum of w_u² x_ui x_uj. The score of an item is
/// the sum of its similarities with the items of the history, as far as these are among its nearest neighbours, or
/// it among theirs (``Side``).
/// - Source: Sarwar, Karypis, Konstan, Riedl, "Item-Based Collaborative Filtering Recommendation Algorithms", WWW
///   2001, section 3; Deshpande, Karypis, "Item-Based Top-N Recommendation Algorithms", ACM TOIS 22(1), 2004.
package struct ItemKNN: RankingModel {
  package static let identifier = CentralizedBaseline.itemKNN.rawValue

  /// How much a customer counts.
  package enum Weighting: String, CaseIterable, Sendable {
    /// Each alike: s is the cosine of two columns.
    case cosine
    /// w_u = ln(n / (1 + n_u)) for a customer with n_u of n items: whoever buys everything tells little. As the
    /// Python library `implicit` 0.7 has it, which takes customers for words and items for documents.
    case tfIDF = "tf-idf"
  }

  /// Whose neighbours are meant.
  package enum Side: String, CaseIterable, Sendable {
    /// The scored item's, itself not among them.
    case scored
    /// Each item's of the history, itself one of them, as in the Python library `implicit`.
    case history
  }

  /// Hyper-parameters.
  package struct Options: Equatable, Sendable {
    /// Neighbours kept of an item, 1 ... 10,000; ties go to the lower index.
    package let neighbours: Int
    package let weighting: Weighting
    package let side: Side
    /// Added to the denominator of a similarity, which takes weight from pairs that few customers have; 0 ... 1000.
    package let shrinkage: Double

    /// - Parameter hyperparameters: an object; `neighbours`, an integer, default 100; `weighting`, "cosine" (default)
    ///   or "tf-idf"; `side`, "scored" (default) or "history"; `shrinkage`, a decimal as a string, default "0".
    /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`, `.invalidHyperparameter`.
    package init(hyperparameters: JSONValue) throws(RecommendationError) {
      let read = try Hyperparameters(
        hyperparameters, known: ["neighbours", "weighting", "side", "shrinkage"])
      neighbours = try read.integer("neighbours", in: 1...10_000) ?? 100
      weighting = try read.choice("weighting") ?? .cosine
      side = try read.choice("side") ?? .scored
      shrinkage = try read.decimal("shrinkage", in: 0...1000) ?? 0
    }
  }

  /// An item and how alike it is.
  private struct Neighbour: Sendable {
    let item: Int
    let similarity: Double
  }

  package let name = identifier
  /// For each item of a history the items that it adds to.
  private let entries: [[Neighbour]]

  /// - Parameters:
  ///   - histories: what is learned from.
  ///   - itemCount: number of items n.
  /// - Throws: `CancellationError`.
  /// - Complexity: a pass over the pairs of items of each history, whatever n, and a sort of each item's
  ///   neighbours; n times `neighbours` pairs of numbers are kept.
  package init(histories: [CustomerHistory], itemCount: Int, options: Options) throws {
    let weights = histories.map {
      Self.squaredWeight(of: $0, itemCount: itemCount, options.weighting)
    }
    let customers = CoOccurrence.customers(histories: histories, itemCount: itemCount)
    let norms = customers.map { $0.reduce(0) { $0 + weights[$1] }.squareRoot() }
    var entries = [[Neighbour]](repeating: [], count: itemCount)
    var sums = [Double](repeating: 0, count: itemCount)
    var isTogether = [Bool](repeating: false, count: itemCount)
    for item in 0..<itemCount {
      try Task.checkCancellation()
      var together: [Int] = []
      for customer in customers[item] {
        for row in histories[customer].rows {
          sums[row.item] += weights[customer]
          if !isTogether[row.item] {
            isTogether[row.item] = true
            together.append(row.item)
          }
        }
      }
      var nearest: [Neighbour] = []
      for other in together {
        let denominator = norms[item] * norms[other] + options.shrinkage
        if denominator > 0, other != item || options.side == .history {
          nearest.append(Neighbour(item: other, similarity: sums[other] / denominator))
        }
        sums[other] = 0
        isTogether[other] = false
      }
      nearest.sort { ($0.similarity, $1.item) > ($1.similarity, $0.item) }
      let kept = nearest.prefix(options.neighbours)
      switch options.side {
      case .history: entries[item] = Array(kept)
      case .scored:
        for neighbour in kept {
          entries[neighbour.item].append(
            Neighbour(item: item, similarity: neighbour.similarity))
        }
      }
    }
    self.entries = entries
  }

  private static func squaredWeight(
    of history: CustomerHistory, itemCount: Int, _ weighting: Weighting
  ) -> Double {
    switch weighting {
    case .cosine: return 1
    case .tfIDF:
      let weight = log(Double(itemCount)) - log1p(Double(history.rows.count))
      return weight * weight
    }
  }

  package func scores(for history: CustomerHistory, repeats: RepeatRule) -> [Float] {
    var sums = [Double](repeating: 0, count: entries.count)
    for row in history.rows {
      for entry in entries[row.item] { sums[entry.item] += entry.similarity }
    }
    return sums.map { Float($0) }
  }
}
