import Foundation
import Testing

/// The table of `docs/threat-model.md` names a test for each of its lines.
@Suite("Threat model")
struct ThreatModelTests {
  /// Texts of all test files, by suite.
  private static func suites() throws -> [Substring: String] {
    var suites: [Substring: String] = [:]
    let tests = TestFile.root.appending(path: "Tests")
    for case let url as URL in try #require(
      FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil))
    where url.pathExtension == "swift" {
      let name = url.deletingPathExtension().lastPathComponent
      suites[name[...], default: ""] += try String(contentsOf: url, encoding: .utf8)
    }
    return suites
  }

  @Test("every test that the table of adversaries names is there")
  func namedTests() throws {
    let suites = try Self.suites()
    let lines = try String(
      contentsOf: TestFile.root.appending(path: "docs/threat-model.md"), encoding: .utf8
    ).split(separator: "\n").drop { !$0.hasPrefix("## Adversary by mode") }
      .dropFirst().prefix { !$0.hasPrefix("##") }.filter { $0.hasPrefix("|") }.dropFirst(2)
    #expect(lines.count > 20)
    for line in lines {
      let cell = line.split(separator: "|").last ?? ""
      // Suites are in backquotes, names of their tests follow in quotes.
      let parts = cell.split(separator: "`")
      let named = parts.indices.filter { parts[$0].hasSuffix("Tests") }
      #expect(!named.isEmpty, "\(line)")
      for index in named {
        let text = suites[parts[index]]
        #expect(text != nil, "\(parts[index])")
        guard index + 1 < parts.count else { continue }
        let quoted = parts[index + 1].split(separator: "\"", omittingEmptySubsequences: false)
        for phrase in quoted.indices.filter({ $0 % 2 == 1 }).map({ quoted[$0] }) {
          #expect(text?.contains(phrase) == true, "\(parts[index]) \(phrase)")
        }
      }
    }
  }
}
