import Datasets
import Recommendation
import Testing

@Suite("DatasetImport")
struct DatasetImportTests {
  private func decode(_ text: String, _ format: ImportFormat) throws -> InteractionDataset {
    try DatasetImport.decode(Array(text.utf8), file: "t", format: format, name: "made")
  }

  private static let recbole = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"

  @Test("RecBole rows are read in order, ids are numbered by number, codes padded")
  func recbole() throws {
    let dataset = try decode(
      Self.recbole + "10\t2\t3\t881250949\n9\t10\t4.5\t881250950.0\r\n10\t100\t1\t881250951",
      .recbole)
    #expect(dataset.customers == ["9", "10"])
    #expect(dataset.catalogue.codes == ["002", "010", "100"])
    #expect(dataset.events.map(\.customer) == [1, 0, 1])
    #expect(dataset.events.map(\.item) == [0, 1, 2])
    #expect(dataset.events.map(\.value) == [3, 4.5, 1])
    #expect(dataset.events.map(\.seconds) == [881_250_949, 881_250_950, 881_250_951])
    #expect(dataset.events.allSatisfy { $0.kind == .rating })
  }

  @Test("RecBole without ratings and times: purchases, each its own occasion")
  func recboleBare() throws {
    let dataset = try decode("item_id:token\tuser_id:token\nx\tu\nx\tu\n", .recbole)
    #expect(dataset.events.map(\.kind) == [.purchase, .purchase])
    #expect(dataset.histories()[0].rows.map(\.occasions) == [2])
  }

  @Test("u.data and ratings.dat give the same rows")
  func movieLens() throws {
    let tabs = try decode("196\t242\t3\t881250949\n186\t302\t3\t891717742\n", .movieLens)
    let colons = try decode("196::242::3::881250949\n186::302::3::891717742\n", .movieLens)
    #expect(tabs == colons)
    #expect(tabs.customers == ["186", "196"])
    #expect(tabs.events.map(\.item) == [0, 1])
  }

  @Test("CSV with a column map, quotes and a byte order mark")
  func csv() throws {
    let map = try ColumnMap(
      parsing: "customer=who,item=sku,time=when,value=paid,occasion=invoice,kind=what,"
        + "description=name")
    let dataset = try decode(
      "\u{FEFF}when,who,sku,name,paid,invoice,what,other\n"
        + "2011-10-01 10:00:00,ann,\"a,1\",\"a \"\"cup\"\"\",1.5,77,purchase,\n"
        + "2011-10-01 10:00:00,ann,b,,2,77,view,x\n", .csv(map))
    #expect(dataset.catalogue.codes == ["a,1", "b"])
    #expect(dataset.catalogue.descriptions == ["a \"cup\"", ""])
    #expect(dataset.occasions == ["77"])
    #expect(dataset.events.map(\.kind) == [.purchase, .view])
    #expect(dataset.events[0].seconds == 1_317_463_200)
  }

  @Test("ids with leading zeros stay as they are, in the order of bytes")
  func leadingZeros() throws {
    let dataset = try decode("1\t01\t1\t1\n1\t1\t1\t1\n1\t9\t1\t1\n1\t10\t1\t1\n", .movieLens)
    #expect(dataset.catalogue.codes == ["01", "1", "10", "9"])
  }

  private static let timeForms =
    "the time is none of YYYY-MM-DD, YYYY-MM-DD HH:MM:SS, YYYY-MM-DDTHH:MM:SSZ and seconds from 1970"

  @Test(
    "times as logs write them",
    arguments: [
      ("2011-10-01", 1_317_427_200), ("2011-10-01 00:00:01", 1_317_427_201),
      ("2011-10-01T00:00:01", 1_317_427_201), ("2011-10-01T00:00:01Z", 1_317_427_201),
      ("1317427201", 1_317_427_201), ("1317427201.9", 1_317_427_201),
    ])
  func times(text: String, seconds: Int64) throws {
    #expect(try decode("1\t2\t3\t\(text)\n", .movieLens).events.map(\.seconds) == [seconds])
  }

