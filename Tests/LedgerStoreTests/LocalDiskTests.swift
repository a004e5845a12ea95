import Glibc
import Ledger
import Testing

@testable import LedgerStore

@Suite struct LocalDiskTests {
  /// Runs `body` with a new directory path, and removes what is there afterwards.
  private func withDirectory(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/tacit-ledger-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = root + "/ledger"
    defer {
      for name in [
        LocalDisk.lockName, LedgerWriter.FileName.log, LedgerWriter.FileName.head,
        LedgerWriter.FileName.checkpoint, LedgerWriter.FileName.head + ".tmp", "file",
      ] { unlink("\(path)/\(name)") }
      rmdir(path)
      rmdir(root)
    }
    try body(path)
  }

  private func mode(_ path: String) throws -> mode_t {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return status.st_mode & 0o777
  }

  @Test("a ledger lives through processes' worth of reopening, in private files") func reopen()
    throws
  {
    try withDirectory { path in
      let fixture = try LedgerFixture()
      var size = 0
      do {
        let writer = try LedgerWriter.create(
          directory: path, genesis: fixture.genesis(), signingKey: fixture.signingKey)
        _ = try writer.append(.offer(fixture.offer(writer.state)))
        _ = try writer.append(.charge(fixture.charge(writer.state)))
        _ = try writer.append(.release(fixture.release(writer.state)))
        _ = try writer.checkpoint()
        size = writer.state.size
      }
      let (writer, recovery) = try LedgerWriter.open(
        directory: path, signingKey: fixture.signingKey)
      #expect(recovery == LedgerWriter.Recovery())
      #expect(writer.state.size == size)
      #expect(try mode(path) == 0o700)
      for name in [
        LedgerWriter.FileName.log, LedgerWriter.FileName.head, LedgerWriter.FileName.checkpoint,
        LocalDisk.lockName,
      ] { #expect(try mode("\(path)/\(name)") == 0o600, "\(name)") }
    }
  }

  @Test("a second writer is refused with the first one's process id, until that one is gone")
  func lock() throws {
    try withDirectory { path in
      let fixture = try LedgerFixture()
      do {
        let writer = try LedgerWriter.create(
          directory: path, genesis: fixture.genesis(), signingKey: fixture.signingKey)
        let expected = LedgerStoreError.locked(directory: path, holder: getpid())
        #expect(throws: expected) {
          try LedgerWriter.open(directory: path, signingKey: fixture.signingKey)
        }
        #expect(expected.description.contains("in use by process \(getpid())"))
        _ = try writer.append(.offer(fixture.offer(writer.state)))
      }
      let (writer, recovery) = try LedgerWriter.open(
        directory: path, signingKey: fixture.signingKey)
      #expect(recovery.voidedRound == 1 && writer.state.size == 3)
    }
  }

  @Test("read, create, write, truncate and rename do what they say") func files() throws {
    try withDirectory { path in
      let disk = try LocalDisk(directory: path)
      #expect(try disk.read("file") == nil)
      try disk.create("file", holding: Array("hello".utf8))
      try disk.write(Array("p, world".utf8), to: "file", at: 3)
      #expect(try disk.read("file") == Array("help, world".utf8))
      try disk.truncate("file", to: 4)
      try disk.synchronize("file")
      try disk.create("file", holding: Array("x".utf8))
      #expect(try disk.read("file") == Array("x".utf8))
      try disk.rename("file", to: LedgerWriter.FileName.log)
      try disk.synchronizeDirectory()
      #expect(try disk.read("file") == nil)
      #expect(try disk.read(LedgerWriter.FileName.log) == Array("x".utf8))
      try disk.write(Array("y".utf8), to: LedgerWriter.FileName.log, at: 1)
      #expect(try disk.read(LedgerWriter.FileName.log) == Array("xy".utf8))
      #expect(
        throws: DiskError(operation: "open", name: "file", errorNumber: ENOENT)
      ) { try disk.synchronize("file") }
    }
  }

  @Test("a directory that cannot be made is an error of the disk") func noParent() {
    #expect(
      throws: LedgerStoreError.disk(
        DiskError(operation: "mkdir", name: "/nonexistent/ledger", errorNumber: ENOENT))
    ) { try LocalDisk(directory: "/nonexistent/ledger") }
  }

  @Test("a file longer than any ledger is not read") func tooLong() throws {
    try withDirectory { path in
      let disk = try LocalDisk(directory: path)
      try disk.create("file", holding: [])
      try #require(truncate("\(path)/file", LocalDisk.maximumFileBytes + 1) == 0)
      #expect(throws: DiskError(operation: "read", name: "file", errorNumber: EFBIG)) {
        try disk.read("file")
      }
    }
  }

  @Test("short writes are completed, interrupted ones repeated, failed ones reported")
  func completeWrites() {
    var offsets: [Int] = []
    let completed = Descriptor.complete(byteCount: 10) { done in
      offsets.append(done)
      if offsets.count == 2 {
        errno = EINTR
        return -1
      }
      return min(4, 10 - done)
    }
    #expect(completed == nil)
    #expect(offsets == [0, 4, 4, 8])
    #expect(
      Descriptor.complete(byteCount: 3) { _ in
        errno = EIO
        return -1
      } == EIO)
    #expect(Descriptor.complete(byteCount: 3) { _ in 0 } == ENOSPC)
    #expect(Descriptor.complete(byteCount: 0) { _ in -1 } == nil)
  }
}
