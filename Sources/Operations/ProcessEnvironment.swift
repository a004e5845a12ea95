internal import Glibc

/// The process's environment variables.
package enum ProcessEnvironment {
  package static var all: [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let pointer = entry.pointee {
      let text = String(cString: pointer)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      entry += 1
    }
    return variables
  }

  package static func value(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
