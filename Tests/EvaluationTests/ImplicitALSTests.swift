import CanonicalJSON
import Recommendation
import Testing
import VectorMath

@testable import Evaluation

@Suite("ImplicitALS") struct ImplicitALSTests {
  private static let itemCount = 9
  private static let customerCount = 30
  private static let factors = 3

  private static let histories: [CustomerHistory] = {
    var generator = SeededRandom(seed: 8)
    return (0..<customerCount).map { _ in
      history((0..<itemCount).filter { _ in generator.next() % 3 == 0 })
    }
  }()

  private static func options(
    weight: String = "0.3", iterations: Int = 15
  ) throws -> ImplicitALS.Options {
    try ImplicitALS.Options(
      hyperparameters: .object([
        "factors": .integer(Int64(factors)), "regularization": .string("0.7"),
        "unobserved_weight": .string(weight), "iterations": .integer(Int64(iterations)),
      ]))
  }

  private static func model(iterations: Int = 15, seed: UInt64 = 1) throws -> ImplicitALS {
    try ImplicitALS(
      histories: histories, itemCount: itemCount, options: options(iterations: iterations),
      seed: seed)
  }

  private static func dot(_ a: some Sequence<Double>, _ b: some Sequence<Double>) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The loss as it is written in the model's description.
  private static func loss(_ customers: [[Double]], _ items: DoubleMatrix) -> Double {
    var loss = 0.0
    for (customer, vector) in customers.enumerated() {
      let bought = Set(histories[customer].rows.map(\.item))
      for item in 0..<itemCount {
        let score = dot(vector, items.row(item))
        loss += bought.contains(item) ? (1 - score) * (1 - score) : 0.3 * score * score
      }
      loss += 0.7 * dot(vector, vector)
    }
    return loss + 0.7 * dot(items.storage, items.storage)
  }

  @Test(
    "each half step brings the gradient of the loss to zero, for customers and for items",
    arguments: ["0.3", "1"])
  func gradient(weight: String) throws {
    let options = try Self.options(weight: weight)
    let unobserved = try #require(Double(weight))
    var generator = SeededRandom(seed: 5)
    let items = Self.histories.map { $0.rows.map(\.item) }
    let customers = CoOccurrence.customers(histories: Self.histories, itemCount: Self.itemCount)
    for (lists, count) in [(items, Self.itemCount), (customers, Self.customerCount)] {
      var given = DoubleMatrix(rows: count, columns: Self.factors)
      for index in given.storage.indices {
        given.storage[index] = Double.random(in: -1...1, using: &generator)
      }
      let found = try ImplicitALS.halfStep(lists, given: given, options)
      #expect(found.rows == lists.count)
      for (place, list) in lists.enumerated() {
        let vector = found.row(place)
        // Half of it: the sum of weight (score - target) q, and the ridge.
        var gradient = vector.map { 0.7 * $0 }
        for other in 0..<count {
          let score = Self.dot(vector, given.row(other))
          let slope = list.contains(other) ? score - 1 : unobserved * score
          for (column, value) in given.row(other).enumerated() {
            gradient[column] += slope * value
          }
        }
        // Sums of 30 terms of order 1 in Double.
        #expect(gradient.allSatisfy { abs($0) < 1e-11 })
      }
    }
  }

  @Test("every pass lowers the loss, and a customer's scores are those of the folded-in vector")
  func loss() throws {
    var losses: [Double] = []
    for iterations in 1...6 {
      let model = try Self.model(iterations: iterations)
      let customers = try Self.histories.map { try model.customerFactors(of: $0) }
      losses.append(Self.loss(customers, model.itemFactors))
      let scores = try model.scores(for: Self.histories[0], repeats: .suppress)
      for item in 0..<Self.itemCount {
        let expected = Self.dot(customers[0], model.itemFactors.row(item))
        #expect(abs(Double(scores[item]) - expected) < 1e-6)
      }
    }
    for (earlier, later) in zip(losses, losses.dropFirst()) { #expect(later < earlier) }
  }

  @Test("one seed gives the same bits, another seed others")
  func seeds() throws {
    let (first, again, other) = (
      try Self.model(), try Self.model(), try Self.model(seed: 2)
    )
    #expect(first.itemFactors == again.itemFactors)
    #expect(first.itemFactors != other.itemFactors)
    #expect(try first.scores(for: history([]), repeats: .suppress).allSatisfy { $0 == 0 })
  }

  @Test("a fit that is cancelled stops")
  func cancellation() async throws {
    let fit = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try Self.model()
    }
    await #expect(throws: CancellationError.self) { _ = try await fit.value }
  }

  @Test("hyper-parameters that it does not have are refused")
  func badHyperparameters() {
    for bad: [String: JSONValue] in [
      ["factors": .integer(0)], ["regularization": .string("0")],
      ["unobserved_weight": .string("2")], ["iterations": .string("15")],
      ["alpha": .string("40")],
    ] {
      #expect(throws: RecommendationError.self) {
        try ImplicitALS.Options(hyperparameters: .object(bad))
      }
    }
  }
}
