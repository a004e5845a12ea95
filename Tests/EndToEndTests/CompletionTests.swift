import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  @Suite("Completions and man pages") struct CompletionTests {
    private let directory: TemporaryDirectory

    init() async throws {
      directory = try TemporaryDirectory()
      let made = try Self.bash(
        "TACIT_BIN='\(Executables.directory)' '\(Executables.packageRoot)/scripts/completions.sh' "
          + "'\(directory.path)'")
      #expect(made.code == 0, "\(made.output)")
    }

    private static func bash(_ command: String) throws -> (code: Int32, output: String) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", command]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = output
      try process.run()
      let data = try output.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    @Test("bash offers the subcommands and options that begin as typed")
    func bashCompletes() throws {
      func offered(_ words: [String]) throws -> [String] {
        let script = "\(directory.path)/bash-completion/completions/\(words[0])"
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let line = words.joined(separator: " ")
        let result = try Self.bash(
          "source '\(script)'; COMP_WORDS=(\(quoted)); COMP_CWORD=\(words.count - 1); "
            + "COMP_LINE='\(line)'; COMP_POINT=\(line.utf8.count); "
            + "_\(words[0]) '\(words[0])' '\(words[words.count - 1])' '\(words[words.count - 2])'; "
            + "printf '%s\\n' \"${COMPREPLY[@]}\"")
        return result.output.split(separator: "\n").map(String.init)
      }
      #expect(try offered(["client", "rec"]) == ["receipts", "recommend"])
      #expect(try offered(["client", "profile", "de"]) == ["delete"])
      #expect(try offered(["client", "recommend", "--non"]) == ["--non-personalised"])
      #expect(try offered(["tacit", "evaluate", "off"]) == ["off-policy"])
    }

    @Test("every command has a man page that groff accepts, and its options are on it")
    func manPages() async throws {
      for tool in ["coordinator", "client", "tacit"] {
        let described = try await run(tool, ["--experimental-dump-help"])
        let command = try #require(
          JSONValue.parse(Array(described.output.utf8), limit: 1 << 22)["command"])
        try check(command, path: [])
      }
      guard try Self.bash("command -v groff").code == 0 else { return }
      let accepted = try Self.bash(
        "for page in '\(directory.path)'/man/man1/*.1; do "
          + "groff -man -ww -z -T utf8 \"$page\" || exit 1; done")
      #expect(accepted.code == 0 && accepted.output.isEmpty, "\(accepted.output)")
    }

    private func check(_ command: JSONValue, path: [String]) throws {
      let path = path + [try #require(command["commandName"]?.stringValue)]
      let name = path.joined(separator: "-")
      let page = text(of: "\(directory.path)/man/man1/\(name).1")
      #expect(page.contains(".SH NAME"), "\(name)")
      for argument in command["arguments"]?.arrayValue ?? [] {
        guard argument["shouldDisplay"]?.boolValue == true else { continue }
        for option in argument["names"]?.arrayValue ?? [] {
          let written = try #require(option["name"]?.stringValue).replacingOccurrences(
            of: "-", with: "\\-")
          #expect(page.contains("\\-\(written)"), "\(name) lacks \(written)")
        }
      }
      for subcommand in command["subcommands"]?.arrayValue ?? []
      where subcommand["shouldDisplay"]?.boolValue == true {
        try check(subcommand, path: path)
      }
    }

    @Test("zsh and fish read their completions, where they are installed")
    func otherShells() throws {
      for (shell, flag, path) in [
        ("zsh", "-n", "zsh/site-functions/_client"),
        ("fish", "--no-execute", "fish/vendor_completions.d/client.fish"),
      ] {
        #expect(text(of: "\(directory.path)/\(path)").contains("recommend"))
        guard try Self.bash("command -v \(shell)").code == 0 else { continue }
        let read = try Self.bash("\(shell) \(flag) '\(directory.path)/\(path)'")
        #expect(read.code == 0, "\(read.output)")
      }
    }
  }
}
