import Foundation
import Operations
import Testing

@Suite("The version of this program") struct ProductVersionTests {
  @Test("the operator's page on upgrading is about this version") func upgrading() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/operations.md").standardized
    let lines = try String(contentsOf: page, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex(of: "## Upgrading"))
    let section = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }
    let first = try #require(section.first)
    #expect(first.hasPrefix("To \(ProductVersion.current) from "))
  }
}
