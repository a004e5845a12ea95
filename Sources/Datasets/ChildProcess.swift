internal import Glibc

/// Runs a program and waits for it.
///
/// The child stays in this process's group, so that Ctrl-C on the terminal stops both. The call
/// blocks: not for the cooperative pool.
package enum ChildProcess {
  /// Runs `arguments[0]`, found in PATH, with standard output sent to standard error.
  ///
  /// - Throws: `DatasetError.commandFailed` if it does not start, ends with another status than 0,
  ///   or is ended by a signal.
  package static func run(_ arguments: [String]) throws(DatasetError) {
    guard let program = arguments.first else {
      throw .commandFailed(command: "", status: nil, reason: "no program is named")
    }
    let command = arguments.prefix(4).joined(separator: " ")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    var child = pid_t()
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    let failure = posix_spawnp(&child, program, &actions, nil, pointers, environ)
    guard failure == 0 else {
      throw .commandFailed(
        command: command, status: nil, reason: String(cString: strerror(failure)))
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else {
        throw .commandFailed(command: command, status: nil, reason: FileAccess.systemReason())
      }
    }
    // The layout of a wait status (WIFEXITED, WEXITSTATUS, WTERMSIG are macros).
    let signal = status & 0x7F
    guard signal == 0 else {
      throw .commandFailed(
        command: command, status: nil, reason: "it was ended by signal \(signal)")
    }
    let code = status >> 8 & 0xFF
    guard code == 0 else {
      throw .commandFailed(command: command, status: code, reason: "see its output above")
    }
  }
}
