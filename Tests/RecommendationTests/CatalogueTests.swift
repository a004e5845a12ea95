import Testing

@testable import Recommendation

@Suite struct CatalogueTests {
  private func sample() throws -> Catalogue {
    try Catalogue(
      codes: ["10002", "10080", "85123A"], descriptions: ["INFLATABLE", "", "HEART Þ HOLDER"])
  }

  @Test("codes are found by binary search, and nothing else is")
  func indexOfCode() throws {
    let catalogue = try sample()
    #expect(catalogue.count == 3)
    for (place, code) in catalogue.codes.enumerated() {
      #expect(catalogue.index(of: code) == place)
    }
    for absent in ["", "1", "10003", "85123", "85123B", "zzz"] {
      #expect(catalogue.index(of: absent) == nil)
    }
  }

  @Test("codes that are canonically equivalent but differ in bytes are different codes")
  func codesCompareByBytes() throws {
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    let catalogue = try Catalogue(codes: [decomposed, composed], descriptions: ["a", "b"])
    #expect(catalogue.index(of: decomposed) == 0)
    #expect(catalogue.index(of: composed) == 1)
  }

  @Test("the encoding is the documented one")
  func knownBytes() throws {
    let catalogue = try Catalogue(codes: ["a", "bc"], descriptions: ["X", ""])
    let expected: [UInt8] =
      Array("tacit catalogue/1\n".utf8) + [0, 0, 0, 2]
      + [0, 1] + Array("a".utf8) + [0, 1] + Array("X".utf8)
      + [0, 2] + Array("bc".utf8) + [0, 0]
    #expect(catalogue.encoded() == expected)
    #expect(try Catalogue(decoding: expected) == catalogue)
  }

  @Test("whatever decodes encodes to the same bytes; cut bytes do not decode")
  func decodingIsCanonical() throws {
    let bytes = try sample().encoded()
    #expect(try Catalogue(decoding: bytes) == sample())
    for prefix in ByteCorpus.prefixes(of: bytes) {
      #expect(throws: RecommendationError.self) { try Catalogue(decoding: prefix) }
    }
    var accepted = 0
    for flipped in ByteCorpus.bitFlips(of: bytes) {
      guard let decoded = try? Catalogue(decoding: flipped) else { continue }
      accepted += 1
      #expect(decoded.encoded() == flipped)
    }
    // Flips inside text stay valid; without any the loop would have checked nothing.
    #expect(accepted > 0)
    #expect(throws: RecommendationError.trailingBytes(count: 1)) {
      try Catalogue(decoding: bytes + [0])
    }
  }

  @Test("a count beyond the bytes present is refused before anything is allocated for it")
  func countIsCheckedFirst() throws {
    let header = Array("tacit catalogue/1\n".utf8)
    #expect(
      throws: RecommendationError.truncated(
        byteOffset: header.count + 4, needed: 5 << 20, available: 0)
    ) { try Catalogue(decoding: header + [0, 16, 0, 0]) }
    #expect(
      throws: RecommendationError.itemCountOutOfRange(actual: 1 << 20 + 1, limit: 1 << 20)
    ) { try Catalogue(decoding: header + [0, 16, 0, 1]) }
    #expect(throws: RecommendationError.itemCountOutOfRange(actual: 0, limit: 1 << 20)) {
      try Catalogue(decoding: header + [0, 0, 0, 0])
    }
  }

  @Test("each broken rule has its own error")
  func invalidCatalogues() {
    #expect(throws: RecommendationError.itemCountOutOfRange(actual: 0, limit: 1 << 20)) {
      try Catalogue(codes: [], descriptions: [])
    }
    #expect(throws: RecommendationError.descriptionCountMismatch(codes: 1, descriptions: 2)) {
      try Catalogue(codes: ["a"], descriptions: ["", ""])
    }
    #expect(throws: RecommendationError.codesNotAscending(item: 1)) {
      try Catalogue(codes: ["b", "a"], descriptions: ["", ""])
    }
    #expect(throws: RecommendationError.codesNotAscending(item: 1)) {
      try Catalogue(codes: ["a", "a"], descriptions: ["", ""])
    }
    #expect(throws: RecommendationError.itemTextLength(item: 0, actual: 0, limit: 255)) {
      try Catalogue(codes: [""], descriptions: [""])
    }
    #expect(throws: RecommendationError.itemTextLength(item: 0, actual: 256, limit: 255)) {
      try Catalogue(codes: ["a"], descriptions: [String(repeating: "x", count: 256)])
    }
  }

  @Test("text that is not UTF-8 is refused with its offset")
  func invalidUTF8() throws {
    let header = Array("tacit catalogue/1\n".utf8) + [0, 0, 0, 1]
    #expect(throws: RecommendationError.notCanonical(byteOffset: header.count + 2)) {
      try Catalogue(decoding: header + [0, 1, 0xFF, 0, 0])
    }
  }
}
