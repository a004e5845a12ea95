import Foundation

/// Files beside the tests and the specification.
enum TestFile {
  private static let here = URL(filePath: #filePath).deletingLastPathComponent()

  /// The folder of the package.
  static let root = here.deletingLastPathComponent().deletingLastPathComponent()

  /// Lines of `name` in this folder, without comments and empty lines.
  static func lines(_ name: String) throws -> [String] {
    try String(contentsOf: here.appending(path: name), encoding: .utf8)
      .split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
  }

  /// The bytes of every file in folder `name`, by file name, in order.
  static func contents(ofFolder name: String) throws -> [(name: String, bytes: [UInt8])] {
    let folder = here.appending(path: name)
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .map { ($0, Array(try Data(contentsOf: folder.appending(path: $0)))) }
  }

  /// Lines of `protocol/SPEC.md`.
  static func specification() throws -> [String] {
    try String(contentsOf: root.appending(path: "protocol/SPEC.md"), encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}
