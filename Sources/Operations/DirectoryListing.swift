internal import Glibc

/// Names in a directory.
package enum DirectoryListing {
  /// - Returns: names without `.` and `..`, ascending by their bytes.
  /// - Throws: `CommandFailure` (exit 5) when the directory cannot be read.
  package static func names(in path: String) throws -> [String] {
    guard let directory = opendir(path) else {
      throw CommandFailure(
        what: "the directory \(path) cannot be read", why: String(cString: strerror(errno)),
        next: "check the path", exit: .invalidConfiguration)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
