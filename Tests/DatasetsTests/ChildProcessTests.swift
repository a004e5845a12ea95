import Datasets
import Testing

@Suite("ChildProcess")
struct ChildProcessTests {
  @Test("arguments arrive as they are, and status 0 is success")
  func success() throws {
    try ChildProcess.run([
      "sh", "-c", "test \"$1\" = 'a \"b\" $c' && test $# = 1", "sh", "a \"b\" $c",
    ])
  }

  @Test("another status is an error that holds it")
  func failure() {
    #expect(
      throws: DatasetError.commandFailed(
        command: "sh -c exit 3", status: 3, reason: "see its output above")
    ) { try ChildProcess.run(["sh", "-c", "exit 3"]) }
  }

  @Test("a signal is an error that names it")
  func signal() {
    #expect(
      throws: DatasetError.commandFailed(
        command: "sh -c kill -9 $$", status: nil, reason: "it was ended by signal 9")
    ) { try ChildProcess.run(["sh", "-c", "kill -9 $$"]) }
  }

  @Test("a program that is not there is an error with the system's reason")
  func missing() {
    #expect(
      throws: DatasetError.commandFailed(
        command: "tacit-no-such-program", status: nil, reason: "No such file or directory")
    ) { try ChildProcess.run(["tacit-no-such-program"]) }
  }
}
