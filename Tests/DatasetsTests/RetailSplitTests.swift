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

  @Test(
    "Complete Journey is cut before week 49 of 2017, to choose on before week 44, others nowhere",
    arguments: [(false, "2017-11-27 00:00:00", 1), (true, "2017-10-23 00:00:00", 0)])
  func journeyCuts(tuning: Bool, day: String, bought: Int) throws {
    let (test, choice) = (
      try #require(CalendarTime.seconds("2017-11-27 00:00:00")),
      try #require(CalendarTime.seconds("2017-10-23 00:00:00"))
    )
    // Item 0 before either cut, 1 before the test part, 2 in it.
    let times = [choice - 1, choice, test - 1, test]
    func dataset(_ name: String) throws -> InteractionDataset {
      InteractionDataset(
        name: name,
        events: zip(times, [0, 1, 1, 2]).map { seconds, item in
          Interaction(
            customer: 0, item: item, kind: .purchase, seconds: seconds, value: 1, occasion: 0)
        }, customers: ["a"], occasions: ["i"],
        catalogue: try Catalogue(codes: ["x", "y", "z"], descriptions: ["X", "Y", "Z"]))
    }
    let cuts = try #require(RetailSplit.cuts(of: "complete-journey"))
    let split = RetailSplit(try dataset("complete-journey"), cuts: cuts, tuning: tuning)
    #expect(split.cutSeconds == CalendarTime.seconds(day))
    #expect(split.histories[0].rows.map(\.item) == Array(0...bought))
    #expect(split.evaluated.map(\.all) == [[bought + 1]])
    #expect(RetailSplit.cuts(of: "made") == nil)
  }

  @Test(
    "a log without a cut of its own is cut where its owner says, to choose on as many days before")
  func ownCut() throws {
    let day = CalendarTime.secondsPerDay
    // The last event is in the third day from the cut on.
    let times = [0, 6 * day, 7 * day, 10 * day - 1, 10 * day, 12 * day + 5]
    let dataset = InteractionDataset(
      name: "made",
      events: times.enumerated().map { item, seconds in
        Interaction(
          customer: 0, item: item, kind: .purchase, seconds: seconds, value: 1, occasion: item)
      }, customers: ["a"], occasions: times.map(String.init),
      catalogue: try Catalogue(
        codes: ["0", "1", "2", "3", "4", "5"], descriptions: ["", "", "", "", "", ""]))
    let cuts = try #require(RetailSplit.Cuts(of: dataset, at: 10 * day))
    #expect(cuts == RetailSplit.Cuts(test: 10 * day, tuning: 7 * day))
    let split = RetailSplit(dataset, cuts: cuts, tuning: false)
    #expect(split.histories[0].rows.map(\.item) == [0, 1, 2, 3])
    #expect(split.evaluated.map(\.all) == [[4, 5]])
    let tuning = RetailSplit(dataset, cuts: cuts, tuning: true)
    #expect(tuning.histories[0].rows.map(\.item) == [0, 1])
    #expect(tuning.evaluated.map(\.all) == [[2, 3]])
    // Nothing before, or nothing after.
    #expect(RetailSplit.Cuts(of: dataset, at: 0) == nil)
    #expect(RetailSplit.Cuts(of: dataset, at: 12 * day + 6) == nil)
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
