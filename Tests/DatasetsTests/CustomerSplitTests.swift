import Datasets
import Foundation
import Recommendation
import Testing

@Suite("CustomerSplit")
struct CustomerSplitTests {
  static func dataset(customers: [String] = ["a", "b", "c"]) throws -> InteractionDataset {
    func event(_ customer: Int, _ item: Int, _ seconds: Int64, _ occasion: Int) -> Interaction {
      Interaction(
        customer: customer, item: item, kind: .purchase, seconds: seconds, value: 2.5,
        occasion: occasion)
    }
    return InteractionDataset(
      name: "made",
      events: [
        event(0, 1, 90_061, 1), event(0, 0, 0, 0), event(1, 1, 5, 2), event(2, 0, 200_000, 3),
      ], customers: customers, occasions: ["i1", "i,2", "i3", "i4"],
      catalogue: try Catalogue(
        codes: ["10", "20"], descriptions: ["A \"RED\" CUP", "CUP, BLUE"]))
  }

  @Test("one file a customer, by time, the whole price list, and a manifest")
  func files() throws {
    let directory = try TemporaryDirectory()
    let summary = try CustomerSplit(
      Self.dataset(), period: .before(seconds: 100_000), attribution: "made up"
    ).write(to: "\(directory.path)/out")
    #expect(summary.customers == 2)
    #expect(summary.events == 3)
    #expect(summary.items == 2)
    #expect(
      try directory.tree("out")
        == ["catalogue.csv", "customers", "customers/a.csv", "customers/b.csv", "manifest.json"])
    #expect(
      try directory.read("out/customers/a.csv") == """
        kind,item,time,value,occasion
        purchase,10,1970-01-01 00:00:00,2.5,i1
        purchase,20,1970-01-02 01:01:01,2.5,"i,2"

        """)
    #expect(
      try directory.read("out/catalogue.csv")
        == "code,description\n10,\"A \"\"RED\"\" CUP\"\n20,\"CUP, BLUE\"\n")
    let manifest = try directory.read("out/manifest.json")
    #expect(manifest.contains("\"events_before\": \"1970-01-02 03:46:40\""))
    #expect(manifest.contains("\"attribution\": \"made up\""))
    #expect(manifest.contains("\"customers\": 2"))
  }

  @Test("a directory that holds something is refused and not touched")
  func refusesNonEmpty() throws {
    let directory = try TemporaryDirectory()
    _ = try directory.write("mine", to: "kept")
    #expect(throws: DatasetError.outputNotEmpty(path: directory.path)) {
      try CustomerSplit(Self.dataset(), period: .whole).write(to: directory.path)
    }
    #expect(try directory.tree() == ["kept"])
  }

  @Test("an empty directory is used, with or without a slash at the end")
  func usesEmpty() throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: "\(directory.path)/out", withIntermediateDirectories: false)
    _ = try CustomerSplit(Self.dataset(), period: .whole).write(to: "\(directory.path)/out/")
    #expect(try directory.tree("out/customers") == ["a.csv", "b.csv", "c.csv"])
  }

  @Test(
    "an id that is no file name leaves nothing behind",
    arguments: ["../b", ".b", "b/c", "", String(repeating: "b", count: 65), "b\u{0}"])
  func unsafeID(id: String) throws {
    let directory = try TemporaryDirectory()
    let dataset = try Self.dataset(customers: ["a", id, "c"])
    #expect {
      try CustomerSplit(dataset, period: .whole).write(to: "\(directory.path)/out")
    } throws: { error in
      guard case DatasetError.invalidRequest(let reason) = error else { return false }
      return reason.hasPrefix("customer number 2 ")
    }
    #expect(try directory.tree().isEmpty)
  }

  @Test("a write that fails halfway leaves nothing behind")
  func failureHalfway() throws {
    let directory = try TemporaryDirectory()
    // Two ids that one file name must serve: the second cannot be created.
    let dataset = try Self.dataset(customers: ["a", "a", "c"])
    #expect {
      try CustomerSplit(dataset, period: .whole).write(to: "\(directory.path)/out")
    } throws: { error in
      guard case DatasetError.unwritable(let path, _) = error else { return false }
      return path.hasSuffix("customers/a.csv")
    }
    #expect(try directory.tree().isEmpty)
  }

  @Test(
    "a path that cannot be a directory is an error with the reason",
    arguments: [
      ("kept/out", "kept/.out.partial", "Not a directory"),
      ("kept", "kept", "not a directory that can be listed"),
    ])
  func fileInTheWay(output: String, named: String, reason: String) throws {
    let directory = try TemporaryDirectory()
    _ = try directory.write("mine", to: "kept")
    #expect {
      try CustomerSplit(Self.dataset(), period: .whole).write(to: "\(directory.path)/\(output)")
    } throws: { error in
      switch error {
      case DatasetError.unwritable(let path, let found),
        DatasetError.unreadable(let path, let found):
        path.hasPrefix("\(directory.path)/\(named)") && found == reason
      default: false
      }
    }
    #expect(try directory.read("kept") == "mine")
  }

  @Test("more customers than there are is an error that says how many there are")
  func tooMany() throws {
    let directory = try TemporaryDirectory()
    #expect(
      throws: DatasetError.invalidRequest(
        reason: "made has 2 customers with events in this period, 3 were asked for")
    ) {
      try CustomerSplit(Self.dataset(), period: .before(seconds: 100_000), userLimit: 3)
        .write(to: "\(directory.path)/out")
    }
  }

  @Test("a smaller choice is part of a larger one and does not follow the order of ids")
  func nestedChoice() {
    let customers = (0..<500).map { (index: $0, id: String(12_346 + $0)) }
    let small = CustomerSplit.chosen(50, of: customers)
    let large = CustomerSplit.chosen(200, of: customers)
    #expect(small.count == 50)
    #expect(Set(small).isSubset(of: large))
    #expect(small == small.sorted())
    // Fifty of 500 by a fixed hash: the mean index is 249.5, its standard deviation 19.4; 5 of them.
    let mean = Double(small.reduce(0, +)) / 50
    #expect(abs(mean - 249.5) < 97)
  }

  @Test("the choice is fixed: published SHA-256 values order it")
  func hashOrder() {
    // FIPS 180 examples: "" e3b0c442..., "abc" ba7816bf...; "a" ca978112... (RFC 1321's strings).
    let customers = [(index: 0, id: ""), (index: 1, id: "a"), (index: 2, id: "abc")]
    #expect(CustomerSplit.chosen(1, of: customers) == [2])
    #expect(CustomerSplit.chosen(2, of: customers) == [1, 2])
  }
}
