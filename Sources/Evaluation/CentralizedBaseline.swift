package import CanonicalJSON
internal import Datasets
package import Recommendation

/// The reference models that one party fits who holds every log, beside popularity.
package enum CentralizedBaseline: String, CaseIterable, Sendable {
  case ease
  case itemKNN = "itemknn"
  case implicitALS = "ials"
  case pureSVD = "puresvd"

  /// Items beyond which a comparison leaves it out; nil for one whose cost does not grow faster than they do.
  package var largestCatalogue: Int? {
    switch self {
    case .ease: EASE.largestCatalogue
    case .itemKNN, .implicitALS, .pureSVD: nil
    }
  }

  /// Whether it starts at random, so that it has a run a seed.
  package var isSeeded: Bool { self == .implicitALS }

  /// What it runs with on other data sets: EASE has no default of its own.
  package var defaults: JSONValue {
    self == .ease ? .object(["lambda": .string("200")]) : .object([:])
  }

  /// The hyper-parameters of the data sets with published anchors; nil where there are none.
  ///
  /// Those of `ials` were chosen on tuning splits, the others are those of the anchors.
  /// - Parameters:
  ///   - dataset: its name in the library.
  ///   - benchmark: nil for the retail tasks.
  package func anchored(on dataset: String, _ benchmark: BenchmarkProtocol?) -> JSONValue? {
    switch (self, dataset, benchmark) {
    case (.ease, OnlineRetail.name, _): .object(["lambda": .string("200")])
    case (.ease, DatasetSource.completeJourney.name, _): .object(["lambda": .string("1000")])
    case (.ease, DatasetSource.movieLens100K.name, _): .object(["lambda": .string("400")])
    case (.itemKNN, OnlineRetail.name, _): .object(["neighbours": .integer(50)])
    case (.itemKNN, DatasetSource.completeJourney.name, _):
      .object(["neighbours": .integer(100)])
    case (.itemKNN, DatasetSource.movieLens100K.name, _):
      .object([
        "neighbours": .integer(benchmark == .p3 ? 400 : 100), "side": .string("history"),
        "weighting": .string("tf-idf"),
      ])
    case (.implicitALS, DatasetSource.movieLens100K.name, .p3):
      .object(["regularization": .string("6"), "unobserved_weight": .string("0.2")])
    case (.implicitALS, DatasetSource.movieLens100K.name, _):
      .object(["factors": .integer(32), "regularization": .string("3")])
    case (.pureSVD, OnlineRetail.name, _): .object(["rank": .integer(64)])
    case (.pureSVD, DatasetSource.completeJourney.name, _):
      .object(["rank": .integer(32), "weights": .string("log")])
    case (.pureSVD, DatasetSource.movieLens100K.name, _):
      .object(["rank": .integer(benchmark == .p3 ? 16 : 32)])
    default: nil
    }
  }

  /// Fits it.
  ///
  /// - Parameter seed: of a random start.
  /// - Throws: `RecommendationError` or `EvaluationError.invalidPlan` for hyper-parameters that it does not have, what
  ///   its solver throws, or `CancellationError`.
  package func fitted(
    histories: [CustomerHistory], itemCount: Int, hyperparameters: JSONValue, seed: UInt64
  ) throws -> any RankingModel {
    switch self {
    case .ease:
      try EASE(
        histories: histories, itemCount: itemCount,
        regularization: try EASE.regularization(in: hyperparameters))
    case .itemKNN:
      try ItemKNN(
        histories: histories, itemCount: itemCount,
        options: try ItemKNN.Options(hyperparameters: hyperparameters))
    case .implicitALS:
      try ImplicitALS(
        histories: histories, itemCount: itemCount,
        options: try ImplicitALS.Options(hyperparameters: hyperparameters), seed: seed)
    case .pureSVD:
      try PureSVD(
        histories: histories, itemCount: itemCount,
        options: try PureSVD.Options(hyperparameters: hyperparameters))
    }
  }
}
