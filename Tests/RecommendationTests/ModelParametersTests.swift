import Testing

@testable import Recommendation

@Suite struct ModelParametersTests {
  private func sample() throws -> ModelParameters {
    try ModelParameters(tensors: [
      "b": .init(shape: [2, 1], values: [1, -0.5]), "a_1": .init([0.25]), "empty": .init([]),
    ])
  }

  @Test("the encoding is the documented one, tensors by name")
  func knownBytes() throws {
    let parameters = try ModelParameters(tensors: [
      "b": .init(shape: [1, 2], values: [1, -2]), "a": .init([0.5]),
    ])
    let expected: [UInt8] =
      Array("tacit parameters/1\n".utf8) + [2]
      + [0, 1] + Array("a".utf8) + [1, 0, 0, 0, 1] + [0, 0, 0, 0x3F]
      + [0, 1] + Array("b".utf8) + [2, 0, 0, 0, 1, 0, 0, 0, 2]
      + [0, 0, 0x80, 0x3F] + [0, 0, 0, 0xC0]
    #expect(parameters.encoded() == expected)
    #expect(try ModelParameters(decoding: expected) == parameters)
  }

  @Test("whatever decodes encodes to the same bytes; cut bytes do not decode")
  func decodingIsCanonical() throws {
    let bytes = try sample().encoded()
    #expect(try ModelParameters(decoding: bytes) == sample())
    for prefix in ByteCorpus.prefixes(of: bytes) {
      #expect(throws: RecommendationError.self) { try ModelParameters(decoding: prefix) }
    }
    var accepted = 0
    for flipped in ByteCorpus.bitFlips(of: bytes) {
      guard let decoded = try? ModelParameters(decoding: flipped) else { continue }
      accepted += 1
      #expect(decoded.encoded() == flipped)
    }
    #expect(accepted > 0)
  }

  @Test("names out of order or twice are not canonical")
  func namesAscend() {
    let one: [UInt8] = [1, 0, 0, 0, 0]
    func bytes(_ names: [String]) -> [UInt8] {
      Array("tacit parameters/1\n".utf8) + [UInt8(names.count)]
        + names.flatMap { [0, UInt8($0.utf8.count)] + Array($0.utf8) + one }
    }
    #expect(throws: Never.self) { try ModelParameters(decoding: bytes(["a", "b"])) }
    for names in [["b", "a"], ["a", "a"], ["A"], ["a b"], [""]] {
      #expect(throws: RecommendationError.self) { try ModelParameters(decoding: bytes(names)) }
    }
  }

  @Test("a shape beyond the bytes present, or beyond Int, is refused before allocation")
  func shapeIsCheckedFirst() {
    let start = Array("tacit parameters/1\n".utf8) + [1, 0, 1] + Array("a".utf8)
    let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
    #expect(
      throws: RecommendationError.truncated(
        byteOffset: start.count + 5, needed: 4 * 0xFFFF_FFFF, available: 0)
    ) { try ModelParameters(decoding: start + [1] + huge) }
    #expect(throws: RecommendationError.self) {
      try ModelParameters(decoding: start + [4] + huge + huge + huge + huge)
    }
    #expect(
      throws: RecommendationError.tooLarge(what: "dimensions of a", actual: 5, limit: 4)
    ) { try ModelParameters(decoding: start + [5]) }
  }

  @Test("an encoding above the reader's limit is refused by its length")
  func limitHolds() throws {
    let bytes = try sample().encoded()
    #expect(throws: Never.self) { try ModelParameters(decoding: bytes, limit: bytes.count) }
    #expect(
      throws: RecommendationError.tooLarge(
        what: "tacit parameters/1", actual: bytes.count, limit: bytes.count - 1)
    ) { try ModelParameters(decoding: bytes, limit: bytes.count - 1) }
  }

  @Test(
    "values that are not finite are refused by both initialisers",
    arguments: [Float.nan, .infinity])
  func notFinite(value: Float) throws {
    #expect(throws: RecommendationError.notFinite(name: "a", index: 1)) {
      try ModelParameters(tensors: ["a": .init([0, value])])
    }
    let good = try ModelParameters(tensors: ["a": .init([0, 1])]).encoded()
    let pattern = value.bitPattern
    let bad =
      good.dropLast(4) + (0..<4).map { UInt8(truncatingIfNeeded: pattern >> (8 * UInt32($0))) }
    #expect(throws: RecommendationError.notFinite(name: "a", index: 1)) {
      try ModelParameters(decoding: Array(bad))
    }
  }
}
