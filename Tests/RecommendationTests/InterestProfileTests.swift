import Testing
import VectorMath

@testable import Recommendation

@Suite struct InterestProfileTests {
  private let catalogue: Catalogue
  private let categories: CategoryIndex

  init() throws {
    let kinds = ["red lunch bag", "blue glass jar", "paper party bunting", "wooden owl clock"]
    let texts = (0..<52).map { "\(kinds[$0 / 13]) number \($0)" }
    catalogue = try Catalogue(
      codes: (0..<52).map { String(100 + $0) }, descriptions: texts)
    categories = try CategoryIndex(
      features: try TextFeatures.lsa(descriptions: texts, dimension: 8), catalogue: catalogue)
  }

  private func history(_ rows: [(item: Int, occasions: Int)]) -> CustomerHistory {
    CustomerHistory(
      rows: rows.map { .init(item: $0.item, occasions: $0.occasions, lastSeconds: 0) })
  }

  @Test("categories group like texts, are named by their words, and read back from their bytes")
  func index() throws {
    #expect(categories.count == 5 && Set(categories.tags).count == 5)
    // Items of one kind share a category.
    for kind in 0..<4 { #expect(Set(categories.categories[13 * kind..<13 * kind + 13]).count == 1) }
    let tag = categories.tags[categories.categories[0]]
    #expect(
      tag.split(separator: "-").allSatisfy { ["red", "lunch", "bag"].contains($0) }, "\(tag)")
    #expect(categories.category(tagged: tag) == categories.categories[0])
    #expect(categories.items(of: categories.categories[0]) == Array(0..<13))
    let bytes = categories.encoded()
    #expect(try CategoryIndex(decoding: bytes, itemCount: 52) == categories)
    #expect(throws: RecommendationError.self) {
      try CategoryIndex(decoding: bytes, itemCount: 53)
    }
    for broken in [
      "", "[]", #"{"categories":[],"tags":[]}"#, #"{"categories":[0,2],"tags":["a","b"]}"#,
      #"{"categories":[0,1],"tags":["a","a"]}"#, #"{"categories":[0,"1"],"tags":["a","b"]}"#,
    ] {
      #expect(throws: RecommendationError.self, "\(broken)") {
        try CategoryIndex(decoding: Array(broken.utf8), itemCount: 2)
      }
    }
  }

  @Test("what was bought is known, what was shown is being explored, the rest untried")
  func standings() throws {
    let profile = try InterestProfile(
      categories: categories, popularity: [Float](repeating: 0.1, count: 52),
      history: history([(0, 3), (1, 1)]), recent: .empty,
      exposures: [
        Exposure(item: 14, isAccepted: false), Exposure(item: 15, isAccepted: true),
        Exposure(item: 27, isAccepted: true), Exposure(item: 28, isAccepted: true),
      ])
    let byCategory = Dictionary(
      uniqueKeysWithValues: profile.interests.map { ($0.category, $0) })
    func interest(ofItem item: Int) throws -> Interest {
      try #require(byCategory[categories.categories[item]])
    }
    let bags = try interest(ofItem: 0)
    #expect(bags.standing == .known && bags.purchases == 4 && bags.share == 1)
    #expect(profile.interests.first == bags)
    // Two of 20 by the prior, and two bought items: (2 + 2) / (20 + 2).
    #expect(abs(bags.chance - 4.0 / 22) < 1e-6)
    #expect(bags.interval.contains(bags.chance) && bags.interval.lowerBound > 0)
    let jars = try interest(ofItem: 14)
    #expect(jars.standing == .exploring && jars.shown == 2 && jars.accepted == 1)
    #expect(try interest(ofItem: 27).standing == .known)
    #expect(try interest(ofItem: 45).standing == .untried)
    #expect(profile.interests.last?.standing == .untried)
    #expect(jars.sentence.contains("1 of 2 shown items were taken"))
    #expect(profile.interests.allSatisfy { $0.sentence.hasSuffix(".") })
  }

  @Test("more evidence makes an interval narrower")
  func uncertainty() throws {
    func width(_ shown: Int) throws -> Double {
      let profile = try InterestProfile(
        categories: categories, popularity: [Float](repeating: 0.1, count: 52), history: .empty,
        recent: .empty,
        exposures: (0..<shown).map { Exposure(item: 5, isAccepted: $0 % 5 == 0) })
      let interest = try #require(
        profile.interests.first { $0.category == categories.categories[5] })
      return interest.interval.upperBound - interest.interval.lowerBound
    }
    #expect(try width(100) < width(10))
  }

  @Test("drift is a difference of shares that chance does not explain")
  func drift() {
    #expect(InterestProfile.drift(recent: 15, of: 20, before: 20, of: 100) == .rising)
    #expect(InterestProfile.drift(recent: 0, of: 30, before: 40, of: 100) == .fading)
    #expect(InterestProfile.drift(recent: 4, of: 20, before: 20, of: 100) == .steady)
    #expect(InterestProfile.drift(recent: 4, of: 4, before: 0, of: 100) == .unknown)
    #expect(InterestProfile.drift(recent: 0, of: 20, before: 0, of: 100) == .steady)
    // By hand: shares 0.5 and 0.2, pooled 0.25, error 0.1061; 0.3 is 2.83 of them.
    #expect(InterestProfile.drift(recent: 10, of: 20, before: 20, of: 100) == .rising)
  }
}
