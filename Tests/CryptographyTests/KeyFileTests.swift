import Glibc
import Testing

@testable import Cryptography

@Suite("Key files")
struct KeyFileTests {
  /// A directory of its own for each test, removed with it.
  final class Directory {
    let path: String

    init() throws {
      var template = Array("/tmp/tacit-key-XXXXXX".utf8CString)
      let made = try #require(mkdtemp(&template))
      path = String(cString: made)
    }

    var key: String { path + "/key" }

    func write(_ byteCount: Int, mode: mode_t, to path: String) throws {
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
      try #require(descriptor >= 0)
      let bytes = [UInt8](repeating: 7, count: byteCount)
      #expect(Glibc.write(descriptor, bytes, byteCount) == byteCount)
      #expect(fchmod(descriptor, mode) == 0)
      close(descriptor)
    }

    deinit {
      for name in ["key", "link", "fifo"] { unlink(path + "/" + name) }
      rmdir(path)
    }
  }

  static func problem(at path: String) -> KeyFileProblem? {
    do {
      _ = try KeyFile.load(at: path)
      return nil
    } catch .keyFile(path, let problem) {
      return problem
    } catch {
      Issue.record("unexpected \(error)")
      return nil
    }
  }

  @Test("a key comes back from its file, which is 32 bytes for its owner alone")
  func keyComesBackAndIsItsOwnersAlone() throws {
    let directory = try Directory()
    let key = try SigningKey()
    try KeyFile.create(key, at: directory.key)
    var status = stat()
    #expect(stat(directory.key, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o600)
    #expect(status.st_size == 32)
    #expect(try KeyFile.load(at: directory.key).verifyingKey == key.verifyingKey)
  }

