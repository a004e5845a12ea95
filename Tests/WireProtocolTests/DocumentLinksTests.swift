import Foundation
import Testing

/// Links of the project's pages among themselves.
@Suite("Links of the documents")
struct DocumentLinksTests {
  private static func pages() throws -> [URL] {
    let folders = ["", "docs", "protocol", "Benchmarks", "Fuzz"]
    return try folders.flatMap { folder in
      try FileManager.default.contentsOfDirectory(
        at: TestFile.root.appending(path: folder), includingPropertiesForKeys: nil)
    }.filter { $0.pathExtension == "md" }
  }

  /// The names by which a page's headings are linked to.
  private static func anchors(of page: URL) throws -> Set<String> {
    let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
    return Set(
      lines.filter { $0.hasPrefix("#") }.map { line in
        line.drop { $0 == "#" || $0 == " " }.lowercased()
          .filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
          .replacing(" ", with: "-")
      })
  }

  @Test("every link leads to a file that is there, and to a heading in it")
  func links() throws {
    let pages = try Self.pages()
    #expect(pages.count > 10)
    var followed = 0
    for page in pages {
      let text = try String(contentsOf: page, encoding: .utf8)
      for match in text.matches(of: /\]\(([^)\s]+)\)/) where !match.1.contains("://") {
        let parts = match.1.split(
          separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let target =
          parts[0].isEmpty
          ? page : page.deletingLastPathComponent().appending(path: String(parts[0]))
        let place = "\(page.lastPathComponent): \(match.1)"
        guard FileManager.default.fileExists(atPath: target.path) else {
          Issue.record("\(place) is not there")
          continue
        }
        followed += 1
        guard parts.count == 2 else { continue }
        #expect(try Self.anchors(of: target).contains(String(parts[1])), "\(place)")
      }
    }
    #expect(followed > 20)
  }
}
