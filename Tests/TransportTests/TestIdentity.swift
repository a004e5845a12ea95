import Glibc

@testable import Transport

/// A directory of its own that is removed with everything in it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/tacit-transport-XXXXXX".utf8CString)
    guard let created = mkdtemp(&template) else { throw POSIXFailure(code: errno) }
    path = String(cString: created)
  }

  deinit {
    guard let listing = opendir(path) else { return }
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { unlink("\(path)/\(name)") }
    }
    closedir(listing)
    rmdir(path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

struct POSIXFailure: Error {
  let code: Int32
}

/// Identities for tests, made in a temporary directory that is gone when this returns.
enum TestIdentity {
  /// Any time will do: nothing in a test reads a clock unless it says so.
  static let nowSeconds = Int64(time(nil))

  static func make(validityDays: Int = 1) throws -> TLSIdentity {
    let directory = try TemporaryDirectory()
    try TLSIdentity.generate(
      certificatePath: directory.file("certificate"), keyPath: directory.file("key"),
      commonName: "test", validityDays: validityDays, nowSeconds: nowSeconds)
    return try TLSIdentity.load(
      certificatePath: directory.file("certificate"), keyPath: directory.file("key"),
      nowSeconds: nowSeconds)
  }
}
