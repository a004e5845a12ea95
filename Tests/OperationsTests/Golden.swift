import Foundation
import FoundationXML
import Testing

/// Compares `text` with the file of that name in `Golden`, or records it when
/// `TACIT_RECORD_GOLDEN` is set.
func expectGolden(
  _ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden").appendingPathComponent(name)
  if ProcessInfo.processInfo.environment["TACIT_RECORD_GOLDEN"] != nil {
    try Data(text.utf8).write(to: file)
  }
  let expected = try String(contentsOf: file, encoding: .utf8)
  #expect(text == expected, "differs from Golden/\(name)", sourceLocation: sourceLocation)
}

/// Whether `text` is well-formed XML.
func isWellFormedXML(_ text: String) -> Bool {
  XMLParser(data: Data(text.utf8)).parse()
}
