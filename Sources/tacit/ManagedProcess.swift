internal import Foundation
internal import Glibc
internal import Operations
internal import Synchronization

/// A child process of the demo; `ProcessTable` ends it.
final class ManagedProcess: Sendable {
  let name: String
  let identifier: Int32
  let logPath: String
  private let status = Mutex<Int32?>(nil)

  /// Starts `executable`, with both outputs going to `logPath`.
  ///
  /// - Throws: `CommandFailure` when the program cannot be started.
  init(name: String, executable: String, arguments: [String], logPath: String) throws {
    self.name = name
    self.logPath = logPath
    let descriptor = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw CommandFailure(
        what: "cannot write \(logPath)", why: String(cString: strerror(errno)),
        next: "check --out", exit: .failure)
    }
    defer { close(descriptor) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
    posix_spawn_file_actions_adddup2(&actions, descriptor, 2)
    // A process group of their own keeps a terminal's Ctrl-C away from the children: the demo ends
    // them in order. SIGINT and SIGTERM are ignored in the demo and must not be in the children.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGINT)
    sigaddset(&defaults, SIGTERM)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
    posix_spawnattr_setpgroup(&attributes, 0)

    var pointers: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    var pid: pid_t = 0
    let result = posix_spawn(&pid, executable, &actions, &attributes, pointers, environ)
    guard result == 0 else {
      throw CommandFailure(
        what: "cannot start \(executable)", why: String(cString: strerror(result)),
        next: "build the release executables: swift build -c release", exit: .failure)
    }
    identifier = pid
  }

  /// The exit code, or 128 + the signal; nil while the process lives.
  var exitCode: Int32? {
    status.withLock { known in
      if let known { return known }
      var raw: Int32 = 0
      guard waitpid(identifier, &raw, WNOHANG) == identifier else { return nil }
      let signal = raw & 0x7F
      let code = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
      known = code
      return code
    }
  }

  func send(signal number: Int32) {
    if exitCode == nil { kill(identifier, number) }
  }

  /// The last lines of what it printed.
  func lastLines(_ count: Int) -> String {
    // A log that cannot be read has no last lines.
    let bytes = (try? DurableFile.read(logPath, limit: 1 << 24)) ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(count)
      .joined(separator: "\n")
  }
}

/// The children of the demo, ended together.
final class ProcessTable: Sendable {
  /// Nil once they were ended.
  private let children = Mutex<[ManagedProcess]?>([])

  /// Starts a child. Under the lock, so that none is started beside or after ``endAll()``, which would not see it.
  ///
  /// - Throws: `CancellationError` once the children were ended; what `start` throws.
  func add(_ start: () throws -> ManagedProcess) throws -> ManagedProcess {
    try children.withLock { children in
      guard children != nil else { throw CancellationError() }
      let child = try start()
      children?.append(child)
      return child
    }
  }

  /// SIGTERM, a moment to leave, then SIGKILL; returns when none is left.
  func endAll() async {
    let all = children.withLock { children in
      defer { children = nil }
      return children ?? []
    }
    for child in all { child.send(signal: SIGTERM) }
    let end = ContinuousClock.now.advanced(by: .seconds(5))
    while ContinuousClock.now < end, all.contains(where: { $0.exitCode == nil }) {
      usleep(20_000)
    }
    for child in all { child.send(signal: SIGKILL) }
    while all.contains(where: { $0.exitCode == nil }) { usleep(5_000) }
  }
}
