package import ArgumentParser
internal import Glibc

/// Runs a command and turns its errors into messages and exit codes.
package enum CommandRunner {
  /// Parses the arguments, runs the command and ends the process.
  ///
  /// A `CommandFailure` is printed in its three parts and ends with its code; wrong arguments end
  /// with 2 (usage); anything else ends with 1.
  package static func run<Command: AsyncParsableCommand>(_ command: Command.Type) async -> Never {
    // A write past the limit of file sizes then fails with an error, as on a full disk, instead of
    // ending the process.
    signal(SIGXFSZ, SIG_IGN)
    do {
      var parsed = try Command.parseAsRoot()
      if var asynchronous = parsed as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try parsed.run()
      }
      exit(ExitStatus.ok.rawValue)
    } catch let failure as CommandFailure {
      failure.report()
      exit(failure.exit.rawValue)
    } catch let code as ExitCode {
      exit(code.rawValue)
    } catch {
      let status = Command.exitCode(for: error)
      let text = Command.fullMessage(for: error)
      guard status != .success else {
        print(text)
        exit(ExitStatus.ok.rawValue)
      }
      StandardError.write(text + "\n")
      exit(status == .validationFailure ? ExitStatus.usage.rawValue : ExitStatus.failure.rawValue)
    }
  }
}

/// The version of every executable of this package.
package enum ProductVersion {
  package static let current = "0.6.0"
}
