import Datasets
import Testing

@Suite("OpenBanditLog")
struct OpenBanditLogTests {
  private func decode(_ text: String, items: Int? = nil) throws -> OpenBanditLog {
    try .decode(Array(text.utf8), file: "log.csv", itemCount: items)
  }

  private func error(_ text: String, items: Int? = nil) -> DatasetError? {
    do {
      _ = try decode(text, items: items)
      return nil
    } catch {
      return error as? DatasetError
    }
  }

  @Test(
    "columns are found by name; positions count from 0 in ascending order; the rest is passed over")
  func columns() throws {
    let log = try decode(
      """
      ,timestamp,item_id,position,click,propensity_score,user_feature_0,user-item_affinity_0,\
      user-item_affinity_1
      0,2019,1,3,0,0.5,x,0.0,0.0
      1,2019,0,1,1,1e-3,y,0.5,2

      """)
    #expect(log.items == [1, 0])
    #expect(log.positions == [1, 0])
    #expect(log.positionLabels == [1, 3])
    #expect(log.rewards == [0, 1])
    #expect(log.propensities == [0.5, 0.001])
    // The lowest among equals.
    #expect(log.favourites == [0, 1])
    #expect(log.itemCount == 2)
    #expect(log.itemCountOrigin == .affinityColumns)
    #expect(log.ignoredColumns == ["timestamp", "user_feature_0"])
  }

  @Test("without position and affinity: one position, and items up to the largest")
  func fewColumns() throws {
    let log = try decode("propensity_score,click,item_id\n0.25,1.0,4\n")
    #expect(log.positionCount == 1)
    #expect(log.itemCount == 5)
    #expect(log.itemCountOrigin == .largestItem)
    #expect(log.favourites == nil)
    #expect(try decode("item_id,click,propensity_score\n0,0,1\n", items: 9).itemCount == 9)
  }

  @Test("CR LF, a byte order mark, quoted fields, blank lines and no last line break are read")
  func textForms() throws {
    let plain = try decode("item_id,note,click,propensity_score\n1,a,1,0.5\n0,b,0,0.5\n")
    let forms = [
      "\u{FEFF}item_id,note,click,propensity_score\r\n1,\"a, \"\"q\"\"\",1,0.5\r\n0,b,0,0.5",
      "\"item_id\",\"note\",\"click\",\"propensity_score\"\n\"1\",x,\"1\",\"0.5\"\n\n0,b,0,0.5\n\n",
      " item_id , note , click , propensity_score \n1,,1,0.5\n0,,0,0.5\n",
    ]
    for form in forms {
      let log = try decode(form)
      #expect(log.items == plain.items)
      #expect(log.rewards == plain.rewards)
      #expect(log.propensities == plain.propensities)
    }
  }

  @Test(
    "a bad value is an error with its line",
    arguments: [
      ("0,1,", "propensity_score is missing"), ("0,1,0", "propensity_score is not above 0"),
      ("0,1,-0.5", "propensity_score is not above 0"),
      ("0,1,1.0001", "propensity_score is above 1"),
      ("0,1,nan", "propensity_score is not a finite number"),
      ("0,1,high", "propensity_score is not a finite number"),
      ("0,2,0.5", "click is neither 0 nor 1"),
      ("0,,0.5", "click is neither 0 nor 1"), ("-1,1,0.5", "item_id is not a whole number from 0"),
      ("1.5,1,0.5", "item_id is not a whole number from 0"),
      ("x,1,0.5", "item_id is not a whole number from 0"),
      ("9999999999,1,0.5", "item_id is not a whole number from 0"),
      ("0,1", "2 fields where the header has 3"), ("0,1,0.5,7", "4 fields where the header has 3"),
    ])
  func badValues(row: String, reason: String) throws {
    let found = error("item_id,click,propensity_score\n0,1,0.5\n\(row)\n0,0,1\n")
    guard case .badRow("log.csv", 3, let text) = found else {
      Issue.record("expected row 3 to be bad, found \(String(describing: found))")
      return
    }
    #expect(text.hasPrefix(reason))
  }

  @Test("the first bad row is named, and how many there are")
  func severalBadRows() {
    let rows = (0..<9).map { $0 % 2 == 0 ? "0,1,0.5" : "0,1,0" }.joined(separator: "\n")
    #expect(
      error("item_id,click,propensity_score\n\(rows)\n")
        == .badRow(
          file: "log.csv", row: 3,
          reason: "propensity_score is not above 0: what was shown had a chance; "
            + "4 rows are bad in all, the next: 5, 7, 9"))
  }

  @Test("items beyond the given number, bad affinities and positions, an open quote")
  func otherBadRows() {
    #expect(
      error("item_id,click,propensity_score\n3,1,0.5\n", items: 3)
        == .badRow(
          file: "log.csv", row: 2, reason: "item_id is 3, and there are 3 items, counted from 0"))
    let affinities = "item_id,click,propensity_score,position,user-item_affinity_0\n"
    #expect(
      error(affinities + "0,1,0.5,1,x\n")
        == .badRow(
          file: "log.csv", row: 2, reason: "user-item_affinity_0 is not a finite number"))
    #expect(
      error(affinities + "0,1,0.5,,1\n")
        == .badRow(file: "log.csv", row: 2, reason: "position is not a whole number from 0"))
    #expect(
      error(affinities + "0,1,0.5,\"1,1\n")
        == .badRow(
          file: "log.csv", row: 2, reason: "a quoted field is not closed on its line"))
  }

  @Test("a header without a column, or with one twice; a file without rows")
  func badFiles() throws {
    for (header, column) in [
      ("click,propensity_score", "item_id"), ("item_id,propensity_score", "click"),
      ("item_id,click", "propensity_score"),
    ] {
      guard case .badHeader("log.csv", let reason) = error(header + "\n0,1\n") else {
        Issue.record("\(column) is missing")
        continue
      }
      #expect(reason.hasPrefix("there is no column \(column):"))
    }
    #expect(
      error("item_id,click,click,propensity_score\n")
        == .badHeader(file: "log.csv", reason: "the column click stands there twice"))
    #expect(error("") == .empty(file: "log.csv"))
    #expect(error("item_id,click,propensity_score\n") == .empty(file: "log.csv"))
  }

  @Test("a policy table: campaigns, one probability a place, sums of 1")
  func policyTable() throws {
    func table(_ text: String, _ campaign: String? = nil) throws -> OpenBanditPolicyTable {
      try .decode(Array(text.utf8), file: "p.csv", campaign: campaign)
    }
    let both = "campaign,item,position,probability\na,0,1,0.25\na,1,1,0.75\nb,0,1,1\n"
    #expect(try table(both, "a").probabilities == [[0.25, 0.75]])
    #expect(try table("item,probability\n1,0.5\n0,0.5\n").probabilities == [[0.5, 0.5]])
    for (text, campaign) in [
      (both, nil), (both, "c"), ("item,probability\n0,0.9\n", nil),
      ("item,probability\n0,0.5\n0,0.5\n", nil), ("item,probability\n0,1.5\n", nil),
      ("item,probability\nx,1\n", nil), ("item,position\n0,0\n", nil), ("", nil),
    ] as [(String, String?)] {
      #expect(throws: DatasetError.self) { try table(text, campaign) }
    }
  }

  @Test("the bandit logs are no data set of customers")
  func notInteractions() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: DatasetError.self) {
      try DatasetLibrary(root: directory.path).load("open-bandit", shipped: .current())
    }
    #expect(throws: DatasetError.self) {
      try DatasetLibrary(root: directory.path).openBanditLog(
        .init(campaign: .all, behavior: .random))
    }
  }
}
