import Foundation
import Testing

@testable import BehaviorStore

/// JSON lines, and the dry run of either form.
@Suite struct ImportTests {
  let directory: TemporaryDirectory
  let store: BehaviorStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  private func importing(_ text: String) throws -> ImportSummary {
    try store.importEvents(
      path: try directory.file("events.jsonl", holding: text), format: .jsonLines)
  }

  private func checking(_ text: String, _ format: ImportFormat) throws -> ImportCheck {
    let path = try directory.file("checked", holding: text)
    return try BehaviorStore.checkImport(path: path, format: format)
  }

  @Test(
    "the form is guessed from the suffix",
    arguments: [
      ("a.csv", ImportFormat.csv), ("a", .csv), ("jsonl.txt", .csv), ("a.jsonl", .jsonLines),
      ("A.JSON", .jsonLines), ("x/a.ndjson", .jsonLines),
    ])
  func guess(name: String, format: ImportFormat) {
    #expect(ImportFormat.guessed(fromName: name) == format)
  }

  @Test("JSON lines are read as they are written; other keys, empty lines and CRLF are fine")
  func jsonLines() throws {
    let summary = try importing(
      "\u{FEFF}"
        + #"{"kind":"return","item":"85123A","time":"2010-12-01 08:26:00","value":6,"occasion":"1"}"#
        + "\n\n"
        + #"{"occasion":"\u00e4, \"b\"","value":-1e2,"time":"2012-02-29 00:00:00","item":"ä","#
        + #""kind":"view","colour":[1,{}]}"# + "\r\n")
    #expect(summary == ImportSummary(inserted: 2, alreadyPresent: 0))
    let events = try store.latestEvents(limit: 10)
    #expect(events.map(\.kind) == [.view, .returned])
    #expect(events.map(\.item) == ["ä", "85123A"])
    #expect(events.map(\.occasion) == ["ä, \"b\"", "1"])
    #expect(events.map(\.value) == [-100, 6])
    #expect(events.map(\.timeSeconds) == [1_330_473_600, 1_291_191_960])
  }

  @Test("both forms of one event are the same event")
  func formsAgree() throws {
    let csv = csvHeader + "purchase,A,2010-12-01 08:26:00,6,1\n"
    #expect(
      try store.importEvents(path: try directory.file("e.csv", holding: csv), format: .csv)
        .inserted == 1)
    #expect(
      try importing(
        #"{"kind":"purchase","item":"A","time":"2010-12-01 08:26:00","value":6,"occasion":"1"}"#)
        == ImportSummary(inserted: 0, alreadyPresent: 1))
  }

  @Test("an export can be imported on another device, and then exports the same events")
  func exportIsImportable() throws {
    try store.append([
      try purchase("A"), try purchase("A"), try purchase("B", occasion: "\"quoted\", ü"),
      try BehaviorEvent(kind: .couponSend, item: "C", timeSeconds: -1, value: 0.25, occasion: "c"),
    ])
    try store.set("other", to: "row")
    func lines(_ store: BehaviorStore) throws -> [String] {
      var lines: [String] = []
      try store.exportJSONLines { lines.append($0) }
      return lines
    }
    let exported = try lines(store)
    let other = try BehaviorStore.create(directory: directory.path + "/other", key: testKey(9))
    let path = try directory.file("all.jsonl", holding: exported.joined(separator: "\n"))
    #expect(try other.importEvents(path: path, format: .jsonLines).inserted == 4)
    #expect(
      try lines(other).filter { $0.contains("\"event\"") }
        == exported.filter { $0.contains("\"event\"") })
  }

  @Test(
    "a bad line is named with its reason, and nothing of the file is imported",
    arguments: [
      ("{", "it is not a JSON object with each key once"),
      ("[]", "it is not a JSON object with each key once"),
      (#"{"kind":"view","kind":"cart"}"#, "it is not a JSON object with each key once"),
      (#"{"kind":7}"#, "`kind` is missing or not a text"),
      (
        #"{"kind":"view","time":"2010-12-01 08:26:00","value":1}"#,
        "`item` is missing or not a text"
      ),
      (
        #"{"kind":"view","time":1291191960,"value":1,"item":"A","occasion":"s"}"#,
        "`time` is missing or not a text"
      ),
      (
        #"{"kind":"view","time":"2010-12-01","value":1,"item":"A","occasion":"s"}"#,
        "`time` is not a date and time of the form YYYY-MM-DD HH:MM:SS"
      ),
      (
        #"{"kind":"view","time":"2010-12-01 08:26:00","value":"1","item":"A","occasion":"s"}"#,
        "`value` is not a finite decimal number"
      ),
      (
        #"{"kind":"view","time":"2010-12-01 08:26:00","value":1,"item":"A","occasion":"\u0007"}"#,
        "`occasion` is not UTF-8 or holds a control character"
      ),
      (String(repeating: " ", count: (1 << 20) + 1), "it is longer than 1048576 bytes"),
    ])
  func badLine(line: String, reason: String) throws {
    let good = #"{"kind":"view","item":"A","time":"2010-12-01 08:26:00","value":1,"occasion":"1"}"#
    #expect(
      throws: BehaviorStoreError.invalidRow(
        file: directory.path + "/events.jsonl", row: 2, reason: reason)
    ) { try importing(good + "\n" + line + "\n" + good) }
    #expect(try store.eventCounts().isEmpty)
  }

  @Test("a dry run goes on after every bad row and names each by its number")
  func dryRun() throws {
    let good = "view,A,2010-12-01 08:26:00,1,1\n"
    let rows = [
      good, "buy,A,2010-12-01 08:26:00,1,1\n", good, "view,\"A\"B,2010-12-01 08:26:00,1,1\n",
      "view,A\rB,2010-12-01 08:26:00,1,1\n", good, "view\r\r\n",
      "view," + String(repeating: "A", count: 5_000) + ",2010-12-01 08:26:00,1,1\n",
      "view,\"two\nlines\",2010-12-01 08:26:00,1,1\n", good, "view,\"A,2010-12-01 08:26:00,1,1\n",
    ]
    let check = try checking(csvHeader + rows.joined(), .csv)
    #expect(check.listed.map(\.row) == [3, 5, 6, 8, 9, 10, 12])
    #expect(check.badRows == 7)
    #expect(check.events == 4)
    #expect(check.listed.last?.reason == "its last quote is not closed")
    #expect(check.listed.first?.reason.hasPrefix("`kind` is not one of") == true)
  }

  @Test("a dry run lists the first twenty bad rows and counts the others")
  func dryRunIsBounded() throws {
    let check = try checking(String(repeating: "{}\n", count: 1_000), .jsonLines)
    #expect(check.badRows == 1_000)
    #expect(check.listed.map(\.row) == Array(1...20))
    #expect(check.events == 0)
  }

  @Test("a dry run reports a wrong header as row 1 and a missing file as such")
  func dryRunOfNoTable() throws {
    let check = try checking("item,kind\n", .csv)
    #expect(
      check.listed == [
        .init(row: 1, reason: "the header is not kind,item,time,value,occasion")
      ])
    #expect(
      throws: BehaviorStoreError.unreadableFile(
        path: "/nowhere.csv", detail: "No such file or directory")
    ) { try BehaviorStore.checkImport(path: "/nowhere.csv", format: .csv) }
  }
}
