import Datasets
import Recommendation
import Testing

@Suite("RetailSplit")
struct RetailSplitTests {
  @Test("Online Retail splits into the counts of the specification")
  func counts() throws {
    let split = RetailSplit(try OnlineRetail.load(from: .current()))
    #expect(split.customers.count == 3_613)
    #expect(split.histories.count == 3_613)
    #expect(split.histories.allSatisfy { !$0.isEmpty })
    #expect(split.evaluated.count == 1_838)
    #expect(split.evaluated.count { !$0.new.isEmpty } == 1_768)
    // Counted from the original table with Python: distinct pairs before the cut.
    #expect(split.histories.reduce(0) { $0 + $1.rows.count } == 188_399)
  }

  @Test("the cut itself belongs to the later part, and only it is a target")
  func cut() throws {
    func event(_ customer: Int, _ item: Int, _ seconds: Int64, _ occasion: Int) -> Interaction {
      Interaction(
        customer: customer, item: item, kind: .purchase, seconds: seconds, value: 1,
        occasion: occasion)
    }
    let dataset = InteractionDataset(
      name: "made",
      events: [
        event(0, 2, 99, 0), event(0, 2, 98, 1), event(0, 2, 97, 1), event(0, 0, 100, 2),
        event(0, 2, 101, 2), event(1, 1, 50, 3), event(2, 1, 100, 4),
      ], customers: ["a", "b", "c"], occasions: ["i", "j", "k", "l", "m"],
      catalogue: try Catalogue(codes: ["x", "y", "z"], descriptions: ["X", "Y", "Z"]))
    let split = RetailSplit(dataset, cutSeconds: 100)
    #expect(split.customers == ["a", "b"])
    #expect(
      split.histories[0] == CustomerHistory(rows: [.init(item: 2, occasions: 2, lastSeconds: 99)]))
    #expect(split.evaluated.map(\.customer) == [0])
    #expect(split.evaluated.map(\.all) == [[0, 2]])
    #expect(split.evaluated.map(\.new) == [[0]])
  }
}
