internal import Foundation
internal import Glibc
internal import Operations

/// The other executables, beside this one.
struct ToolPaths {
  private let directory: String

  /// - Throws: `CommandFailure` when this program cannot find itself.
  init() throws {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? -1
    }
    let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    guard let slash = path.lastIndex(of: "/") else {
      throw CommandFailure(
        what: "the executables cannot be found", why: "/proc is not readable",
        next: "run this where /proc is mounted", exit: .failure)
    }
    directory = String(path[..<slash])
  }

  /// Starts a tool that goes on running.
  func start(_ name: String, _ arguments: [String], log: String) throws -> ManagedProcess {
    try ManagedProcess(
      name: name, executable: "\(directory)/\(name)", arguments: arguments, logPath: log)
  }

  /// Runs a tool to its end.
  func run(_ name: String, _ arguments: [String]) throws { _ = try output(name, arguments) }

  /// Runs a tool to its end.
  ///
  /// - Returns: what it printed on stdout.
  /// - Throws: `CommandFailure` with what it printed on stderr.
  func output(_ name: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "\(directory)/\(name)")
    process.arguments = arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    do {
      try process.run()
    } catch {
      throw CommandFailure(
        what: "cannot start \(directory)/\(name)", why: "\(error)",
        next: "build the release executables: swift build -c release", exit: .failure)
    }
    // Short commands: what they print fits the pipes' buffers only in part, so both are read.
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let problems = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CommandFailure(
        what: "\(name) \(arguments.first ?? "") failed with exit code \(process.terminationStatus)",
        why: String(decoding: problems.prefix(1_000), as: UTF8.self)
          .replacingOccurrences(of: "\n", with: " "),
        next: "run it by hand: \(name) \(arguments.joined(separator: " "))", exit: .failure)
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// A TCP port of the loopback address that was free a moment ago.
enum FreePort {
  static func find() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
      }
    }
    guard descriptor >= 0, result == 0 else {
      throw CommandFailure(
        what: "no port is free on 127.0.0.1", why: String(cString: strerror(errno)),
        next: "try again later", exit: .temporary)
    }
    return UInt16(bigEndian: address.sin_port)
  }
}
