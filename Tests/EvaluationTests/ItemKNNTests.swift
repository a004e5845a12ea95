import CanonicalJSON
import Evaluation
import Foundation
import Recommendation
import Testing
import VectorMath

@Suite("ItemKNN") struct ItemKNNTests {
  // Customers of item 0: 3, of item 1: 3, of item 2: 1; together 0 and 1: 2, 0 and 2: 1, 1 and 2: none.
  private static let histories = [
    history([0, 1]), history([0, 1]), history([0, 2]), history([1]), history([]),
  ]

  private static func model(
    of histories: [CustomerHistory] = histories, itemCount: Int = 3,
    _ hyperparameters: [String: JSONValue]
  ) throws -> ItemKNN {
    try ItemKNN(
      histories: histories, itemCount: itemCount,
      options: ItemKNN.Options(hyperparameters: .object(hyperparameters)))
  }

  private static func scores(_ model: ItemKNN, _ items: [Int]) -> [Float] {
    model.scores(for: history(items), repeats: .suppress)
  }

  @Test("by hand: the scored item keeps its nearest neighbour, which is never itself")
  func scoredSide() throws {
    let model = try Self.model(["neighbours": .integer(1)])
    let third = Float(1 / 3.0.squareRoot())
    // Of 0 the nearest is 1, of 1 and of 2 it is 0.
    #expect(Self.scores(model, [0]) == [0, 2 / 3, third])
    #expect(Self.scores(model, [2]) == [0, 0, 0])
    #expect(Self.scores(model, [1, 2]) == [2 / 3, 0, 0])
    #expect(Self.scores(model, []) == [0, 0, 0])
  }

  @Test("by hand: an item of the history keeps its nearest, itself one of them")
  func historySide() throws {
    let model = try Self.model(["neighbours": .integer(2), "side": .string("history")])
    let third = Float(1 / 3.0.squareRoot())
    #expect(Self.scores(model, [0]) == [1, 2 / 3, 0])
    #expect(Self.scores(model, [2]) == [third, 0, 1])
  }

  @Test("shrinkage is added to the denominator")
  func shrinkage() throws {
    let model = try Self.model(["shrinkage": .string("1")])
    #expect(abs(Self.scores(model, [0])[1] - 2.0 / 4) < 1e-7)
    #expect(abs(Self.scores(model, [0])[2] - Float(1 / (3.0.squareRoot() + 1))) < 1e-7)
  }

  private static let itemCount = 9

  private static func drawn() -> [CustomerHistory] {
    var generator = SeededRandom(seed: 3)
    return (0..<40).map { _ in
      history((0..<itemCount).filter { _ in generator.next() % 3 == 0 })
    }
  }

  /// The similarity of two items by the definition: columns with weights, and their cosine.
  private static func similarity(
    _ first: Int, _ second: Int, among histories: [CustomerHistory], isTFIDF: Bool
  ) -> Double {
    func column(_ item: Int) -> [Double] {
      histories.map { history in
        guard history.rows.contains(where: { $0.item == item }) else { return 0 }
        return isTFIDF ? log(Double(itemCount) / Double(1 + history.rows.count)) : 1
      }
    }
    func product(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let (a, b) = (column(first), column(second))
    return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
  }

  @Test("all neighbours by brute force: cosine and tf-idf", arguments: ["cosine", "tf-idf"])
  func bruteForce(weighting: String) throws {
    let histories = Self.drawn()
    let model = try Self.model(
      of: histories, itemCount: Self.itemCount, ["weighting": .string(weighting)])
    let bought = [1, 4, 7]
    let scores = Self.scores(model, bought)
    for item in 0..<Self.itemCount {
      let expected = bought.filter { $0 != item }.reduce(0.0) {
        $0
          + Self.similarity($1, item, among: histories, isTFIDF: weighting == "tf-idf")
      }
      // Sums of three similarities of at most 1, as Float.
      #expect(abs(Double(scores[item]) - expected) < 1e-6)
    }
  }

  @Test("the nearest by brute force on both sides", arguments: ["scored", "history"])
  func nearest(side: String) throws {
    let histories = Self.drawn()
    let model = try Self.model(
      of: histories, itemCount: Self.itemCount,
      [
        "neighbours": .integer(3), "side": .string(side), "weighting": .string("tf-idf"),
      ])
    func nearest(_ item: Int) -> Set<Int> {
      let others = (0..<Self.itemCount).filter { side == "history" || $0 != item }
      return Set(
        others.sorted {
          Self.similarity(item, $0, among: histories, isTFIDF: true)
            > Self.similarity(item, $1, among: histories, isTFIDF: true)
        }.prefix(3))
    }
    for bought in 0..<Self.itemCount {
      let scores = Self.scores(model, [bought])
      for item in 0..<Self.itemCount {
        let counts =
          side == "history" ? nearest(bought).contains(item) : nearest(item).contains(bought)
        #expect((scores[item] > 0) == counts, "\(bought) \(item)")
      }
    }
  }

  @Test("a fit that is cancelled stops")
  func cancellation() async throws {
    let fit = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try Self.model([:])
    }
    await #expect(throws: CancellationError.self) { _ = try await fit.value }
  }

  @Test("hyper-parameters that it does not have are refused")
  func badHyperparameters() {
    for bad: [String: JSONValue] in [
      ["neighbours": .integer(0)], ["weighting": .string("bm25")], ["side": .string("both")],
      ["shrinkage": .integer(1)], ["k": .integer(3)],
    ] {
      #expect(throws: RecommendationError.self) { try Self.model(bad) }
    }
  }
}
