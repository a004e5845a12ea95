import Operations
import Testing

/// Formatting, tables and messages for a screen.
@Suite struct TextTests {
  @Test(
    "decimals",
    arguments: [
      (0.0710, 4, "0.0710"), (-0.0004, 3, "0.000"), (-1.5, 0, "-2"), (2.5, 0, "3"),
      (1_234.5, 1, "1234.5"), (0, 2, "0.00"), (9.995, 1, "10.0"), (.nan, 2, "n/a"),
      (-.infinity, 2, "-inf"), (1e20, 2, "1e+20"),
    ])
  func decimal(value: Double, places: Int, text: String) {
    #expect(Format.decimal(value, places: places) == text)
  }

  @Test(
    "counts",
    arguments: [
      (0, "0"), (999, "999"), (1_000, "1,000"), (-396_337, "-396,337"),
      (Int.min, "-9,223,372,036,854,775,808"),
    ])
  func count(value: Int, text: String) {
    #expect(Format.count(value) == text)
  }

  @Test(
    "sizes",
    arguments: [
      (0, "0 B"), (980, "980 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_550, "1.6 kB"),
      (262_144, "262 kB"), (999_600, "1.0 MB"), (7_600_000_000, "7.6 GB"),
    ])
  func bytes(count: Int, text: String) {
    #expect(Format.bytes(count) == text)
  }

  @Test(
    "lengths of time",
    arguments: [
      (Duration.milliseconds(0), "0.0 s"), (.milliseconds(830), "0.8 s"),
      (.milliseconds(9_960), "10 s"), (.seconds(59), "59 s"), (.milliseconds(59_600), "1 min 00 s"),
      (.seconds(200), "3 min 20 s"), (.seconds(7_500), "2 h 05 min"),
      (.seconds(93_600), "1 d 02 h"),
      (.seconds(-5), "0.0 s"),
    ])
  func duration(value: Duration, text: String) {
    #expect(Format.duration(value) == text)
  }

  @Test("a share in percent") func percent() {
    #expect(Format.percent(0.284) == "28 %")
    #expect(Format.percent(0.0005, places: 2) == "0.05 %")
  }

  @Test("control characters cannot reach the terminal")
  func plainText() {
    #expect(PlainText.line("a\nb\tc\u{1B}[2J\u{9B}") == "a b c\u{FFFD}[2J\u{FFFD}")
  }

  @Test("columns count wide characters twice and combined ones once")
  func columns() {
    #expect(PlainText.columns("abc") == 3)
    #expect(PlainText.columns("e\u{301}") == 1)
    #expect(PlainText.columns("日本") == 4)
    #expect(PlainText.truncated("日本語", to: 5) == "日本…")
    #expect(PlainText.truncated("日本語", to: 4) == "日…")
    #expect(PlainText.truncated("abc", to: 3) == "abc")
    #expect(PlainText.truncated("abc", to: 0) == "")
  }

  @Test("a table aligns its columns and has no trailing blanks")
  func table() {
    var table = TextTable(columns: [.init("model"), .init("recall", .right), .init("note")])
    table.append(["popularity", "0.030", ""])
    table.append(["EASE", "0.0855", "日本"])
    #expect(
      table.text() == """
        model       recall  note
        ----------  ------  ----
        popularity   0.030
        EASE        0.0855  日本

        """)
  }

  @Test("a table that is too wide cuts its texts and keeps its numbers", arguments: [30, 50, 80])
  func narrowTable(width: Int) {
    var table = TextTable(columns: [.init("item"), .init("price", .right), .init("why")])
    let text = String(repeating: "WHITE HANGING HEART ", count: 5)
    table.append([text, "2.55", text])
    let lines = table.lines(width: width)
    #expect(lines.allSatisfy { PlainText.columns($0) <= width })
    #expect(lines.last?.contains(" 2.55 ") == true)
    #expect(lines.last?.contains("…") == true)
  }

  @Test("a failure is three labelled lines")
  func failure() {
    let failure = CommandFailure(
      what: "port 8443 is busy", why: "another process\nlistens on it", next: "choose --port",
      exit: .temporary)
    #expect(
      failure.description == """
        error: port 8443 is busy
        why:   another process listens on it
        next:  choose --port
        """)
  }

  @Test("the exit codes are those of the design")
  func exitCodes() {
    #expect(
      ExitStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 75, 130])
    #expect(ExitStatus.code(forSignal: 15) == 143)
  }
}
