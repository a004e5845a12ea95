import Foundation
import Recommendation
import Testing

@testable import BehaviorStore

/// Import, history and listing of events.
@Suite struct EventTests {
  let directory: TemporaryDirectory
  let store: BehaviorStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try BehaviorStore.create(directory: directory.path + "/device", key: testKey())
  }

  private func importing(_ body: String, header: String = csvHeader) throws -> ImportSummary {
    try store.importEvents(
      path: try directory.file("events.csv", holding: header + body), format: .csv)
  }

  @Test("rows of all kinds are read as they are written")
  func importReadsRows() throws {
    let summary = try importing(
      #"""
      purchase,85123A,2010-12-01 08:26:00,6,536365
      rating,22423,2011-02-28 23:59:59,4.5,s-1
      view,"a,""b""",2012-02-29 00:00:00,-1e2,s-2\#r
      click,äpfel,1970-01-01 00:00:00,1,s-3
      """#)
    #expect(summary == ImportSummary(inserted: 4, alreadyPresent: 0))
    let events = try store.latestEvents(limit: 10)
    #expect(events.map(\.item) == ["a,\"b\"", "22423", "85123A", "äpfel"])
    #expect(events.map(\.value) == [-100, 4.5, 6, 1])
    #expect(events.map(\.occasion) == ["s-2", "s-1", "536365", "s-3"])
    #expect(events.map(\.timeSeconds) == [1_330_473_600, 1_298_937_599, 1_291_191_960, 0])
    #expect(try store.eventCounts() == [.purchase: 1, .rating: 1, .view: 1, .click: 1])
  }

  @Test("importing a file twice changes nothing; rows alike within it are kept as often as written")
  func importIsIdempotent() throws {
    let row = "purchase,22423,2010-12-01 08:26:00,1,536365\n"
    #expect(try importing(row + row) == ImportSummary(inserted: 2, alreadyPresent: 0))
    #expect(try importing(row + row) == ImportSummary(inserted: 0, alreadyPresent: 2))
    #expect(try importing(row + row + row) == ImportSummary(inserted: 1, alreadyPresent: 2))
    #expect(try store.eventCounts() == [.purchase: 3])
  }

  @Test("rows that differ in one column only are different events")
  func everyColumnIsIdentity() throws {
    let summary = try importing(
      """
      purchase,A,2010-12-01 08:26:00,1,1
      cart,A,2010-12-01 08:26:00,1,1
      purchase,B,2010-12-01 08:26:00,1,1
      purchase,A,2010-12-01 08:26:01,1,1
      purchase,A,2010-12-01 08:26:00,2,1
      purchase,A,2010-12-01 08:26:00,1,2
      return,A,2010-12-01 08:26:00,1,1
      coupon-send,A,2010-12-01 08:26:00,1,1
      coupon-redemption,A,2010-12-01 08:26:00,1,1

      """)
    #expect(summary.inserted == 9)
    #expect(
      try store.eventCounts() == [
        .purchase: 5, .cart: 1, .returned: 1, .couponSend: 1, .couponRedemption: 1,
      ])
  }

  @Test("a header alone and a byte order mark are fine")
  func emptyImport() throws {
    #expect(
      try importing("", header: "\u{FEFF}" + csvHeader)
        == ImportSummary(inserted: 0, alreadyPresent: 0))
  }

  @Test(
    "a bad row is named with its reason, and nothing of the file is imported",
    arguments: [
      (
        "buy,A,2010-12-01 08:26:00,1,1",
        "`kind` is not one of view, click, cart, purchase, rating, return, coupon-send, "
          + "coupon-redemption"
      ),
      ("purchase,,2010-12-01 08:26:00,1,1", "`item` is empty"),
      ("purchase,A,2010-12-01 08:26:00,1,", "`occasion` is empty"),
      (
        "purchase,A,2011-02-29 08:26:00,1,1",
        "`time` is not a date and time of the form YYYY-MM-DD HH:MM:SS"
      ),
      (
        "purchase,A,2010-12-01T08:26:00,1,1",
        "`time` is not a date and time of the form YYYY-MM-DD HH:MM:SS"
      ),
      ("purchase,A,2010-12-01 08:26:00,nan,1", "`value` is not a finite decimal number"),
      ("purchase,A,2010-12-01 08:26:00,1e999,1", "`value` is not a finite decimal number"),
      ("purchase,A,2010-12-01 08:26:00,,1", "`value` is not a finite decimal number"),
      ("purchase,A,2010-12-01 08:26:00,0x10,1", "`value` is not a finite decimal number"),
      (
        "purchase,A\u{1B}[2J,2010-12-01 08:26:00,1,1",
        "`item` is not UTF-8 or holds a control character"
      ),
      ("purchase,A,2010-12-01 08:26:00,1", "it has 4 fields instead of 5"),
      ("", "it has 1 fields instead of 5"),
      ("purchase,\"A,2010-12-01 08:26:00,1,1", "its last quote is not closed"),
      (
        "purchase,\"A\"B,2010-12-01 08:26:00,1,1",
        "it has a quote that does not enclose a whole field"
      ),
      (
        "purchase,A\"B,2010-12-01 08:26:00,1,1",
        "it has a quote that does not enclose a whole field"
      ),
      ("purchase,A\r,2010-12-01 08:26:00,1,1", "it has a carriage return inside a line"),
      (
        "purchase," + String(repeating: "A", count: 257) + ",2010-12-01 08:26:00,1,1",
        "`item` is longer than 256 bytes"
      ),
      (
        "purchase," + String(repeating: "A", count: 5_000) + ",2010-12-01 08:26:00,1,1",
        "it is longer than 4096 bytes"
      ),
    ])
  func badRow(row: String, reason: String) throws {
    let good = "purchase,GOOD,2010-12-01 08:26:00,1,1\n"
    #expect(
      throws: BehaviorStoreError.invalidRow(
        file: directory.path + "/events.csv", row: 3, reason: reason)
    ) {
      try importing(good + row + "\n")
    }
    #expect(try store.eventCounts().isEmpty)
  }

  @Test("bytes that are not UTF-8 are refused")
  func notUTF8() throws {
    let path = directory.path + "/events.csv"
    var bytes = Data((csvHeader + "purchase,").utf8)
    bytes += [0xC3, 0x28] + Data(",2010-12-01 08:26:00,1,1\n".utf8)
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(
      throws: BehaviorStoreError.invalidRow(
        file: path, row: 2, reason: "`item` is not UTF-8 or holds a control character")
    ) { try store.importEvents(path: path, format: .csv) }
  }

  @Test("a wrong or missing header is refused", arguments: ["", "kind,item,time,value\n", "\n"])
  func badHeader(header: String) throws {
    #expect(
      throws: BehaviorStoreError.invalidRow(
        file: directory.path + "/events.csv", row: 1,
        reason: "the header is not kind,item,time,value,occasion")
    ) { try importing("", header: header) }
  }

  @Test("a file that is missing or a directory is named with the system's reason")
  func unreadableFile() {
    #expect(
      throws: BehaviorStoreError.unreadableFile(
        path: "/nowhere.csv", detail: "No such file or directory")
    ) { try store.importEvents(path: "/nowhere.csv", format: .csv) }
    #expect(
      throws: BehaviorStoreError.unreadableFile(
        path: directory.path, detail: "Is a directory")
    ) { try store.importEvents(path: directory.path, format: .csv) }
  }

  @Test("rows that lie across the reader's chunks arrive whole")
  func longFile() throws {
    let rows = (0..<4_000).map { "purchase,ITEM-\($0),2010-12-01 08:26:00,\($0),5363\($0 % 7)\n" }
    #expect(try importing(rows.joined()).inserted == 4_000)
    let sum = try store.latestEvents(limit: 5_000).map(\.value).reduce(0, +)
    #expect(sum == 7_998_000)  // 0 + 1 + … + 3,999
  }

  @Test("the history counts distinct occasions and keeps the last time, ascending by index")
  func history() throws {
    try store.append([
      try purchase("B", occasion: "1", atSeconds: 100),
      try purchase("B", occasion: "1", atSeconds: 100, value: 2),
      try purchase("B", occasion: "2", atSeconds: 300),
      try purchase("A", occasion: "2", atSeconds: 200),
      try purchase("UNLISTED", occasion: "2", atSeconds: 200),
      try BehaviorEvent(kind: .view, item: "A", timeSeconds: 900, value: 1, occasion: "s"),
    ])
    let index = ["A": 7, "B": 2]
    #expect(
      try store.history { index[$0] }
        == CustomerHistory(rows: [
          .init(item: 2, occasions: 2, lastSeconds: 300),
          .init(item: 7, occasions: 1, lastSeconds: 200),
        ]))
    #expect(
      try store.history(kinds: [.purchase, .view]) { index[$0] }.rows.last
        == .init(item: 7, occasions: 2, lastSeconds: 900))
    #expect(
      try store.history(since: 201) { index[$0] }
        == CustomerHistory(rows: [.init(item: 2, occasions: 1, lastSeconds: 300)]))
    #expect(try store.history(kinds: []) { index[$0] }.isEmpty)
  }

  @Test("an event refuses values that could not be stored or shown")
  func eventChecks() {
    #expect(throws: BehaviorEventProblem.textEmpty(field: "item")) { try purchase("") }
    #expect(throws: BehaviorEventProblem.valueNotFinite) { try purchase("A", value: .infinity) }
    #expect(throws: BehaviorEventProblem.timeNotNaive) { try purchase("A", atSeconds: .max) }
    for control in (0...0x10FFFF).compactMap(Unicode.Scalar.init)
    where control.properties.generalCategory == .control {
      #expect(throws: BehaviorEventProblem.textNotPrintable(field: "item")) {
        try purchase("A\(control)B")
      }
    }
    for other in [" ", "~", "\u{A0}", "\u{FFFD}"] as [Unicode.Scalar] {
      #expect(throws: Never.self) { try purchase("A\(other)B") }
    }
  }
}
