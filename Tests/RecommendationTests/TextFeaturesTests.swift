import Glibc
import Testing
import VectorMath

@testable import Recommendation

@Suite struct TextFeaturesTests {
  @Test("words are the runs of [a-z] of the lower-cased text")
  func words() {
    #expect(
      TextFeatures.words(of: "HEART T-LIGHT 4 HOLDERS") == ["heart", "t", "light", "holders"])
    #expect(TextFeatures.words(of: "Caf\u{E9} & 12") == ["caf"])
    #expect(TextFeatures.words(of: "cafe\u{301}s") == ["cafe", "s"])
    #expect(TextFeatures.words(of: " 7/8 ") == [])
    #expect(
      TextFeatures.words(of: "Heat (1995) 4-Pack", rule: .lettersAndDigits)
        == ["heat", "1995", "4", "pack"])
  }

  @Test("centred vectors have lost what all share, at unit norm; zero rows stay zero")
  func centred() throws {
    var vectors = Matrix(rows: 3, columns: 2)
    vectors[0, 0] = 0.6
    vectors[0, 1] = 0.8
    vectors[1, 0] = 0.6
    vectors[1, 1] = -0.8
    let centred = try ItemFeatures(vectors: vectors).centered()
    // The mean of the two rows is (0.6, 0).
    #expect(abs(centred.values[1] - 1) < 1e-6 && abs(centred.values[3] + 1) < 1e-6)
    #expect(abs(centred.cosine(0, 1) + 1) < 1e-6)
    #expect(centred.values[4] == 0 && centred.values[5] == 0)
    // A single row is the mean: nothing is left, and nothing known stays nothing known.
    var single = Matrix(rows: 1, columns: 2)
    single[0, 0] = 1
    #expect(try ItemFeatures(vectors: single).centered().values == [0, 0])
    let nothing = try ItemFeatures(vectors: Matrix(rows: 2, columns: 2))
    #expect(try nothing.centered() == nothing)
    let texts = try TextFeatures.vectors(descriptions: ["red tin 1995", "red jar 1995", "red"])
    #expect(texts.itemCount == 3 && texts.cosine(0, 1) < 0.5)
  }

  @Test("at full rank the cosines are those of the tf-idf rows")
  func fullRankKeepsCosines() throws {
    let texts = ["red tin", "red red jar", "blue jar", "blue tin box", "5"]
    // tf-idf by hand; items with the word: red 2, tin 2, jar 2, blue 2, box 1.
    let common = log(6.0 / 3) + 1
    let rare = log(6.0 / 2) + 1
    let rows: [[Double]] = [
      [common, common, 0, 0, 0], [2 * common, 0, common, 0, 0], [0, 0, common, common, 0],
      [0, common, 0, common, rare], [0, 0, 0, 0, 0],
    ]
    func cosine(_ x: [Double], _ y: [Double]) -> Double {
      let dot = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
      let norms = [x, y].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      return norms.contains(0) ? 0 : dot / (norms[0] * norms[1])
    }
    let features = try TextFeatures.lsa(descriptions: texts)
    #expect(features.itemCount == 5 && features.dimension == 5)
    for first in 0..<5 {
      for second in 0..<5 {
        // Float vectors of norm 1.
        #expect(
          abs(Double(features.cosine(first, second)) - cosine(rows[first], rows[second])) < 1e-5)
      }
    }
  }

  @Test("fewer dimensions are the leading ones: two themes separate in two")
  func truncation() throws {
    let features = try TextFeatures.lsa(
      descriptions: ["red tin", "red tin", "red box tin", "blue jar", "blue jar", "blue pot jar"],
      dimension: 2)
    #expect(features.dimension == 2)
    #expect(features.cosine(0, 2) > 0.99 && features.cosine(3, 5) > 0.99)
    #expect(abs(features.cosine(0, 3)) < 0.01)
  }

  @Test("texts without any word give zero vectors")
  func noWords() throws {
    let features = try TextFeatures.lsa(descriptions: ["1", "", "22"])
    #expect(features.values == [0, 0, 0])
    #expect(features.cosines(withMeanOf: [0, 1]) == [0, 0, 0])
  }

  @Test("cosines with the mean of a history, by hand")
  func cosinesWithMean() throws {
    var vectors = Matrix(rows: 3, columns: 2)
    vectors[0, 0] = 1
    vectors[1, 1] = 1
    let features = try ItemFeatures(vectors: vectors)
    let half = Float(0.5.squareRoot())
    let cosines = features.cosines(withMeanOf: [0, 1])
    #expect(abs(cosines[0] - half) < 1e-6 && abs(cosines[1] - half) < 1e-6 && cosines[2] == 0)
    #expect(features.cosines(withMeanOf: []) == [0, 0, 0])
    #expect(features.cosines(withMeanOf: [2]) == [0, 0, 0])
  }

  @Test("features survive their encoding; cut, long and non-unit ones are refused")
  func encoding() throws {
    let features = try TextFeatures.lsa(descriptions: ["red tin", "blue jar", "4"])
    let bytes = features.encoded()
    #expect(try ItemFeatures(decoding: bytes) == features)
    for prefix in ByteCorpus.prefixes(of: bytes) {
      #expect(throws: RecommendationError.self) { try ItemFeatures(decoding: prefix) }
    }
    #expect(throws: RecommendationError.trailingBytes(count: 1)) {
      try ItemFeatures(decoding: bytes + [0])
    }
    let header = Array("tacit features/1\n".utf8)
    #expect(throws: RecommendationError.featureNotUnit(item: 0)) {
      try ItemFeatures(decoding: header + [0, 0, 0, 1, 0, 0, 0, 1] + [0, 0, 0, 0x40])
    }
    #expect(
      throws: RecommendationError.tooLarge(what: "feature dimension", actual: 1025, limit: 1024)
    ) { try ItemFeatures(decoding: header + [0, 0, 0, 1, 0, 0, 4, 1]) }
    #expect(
      throws: RecommendationError.truncated(
        byteOffset: header.count + 8, needed: 4 << 20, available: 0)
    ) { try ItemFeatures(decoding: header + [0, 0, 4, 0, 0, 0, 4, 0]) }
  }
}
