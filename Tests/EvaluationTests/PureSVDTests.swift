import CanonicalJSON
import Foundation
import Recommendation
import Testing
import VectorMath

@testable import Evaluation

@Suite("PureSVD") struct PureSVDTests {
  private static let itemCount = 12

  /// Forty customers with items bought up to five times.
  private static let histories: [CustomerHistory] = {
    var generator = SeededRandom(seed: 21)
    return (0..<40).map { _ in
      CustomerHistory(
        rows: (0..<itemCount).filter { _ in generator.next() % 3 == 0 }.map {
          .init(item: $0, occasions: 1 + Int(generator.next() % 5), lastSeconds: 0)
        })
    }
  }()

  private static func model(
    rank: Int, weights: String, histories: [CustomerHistory] = histories
  ) throws -> PureSVD {
    try PureSVD(
      histories: histories, itemCount: itemCount,
      options: PureSVD.Options(
        hyperparameters: .object([
          "rank": .integer(Int64(rank)), "weights": .string(weights),
        ])))
  }

  @Test(
    "the vectors are orthonormal, and scores are x V V' with the leading eigenvectors of X'X",
    arguments: ["binary", "log"])
  func eigenvectors(weights: String) throws {
    let rank = 4
    let model = try Self.model(rank: rank, weights: weights)
    let product = Kernels.gram(of: model.vectors)
    for row in 0..<rank {
      for column in 0..<rank {
        #expect(abs(product[row, column] - (row == column ? 1 : 0)) < 1e-12)
      }
    }
    var rows = DoubleMatrix(rows: Self.histories.count, columns: Self.itemCount)
    for (customer, history) in Self.histories.enumerated() {
      for row in history.rows {
        rows[customer, row.item] = weights == "log" ? log(1 + Double(row.occasions)) : 1
      }
    }
    let eigen = try SymmetricEigen.decompose(Kernels.gram(of: rows))
    for (customer, history) in Self.histories.enumerated() {
      let scores = model.scores(for: history, repeats: .suppress)
      for item in 0..<Self.itemCount {
        var expected = 0.0
        for vector in 0..<rank {
          let along = (0..<Self.itemCount).reduce(0) {
            $0 + rows[customer, $1] * eigen.vectors[vector, $1]
          }
          expected += along * eigen.vectors[vector, item]
        }
        // Scores below 10 as Float; the vectors to 1e-10 over the gaps of the spectrum.
        #expect(abs(Double(scores[item]) - expected) < 1e-5)
      }
    }
  }

  @Test("a rank beyond the customers counts as their number: rows are scored by themselves")
  func fullRank() throws {
    let few = Array(Self.histories.prefix(3))
    let model = try Self.model(rank: 400, weights: "binary", histories: few)
    #expect(model.vectors.columns == 3)
    for history in few {
      let items = Set(history.rows.map(\.item))
      for (item, score) in model.scores(for: history, repeats: .allow).enumerated() {
        #expect(abs(score - (items.contains(item) ? 1 : 0)) < 1e-5)
      }
    }
  }

  @Test("a fit that is cancelled stops")
  func cancellation() async throws {
    let fit = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try Self.model(rank: 2, weights: "binary")
    }
    await #expect(throws: CancellationError.self) { _ = try await fit.value }
  }

  @Test("hyper-parameters that it does not have are refused")
  func badHyperparameters() {
    for bad: [String: JSONValue] in [
      ["rank": .integer(0)], ["weights": .string("counts")], ["k": .integer(3)],
    ] {
      #expect(throws: RecommendationError.self) {
        try PureSVD.Options(hyperparameters: .object(bad))
      }
    }
  }
}