  @Test(
    "what is no time, or one in another unit, is refused",
    arguments: [
      "2011-10-01Z", "2011-10-01T", "2011-10-01T00:00:01+01:00", "T00:00:01", "10/1/2011", "",
      "1317427201000", "2011-10-01TT00:00:01",
    ])
  func noTimes(text: String) {
    #expect(throws: DatasetError.badRow(file: "t", row: 1, reason: Self.timeForms)) {
      try decode("1\t2\t3\t\(text)\n", .movieLens)
    }
  }

  @Test("a log's own words for kinds stand beside ours")
  func words() throws {
    var map = try ColumnMap(parsing: "customer=u,item=i,kind=k")
    try map.readKinds("addtocart=cart,transaction=purchase")
    let dataset = try decode("u,i,k\n1,a,addtocart\n1,b,transaction\n1,c,view\n", .csv(map))
    #expect(dataset.events.map(\.kind) == [.cart, .purchase, .view])
    #expect(
      throws: DatasetError.badRow(
        file: "t", row: 2,
        reason: "the kind is not one of addtocart, transaction, view, click, cart, purchase, rating"
      )
    ) { try decode("u,i,k\n1,a,buy\n", .csv(map)) }
    for bad in ["buy", "buy=bought", "=cart", "a=cart,a=view", ""] {
      #expect(throws: DatasetError.self) {
        var map = try ColumnMap(parsing: "customer=u,item=i,kind=k")
        try map.readKinds(bad)
      }
    }
    #expect(throws: DatasetError.self) {
      var map = try ColumnMap(parsing: "customer=u,item=i")
      try map.readKinds("a=cart")
    }
  }

  @Test(
    "the first row that is wrong is named",
    arguments: [
      ("1\t2\t3\n", 1, "3 fields where there should be 4"),
      ("1\t2\t3\t4\n\n", 2, "1 fields where there should be 4"),
      ("1\t2\t3\t4\n1\t2\t3\t4\t5\n", 2, "5 fields where there should be 4"),
      ("1\t2\tx\t4\n", 1, "the value is not a finite number"),
      ("1\t2\tnan\t4\n", 1, "the value is not a finite number"),
      ("1\t2\tinf\t4\n", 1, "the value is not a finite number"),
      ("1\t2\t3\t-1\n", 1, Self.timeForms),
      ("1\t2\t3\t1e300\n", 1, Self.timeForms),
      ("\t2\t3\t4\n", 1, "the customer is empty"),
      ("1\t\t3\t4\n", 1, "the item is empty"),
      ("1\t2\u{0}\t3\t4\n", 1, "the line is not UTF-8 text"),
      ("1\t\(String(repeating: "x", count: 129))\t3\t4\n", 1, "the item is longer than 128 bytes"),
      (
        "1\t2\t3\t4\n\(String(repeating: "x", count: (1 << 16) + 1))", 2,
        "the line is longer than 65536 bytes"
      ),
    ])
  func badRow(text: String, row: Int, reason: String) {
    #expect(throws: DatasetError.badRow(file: "t", row: row, reason: reason)) {
      try decode(text, .movieLens)
    }
  }

  @Test("bytes that are not UTF-8 are named")
  func badEncoding() {
    #expect(throws: DatasetError.badRow(file: "t", row: 1, reason: "the line is not UTF-8 text")) {
      try DatasetImport.decode([0x31, 0x09, 0xC3, 0x28], file: "t", format: .movieLens, name: "n")
    }
  }

  @Test(
    "a broken quotation is named",
    arguments: [
      ("\"a", "a quoted field is not closed on its line"),
      ("\"a\"b,c", "something follows the closing quote of a field"),
      ("a\"b,c", "a quote stands inside an unquoted field"),
    ])
  func badQuotes(line: String, reason: String) {
    let map = ColumnMap(customer: "u", item: "i")
    #expect(throws: DatasetError.badRow(file: "t", row: 2, reason: reason)) {
      try decode("u,i\n\(line)\n", .csv(map))
    }
  }

  @Test(
    "a header that does not fit is named",
    arguments: [
      "", "user_id\titem_id\n", "user_id:token\trating:float\n",
      "user_id:token\titem_id:token\tuser_id:token\n", "user_id:token\titem_id:text\n",
    ])
  func badHeader(text: String) {
    #expect {
      try decode(text, .recbole)
    } throws: { error in
      guard case DatasetError.badHeader("t", _) = error else { return false }
      return true
    }
  }

  @Test("columns that the map names must be there once")
  func missingColumns() {
    let map = ColumnMap(customer: "u", item: "i")
    #expect(throws: DatasetError.badHeader(file: "t", reason: "no column i")) {
      try decode("u,x\na,b\n", .csv(map))
    }
    #expect(throws: DatasetError.badHeader(file: "t", reason: "i occurs twice")) {
      try decode("u,i,i\na,b,c\n", .csv(map))
    }
  }

  @Test("a table without rows is an error")
  func empty() {
    #expect(throws: DatasetError.empty(file: "t")) { try decode(Self.recbole, .recbole) }
  }

  @Test(
    "a column map that is not one is refused",
    arguments: [
      "", "customer=a", "item=b", "customer=a,item=", "customer=a,item=b,price=c",
      "customer=a,item=b,item=c", "customer",
    ])
  func badMap(text: String) {
    #expect(throws: DatasetError.self) { try ColumnMap(parsing: text) }
  }

  @Test("random bytes never trap")
  func randomBytes() {
    var state: UInt64 = 1
    let alphabet = Array("0129a\t\t,,\"\n\n::\r".utf8) + [0x00, 0xC3, 0xFF]
    let map = ColumnMap(customer: "a", item: "1")
    var refused = 0
    for _ in 0..<2_000 {
      let bytes = (0..<60).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return alphabet[Int(state >> 33) % alphabet.count]
      }
      for (header, format) in [
        ("", ImportFormat.movieLens), ("a,1\n", .csv(map)), (Self.recbole, .recbole),
      ] {
        do {
          _ = try DatasetImport.decode(
            Array(header.utf8) + bytes, file: "t", format: format, name: "n")
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > 5_000)
  }
}
