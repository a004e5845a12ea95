import CanonicalJSON
import Testing

@testable import Recommendation

/// What a device sends of losses that are summed, and with dropout.
@Suite("Sequence losses") struct SequenceLossTests {
  private static let itemCount = 12
  private static let items = [3, 8, 1, 5, 9, 2, 11, 4, 0, 6, 7, 10]

  private static func update(
    _ changes: [String: JSONValue], items: [Int] = items, stage: Int = 1
  ) throws -> [Float] {
    let small: [String: JSONValue] = [
      "dimension": .integer(4), "length": .integer(2), "rounds": .integer(3),
    ]
    let model = try SequenceModel(hyperparameters: .object(small.merging(changes) { $1 }))
    let codes = (0..<itemCount).map { String(100 + $0) }
    let parameters = try model.advance(
      stage: 0, noisedSum: [Double](repeating: 1, count: itemCount),
      context: StageContext(
        noiseStandardDeviation: 0, targetCohort: 8, contributorCount: 8, features: nil),
      parameters: try model.initialParameters(
        catalogue: Catalogue(codes: codes, descriptions: codes)),
      itemCount: itemCount)
    return try model.update(
      stage: stage,
      history: CustomerHistory(
        rows: items.enumerated().sorted { $0.element < $1.element }.map {
          .init(item: $0.element, occasions: 1, lastSeconds: Int64($0.offset))
        }), parameters: parameters, itemCount: itemCount)
  }

  @Test("a sum of losses has every window of a log, the oldest too, which a mean leaves out")
  func allWindows() throws {
    let sum: [String: JSONValue] = ["loss": .string("sum")]
    var swapped = Self.items
    swapped.swapAt(0, 1)
    #expect(try Self.update(sum, items: swapped) != Self.update(sum))
    #expect(try Self.update([:], items: swapped) == Self.update([:]))
  }

  @Test("what is dropped depends on the round and the log alone, and nothing is dropped by default")
  func dropout() throws {
    let half: [String: JSONValue] = ["dropout": .string("0.5")]
    let first = try Self.update(half)
    #expect(first.contains { $0 != 0 })
    #expect(try Self.update(half) == first)
    #expect(try Self.update(half, stage: 2) != first)
    #expect(try Self.update(["dropout": .string("0")]) != first)
    #expect(try Self.update(["dropout": .string("0")]) == Self.update([:]))
    #expect(try Self.update([:], stage: 2) == Self.update([:]))
  }
}
