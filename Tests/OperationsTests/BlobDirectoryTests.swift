import Cryptography
import Foundation
import Glibc
import Operations
import Testing

@Suite("BlobDirectory") struct BlobDirectoryTests {
  @Test("what is loaded stays in memory, what is read once does not, and a damaged file is none")
  func memory() throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("tacit-test-\(UUID().uuidString)").path
    #expect(mkdir(path, 0o700) == 0)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let bytes = Array("a public model".utf8)
    let digest = try BlobDirectory(path: path).store(bytes)
    let (reading, loading) = (BlobDirectory(path: path), BlobDirectory(path: path))
    #expect(try reading.read(digest) == bytes && loading.load(digest) == bytes)
    try Data("a public modem".utf8).write(to: URL(fileURLWithPath: "\(path)/\(digest.hex)"))
    #expect(try reading.read(digest) == nil && reading.load(digest) == nil)
    #expect(try loading.load(digest) == bytes)
    // Written again, since it was not there.
    #expect(try reading.store(bytes) == digest)
    #expect(try BlobDirectory(path: path).read(digest) == bytes)
  }
}
