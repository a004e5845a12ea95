import Foundation
import Operations
import Testing

@Suite struct HTMLReportTests {
  private func report() -> HTMLReport {
    var report = HTMLReport(title: "Private training of 4,334 customers")
    report.paragraph("Mode sealed: the coordinator sees each update, decrypted in memory.")
    report.note("These figures are not covered by epsilon.", kind: .warning)
    report.heading("Accuracy")
    report.table(
      caption: "Recall@20", columns: [.init("model"), .init("new", .right)],
      rows: [["popularity", "0.030"], ["federated, private", "0.071"]])
    report.figure(
      SVGPlot.bars(
        title: "Recall@20", description: "Private beats popularity.",
        categories: ["popularity", "private"], valueLabel: "recall@20",
        bars: [.init("new", values: [0.0301, 0.071])]),
      caption: "Recall@20 on new items.")
    report.heading("Ledger", level: 3)
    report.list(["chain complete", "budget recomputed"])
    report.code("{\"index\":0,\n \"kind\":\"genesis\"}")
    report.note("The audit passed.", kind: .success)
    return report
  }

  @Test("a page with one of each part")
  func wholePage() throws {
    try expectGolden(report().html(), "report.html")
  }

  @Test("the page loads nothing, runs nothing, and tells the browser to refuse both")
  func selfContained() {
    let html = report().html()
    for forbidden in ["<script", "src=", "href=", "url(", "@import", "onload", "<link", "<iframe"] {
      #expect(!html.contains(forbidden), "\(forbidden)")
    }
    #expect(html.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""))
    let addresses = html.matches(of: /https?:\/\/[^"]*/).map { String($0.output) }
    #expect(Set(addresses) == ["http://www.w3.org/2000/svg"])
  }

  @Test("every part escapes its text")
  func escaping() throws {
    let hostile = "<img src=x onerror=alert(1)>&\"'\u{7}"
    var report = HTMLReport(title: hostile)
    report.heading(hostile)
    report.paragraph(hostile)
    report.list([hostile])
    report.note(hostile)
    report.code(hostile)
    report.table(caption: hostile, columns: [.init(hostile)], rows: [[hostile]])
    report.figure(
      SVGPlot.lines(
        title: hostile, description: "", x: .init("x"), y: .init("y"), lines: []),
      caption: hostile)
    let html = report.html()
    #expect(!html.contains("<img"))
    #expect(!html.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    // Below the head, whose `<meta>` is HTML and not XML, the page is well-formed.
    let body = try #require(html.range(of: "<body>"))
    let page = String(html[body.lowerBound...]).replacingOccurrences(of: "</html>", with: "")
    #expect(isWellFormedXML(page))
  }
}
