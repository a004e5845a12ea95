import Glibc
import Testing

@testable import Datasets

@Suite("FileAccess") struct FileAccessTests {
  @Test("a FIFO is no file, and is not waited for")
  func fifo() throws {
    let directory = try TemporaryDirectory()
    let fifo = directory.path + "/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    #expect(throws: DatasetError.unreadable(path: fifo, reason: "not a regular file")) {
      try FileAccess.read(fifo, limit: 10)
    }
  }
}
