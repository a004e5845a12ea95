import Foundation
import Glibc
import Synchronization
import Testing

/// All suites of this target: one after the other, since their processes share few cores.
@Suite(.serialized) enum EndToEnd {}

/// The release executables under test: `TACIT_BIN`, or `.build/release` of this package.
enum Executables {
  static let directory =
    ProcessInfo.processInfo.environment["TACIT_BIN"] ?? (packageRoot + "/.build/release")

  static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  struct Missing: Error, CustomStringConvertible {
    let path: String
    var description: String {
      "there is no executable \(path): build it with `swift build -c release`, or set TACIT_BIN"
    }
  }

  static func path(_ name: String) throws -> String {
    let path = "\(directory)/\(name)"
    guard access(path, X_OK) == 0 else { throw Missing(path: path) }
    return path
  }
}

/// A directory of its own that is removed with everything in it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/tacit-e2e-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// What a condition was waited for in vain.
struct TimedOut: Error, CustomStringConvertible {
  let description: String
}

/// Polls observable state, for a bounded time.
func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ condition: () throws -> Bool
) async throws {
  let end = ContinuousClock.now.advanced(by: limit)
  while try !condition() {
    guard ContinuousClock.now < end else {
      throw TimedOut(description: "not within \(limit): \(what)")
    }
    try await Task.sleep(for: .milliseconds(10))
  }
}

func text(of path: String) -> String {
  String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
}

/// A real process, killed at the latest when this is released.
final class ChildProcess: Sendable {
  let identifier: pid_t
  private let name: String
  private let logs: TemporaryDirectory
  private let status = Mutex<Int32?>(nil)

  /// Starts an executable of this package.
  ///
  /// - Parameter environment: added to this process's, from which every `TACIT_...` is taken out.
  init(
    _ name: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws {
    self.name = name
    logs = try TemporaryDirectory()
    let path = try Executables.path(name)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let write = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, logs.file("out"), write, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, logs.file("err"), write, 0o600)
    var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TACIT_") }
    variables.merge(environment) { $1 }
    identifier = try Self.spawn(
      path, [path] + arguments, variables.map { "\($0.key)=\($0.value)" }, &actions)
  }

  private static func spawn(
    _ path: String, _ arguments: [String], _ variables: [String],
    _ actions: inout posix_spawn_file_actions_t
  ) throws -> pid_t {
    var argv = arguments.map { strdup($0) } + [nil]
    var envp = variables.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    // A shell that starts its jobs in the background has them ignore SIGINT, and children inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGINT)
    sigaddset(&defaults, SIGTERM)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var pid: pid_t = 0
    let code = posix_spawn(&pid, path, &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw TimedOut(description: "cannot start \(path): errno \(code)") }
    return pid
  }

  deinit {
    guard collect(WNOHANG) == nil else { return }
    kill(identifier, SIGKILL)
    _ = collect(0)
  }

  /// - Returns: the exit code, or 128 + the signal; nil while the process lives.
  private func collect(_ options: Int32) -> Int32? {
    status.withLock { known in
      if let known { return known }
      var raw: Int32 = 0
      guard waitpid(identifier, &raw, options) == identifier else { return nil }
      let signal = raw & 0x7F
      known = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
      return known
    }
  }

  var isRunning: Bool { collect(WNOHANG) == nil }

  var output: String { text(of: logs.file("out")) }

  var errors: String { text(of: logs.file("err")) }

  func send(_ signal: Int32) { if isRunning { kill(identifier, signal) } }

  /// Waits for the end of the process.
  func exitCode(within limit: Duration = .seconds(90)) async throws -> Int32 {
    var code: Int32?
    do {
      try await eventually("\(name) ends", within: limit) {
        code = collect(WNOHANG)
        return code != nil
      }
    } catch {
      throw TimedOut(description: "\(error)\n\(name) printed:\n\(output)\(errors)")
    }
    return code ?? -1
  }

  /// SIGKILL, by process id, and wait.
  func killNow() async throws {
    send(SIGKILL)
    #expect(try await exitCode() == 128 + SIGKILL)
  }

  /// Waits until the process has printed a text on stderr.
  func prints(_ text: String, within limit: Duration = .seconds(60)) async throws {
    do {
      try await eventually("\(name) prints \"\(text)\"", within: limit) {
        errors.contains(text) || !isRunning
      }
    } catch {
      throw TimedOut(description: "\(error)\n\(name) printed:\n\(errors)")
    }
    guard errors.contains(text) else {
      throw TimedOut(description: "\(name) ended and never printed \"\(text)\":\n\(errors)")
    }
  }
}

/// What a command that ran to its end printed.
struct Outcome {
  let code: Int32
  let output: String
  let errors: String
}

/// Runs a command to its end.
func run(
  _ name: String, _ arguments: [String], environment: [String: String] = [:]
) async throws -> Outcome {
  let child = try ChildProcess(name, arguments, environment: environment)
  let code = try await child.exitCode()
  return Outcome(code: code, output: child.output, errors: child.errors)
}

/// A TCP port of loopback that is free now, outside the range of outgoing connections.
func freePort() throws -> UInt16 {
  for _ in 0..<100 {
    let port = UInt16.random(in: 15_000..<30_000)
    if let listener = try? LoopbackListener(port: port) {
      _ = consume listener
      return port
    }
  }
  throw TimedOut(description: "no port is free on 127.0.0.1")
}

/// A listening socket that answers nothing, to see whether someone knocks.
final class LoopbackListener {
  private let descriptor: Int32

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK, 0)
    var reuse: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0, listen(descriptor, 8) == 0 else {
      close(descriptor)
      throw POSIXError(.EADDRINUSE)
    }
  }

  deinit { close(descriptor) }

  /// Whether anyone has connected so far.
  var wasKnockedAt: Bool {
    let peer = accept(descriptor, nil, nil)
    if peer >= 0 { close(peer) }
    return peer >= 0
  }
}
