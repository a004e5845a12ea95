import Foundation
import Ledger
import Testing

/// The tables of `docs/ledger.md` against the code.
@Suite("The page about the ledger") struct LedgerDocumentTests {
  /// Names in code font in the first cell of each row of the table whose first heading is `heading`, row after row.
  private func names(under heading: String) throws -> [String] {
    let page = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/ledger.md").standardized
    let lines = try String(contentsOf: page, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasPrefix("| \(heading) |") })
    let rows = lines[(start + 2)...].prefix { $0.hasPrefix("|") }
    return rows.flatMap { row in
      let cell = row.split(separator: "|").first ?? ""
      return cell.split(separator: "`").map(String.init).filter { name in
        name.contains { $0.isLetter }
      }
    }
  }

  @Test("the kinds of entries stand in the order of the code") func kinds() throws {
    #expect(try names(under: "kind") == LedgerRecordKind.allCases.map(\.rawValue))
  }

  @Test("the row of handovers follows that of the checkpoint")
  func files() throws {
    let names = try names(under: "file")
    let place = try #require(names.firstIndex(of: "ledger.checkpoint"))
    #expect(names.firstIndex(of: "key-<entry>.checkpoint") == place + 1)
  }
}
