import Datasets
import Foundation
import Recommendation

/// Which build this is: numeric suites run in a release pass, where they take seconds.
enum Build {
  #if DEBUG
    static let isOptimized = false
  #else
    static let isOptimized = true
  #endif
}

/// The data set that ships with Tacit, read once for all tests.
enum Retail {
  static let split = Result { RetailSplit(try OnlineRetail.load(from: .current())) }
}

/// A directory for one test, removed when the value goes.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("tacit-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    // A directory that stays behind in the temporary directory fails no test.
    try? FileManager.default.removeItem(atPath: path)
  }

  func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }
}

/// A history of items bought once each.
func history(_ items: [Int]) -> CustomerHistory {
  CustomerHistory(rows: items.sorted().map { .init(item: $0, occasions: 1, lastSeconds: 0) })
}

func catalogue(_ count: Int) throws -> Catalogue {
  try Catalogue(
    codes: (0..<count).map { String(1_000 + $0) },
    descriptions: (0..<count).map { "item number \($0)" })
}
