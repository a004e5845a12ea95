import Foundation
import Glibc
import Operations
import Testing

@Suite("DurableFile") struct DurableFileTests {
  @Test("a FIFO is no file, and is not waited for")
  func fifo() throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("tacit-test-\(UUID().uuidString)").path
    #expect(mkdir(directory, 0o700) == 0)
    defer {
      unlink(directory + "/fifo")
      rmdir(directory)
    }
    let fifo = directory + "/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    let failure = #expect(throws: CommandFailure.self) {
      try DurableFile.read(fifo, limit: 10)
    }
    #expect(failure?.why == "it is not a regular file")
  }
}
