import Testing
import VectorMath

@testable import Recommendation

@Suite("Public item vectors") struct PublicItemVectorsTests {
  private static let itemCount = 12

  /// One row an item; all items are in the head.
  private static func rows(
    _ features: ItemFeatures?, seed: UInt64, dimension: Int = 4
  ) throws -> [[Float]] {
    let values = try PublicItemVectors.rows(
      of: Head(popularity: [Float](repeating: 0, count: itemCount), count: itemCount),
      features: features, dimension: dimension, seed: seed)
    return stride(from: 0, to: values.count, by: dimension).map {
      Array(values[$0..<$0 + dimension])
    }
  }

  private static func dot(_ first: [Float], _ second: [Float]) -> Float {
    zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test("public vectors: leading directions at norm 1; random by the catalogue where none is known")
  func publicVectors() throws {
    // Two kinds of items, and one of which nothing is known.
    var vectors = Matrix(rows: Self.itemCount, columns: 2)
    for item in 1..<Self.itemCount { vectors[item, item % 2] = 1 }
    let features = try ItemFeatures(vectors: vectors)
    let known = try Self.rows(features, seed: 1)
    #expect(known.allSatisfy { abs(Self.dot($0, $0) - 1) < 1e-5 })
    for item in 2..<Self.itemCount {
      #expect(abs(Self.dot(known[1], known[item]) - (item % 2 == 1 ? 1 : 0)) < 1e-5)
    }
    #expect(try Self.rows(features, seed: 2)[1...] == known[1...])
    #expect(try Self.rows(features, seed: 2)[0] != known[0])
    let random = try Self.rows(nil, seed: 1)
    #expect(Set(random).count == Self.itemCount && random[0] == known[0])
    #expect(random.allSatisfy { abs(Self.dot($0, $0) - 1) < 1e-5 })
    let few = try ItemFeatures(vectors: Matrix(rows: 2, columns: 1, storage: [1, 1]))
    #expect(throws: RecommendationError.self) { try Self.rows(few, seed: 1) }
  }

  @Test("the directions beyond the leading ones are dropped, and what differs there alone")
  func onlyLeadingDirections() throws {
    // The second moments of the three directions are 5.28, 5 and 1.72, and they do not mix.
    var values: [Float] = []
    for _ in 0..<4 { values += [1, 0, 0] }
    for _ in 4..<9 { values += [0, 1, 0] }
    values += [0.8, 0, 0.6, 0.8, 0, -0.6, 0, 0, 1]
    let features = try ItemFeatures(
      vectors: Matrix(rows: Self.itemCount, columns: 3, storage: values))
    let first = try Self.rows(features, seed: 1, dimension: 2)
    let other = try Self.rows(features, seed: 2, dimension: 2)
    for item in [9, 10] { #expect(abs(Self.dot(first[item], first[0]) - 1) < 1e-5) }
    #expect(abs(Self.dot(first[4], first[0])) < 1e-5)
    #expect(first[..<11] == other[..<11])
    // It lies along the third one: nothing of it is left.
    #expect(first[11] != other[11] && abs(Self.dot(first[11], first[11]) - 1) < 1e-5)
    // With a third direction it is as known as the others.
    #expect(
      try Self.rows(features, seed: 1, dimension: 3) == Self.rows(features, seed: 2, dimension: 3))
  }
}