  @Test("a file with a lax umask or none is 0600 all the same")
  func modeIgnoresUmask() async throws {
    // In a process of its own, because the umask belongs to the process.
    await #expect(processExitsWith: .success) {
      let directory = try Directory()
      for mask: mode_t in [0, 0o777] {
        umask(mask)
        try KeyFile.create(SigningKey(), at: directory.key)
        var status = stat()
        guard stat(directory.key, &status) == 0, status.st_mode & 0o7777 == 0o600 else { _exit(1) }
        unlink(directory.key)
      }
    }
  }

  @Test("an existing file, or a link to nowhere, is never overwritten")
  func existingFileIsNotOverwritten() throws {
    let directory = try Directory()
    let key = try SigningKey()
    try KeyFile.create(key, at: directory.key)
    #expect(throws: CryptographyError.keyFile(path: directory.key, problem: .exists)) {
      try KeyFile.create(SigningKey(), at: directory.key)
    }
    #expect(try KeyFile.load(at: directory.key).verifyingKey == key.verifyingKey)
    let link = directory.path + "/link"
    #expect(symlink(directory.path + "/nowhere", link) == 0)
    #expect(throws: CryptographyError.keyFile(path: link, problem: .exists)) {
      try KeyFile.create(SigningKey(), at: link)
    }
  }

  @Test("a missing directory is named with the system's reason")
  func missingDirectoryIsNamed() throws {
    let directory = try Directory()
    let path = directory.path + "/none/key"
    let expected = KeyFileProblem.systemCall(
      name: "open", code: ENOENT, reason: "No such file or directory")
    #expect(throws: CryptographyError.keyFile(path: path, problem: expected)) {
      try KeyFile.create(SigningKey(), at: path)
    }
    #expect(Self.problem(at: path) == expected)
  }

  @Test("a write that fails half way leaves no file behind")
  func failedWriteLeavesNoFile() async {
    // In a process of its own, because the limit on file size belongs to the process.
    await #expect(processExitsWith: .success) {
      let directory = try Directory()
      signal(SIGXFSZ, SIG_IGN)
      let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
      var limit = rlimit()
      getrlimit(resource, &limit)
      limit.rlim_cur = 10
      setrlimit(resource, &limit)
      do {
        try KeyFile.create(SigningKey(), at: directory.key)
        _exit(1)
      } catch CryptographyError.keyFile(_, .systemCall(name: "write", code: EFBIG, reason: _)) {
        guard access(directory.key, F_OK) != 0, errno == ENOENT else { _exit(2) }
      }
    }
  }

  @Test(
    "a file that others may use is refused",
    arguments: [0o640, 0o604, 0o620, 0o601] as [mode_t])
  func fileThatOthersMayUseIsRefused(mode: mode_t) throws {
    let directory = try Directory()
    try directory.write(32, mode: mode, to: directory.key)
    #expect(Self.problem(at: directory.key) == .readableByOthers(mode: mode))
  }

  @Test("a file of another size is refused", arguments: [0, 31, 33, 64])
  func fileOfAnotherSizeIsRefused(count: Int) throws {
    let directory = try Directory()
    try directory.write(count, mode: 0o600, to: directory.key)
    #expect(Self.problem(at: directory.key) == .wrongSize(expected: 32, actual: count))
  }

  @Test("a symbolic link, a directory and a FIFO are refused, without waiting")
  func whatIsNoRegularFileIsRefused() throws {
    let directory = try Directory()
    try KeyFile.create(SigningKey(), at: directory.key)
    let link = directory.path + "/link"
    #expect(symlink(directory.key, link) == 0)
    #expect(Self.problem(at: link) == .symbolicLink)
    #expect(Self.problem(at: directory.path) == .notRegularFile)
    let fifo = directory.path + "/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    #expect(Self.problem(at: fifo) == .notRegularFile)
  }

  @Test("a file of another owner is refused")
  func fileOfAnotherOwnerIsRefused() throws {
    let directory = try Directory()
    if geteuid() == 0 {
      try KeyFile.create(SigningKey(), at: directory.key)
      #expect(chown(directory.key, 65_534, 65_534) == 0)
      #expect(Self.problem(at: directory.key) == .wrongOwner(expected: 0, actual: 65_534))
    } else {
      #expect(Self.problem(at: "/etc/passwd") == .wrongOwner(expected: geteuid(), actual: 0))
    }
  }

  @Test(
    "every problem is told with the file, the reason and a way out",
    arguments: [
      .exists, .symbolicLink, .notRegularFile, .wrongOwner(expected: 0, actual: 1),
      .readableByOthers(mode: 0o644), .wrongSize(expected: 32, actual: 3),
      .systemCall(name: "fsync", code: EIO, reason: "Input/output error"),
    ] as [KeyFileProblem])
  func problemTellsFileReasonAndWayOut(problem: KeyFileProblem) {
    let text = CryptographyError.keyFile(path: "dir/key", problem: problem).description
    #expect(text.hasPrefix("dir/key "))
    // What and why before the first full stop, what to do after it.
    #expect(text.hasSuffix(".") && text.split(separator: ". ").count >= 2)
    if case .readableByOthers = problem { #expect(text.contains("644")) }
  }

  @Test("a full disk, quota or file size is told from what no free space mends")
  func fullDiskIsTold() {
    for code in [ENOSPC, EDQUOT, EFBIG] {
      #expect(KeyFileProblem.systemCall(name: "write", code: code, reason: "").isOutOfSpace)
    }
    for code in [EIO, EACCES, ENOENT] {
      #expect(!KeyFileProblem.systemCall(name: "write", code: code, reason: "").isOutOfSpace)
    }
    #expect(!KeyFileProblem.wrongSize(expected: 32, actual: 0).isOutOfSpace)
  }

  @Test("a wiped file is zeros for whoever still has it open, and is gone")
  func wipedFileIsZerosAndGone() throws {
    let directory = try Directory()
    try KeyFile.create(SigningKey(), at: directory.key)
    let descriptor = open(directory.key, O_RDONLY)
    defer { close(descriptor) }
    #expect(try KeyFile.exists(at: directory.key))
    try KeyFile.wipe(at: directory.key)
    #expect(try !KeyFile.exists(at: directory.key))
    var bytes = [UInt8](repeating: 1, count: 64)
    #expect(read(descriptor, &bytes, 64) == 32 && bytes.prefix(32).allSatisfy { $0 == 0 })
    // Nothing is there any more.
    try KeyFile.wipe(at: directory.key)
  }

  @Test(
    "a key takes another's place and the old one is kept, also when a crash cut that short before",
    arguments: 0..<3)
  func replacementIsRepeatable(interruption: Int) throws {
    let directory = try Directory()
    let (path, next, previous) = (directory.key, directory.key + ".next", directory.key + ".old")
    let (old, new) = (try SigningKey(), try SigningKey())
    defer { for name in [next, previous] { unlink(name) } }
    try KeyFile.create(old, at: path)
    try KeyFile.create(new, at: next)
    // What a crash leaves after the first of the two names, and after both.
    if interruption > 0 { #expect(link(path, previous) == 0) }
    if interruption == 2 {
      // The same file under two names loses one of them and nothing else.
      try KeyFile.wipe(at: previous)
      #expect(try KeyFile.load(at: path).verifyingKey == old.verifyingKey)
    }
    try KeyFile.replace(path, by: next, keeping: previous)
    #expect(try KeyFile.load(at: path).verifyingKey == new.verifyingKey)
    #expect(try KeyFile.load(at: previous).verifyingKey == old.verifyingKey)
    #expect(try !KeyFile.exists(at: next))
    try KeyFile.wipe(at: previous)
  }

  @Test("a link is not wiped, nor what it leads to") func linkIsNotWiped() throws {
    let directory = try Directory()
    let key = try SigningKey()
    try KeyFile.create(key, at: directory.key)
    let link = directory.path + "/link"
    #expect(symlink(directory.key, link) == 0)
    #expect(throws: CryptographyError.keyFile(path: link, problem: .symbolicLink)) {
      try KeyFile.wipe(at: link)
    }
    #expect(try KeyFile.load(at: directory.key).verifyingKey == key.verifyingKey)
  }
}
