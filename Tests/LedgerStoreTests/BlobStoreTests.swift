import Cryptography
import FaultSimulation
import Testing

@testable import LedgerStore

@Suite struct BlobStoreTests {
  private let disk = SimulatedDisk()

  @Test("what is stored survives a crash and is loaded by its digest") func roundTrip() throws {
    let store = BlobStore(on: disk)
    let digest = try store.store([1, 2, 3])
    disk.crash(.nothing)
    #expect(try BlobStore(on: disk).load(digest) == [1, 2, 3])
    #expect(try store.load(SHA256Digest(hashing: [9])) == nil)
  }

  @Test("a file whose bytes are not its name's is absent, and is made again") func damaged() throws
  {
    let digest = try BlobStore(on: disk).store([1, 2, 3])
    disk.plant(digest.hex, [1, 2, 4])
    let store = BlobStore(on: disk)
    #expect(try store.load(digest) == nil)
    #expect(try store.store([1, 2, 3]) == digest)
    #expect(try BlobStore(on: disk).load(digest) == [1, 2, 3])
  }

  @Test("what an earlier life left visible only is made durable before it is relied on")
  func visibleOnly() throws {
    let bytes: [UInt8] = [5, 6, 7]
    let digest = SHA256Digest(hashing: bytes)
    // The directory's fsync, the fourth operation, never happened.
    disk.inject((3, .inputOutput, false))
    #expect(throws: DiskError.self) { try BlobStore(on: disk).store(bytes) }
    let store = BlobStore(on: disk)
    #expect(try store.load(digest) == bytes)
    _ = try store.store(bytes)
    disk.crash(.nothing)
    #expect(try BlobStore(on: disk).load(digest) == bytes)
  }

  @Test("only blobs that nothing names, and remains of writes, are removed") func orphans() throws {
    let store = BlobStore(on: disk)
    let kept = try store.store([1])
    let orphan = try store.store([2])
    disk.plant(orphan.hex + ".tmp", [3])
    disk.plant(kept.hex + ".tmp-4711", [3])
    disk.plant("README", [4])
    #expect(try store.removeAll(except: [kept]) == 3)
    #expect(try store.load(orphan) == nil)
    disk.crash(.nothing)
    #expect(disk.contents.keys.sorted() == [kept.hex, "README"].sorted())
  }

  @Test("a step is reached before and after each thing that is done") func steps() throws {
    var reached: [String] = []
    _ = try BlobStore(on: disk) { reached.append($0) }.store([1])
    #expect(reached == BlobStore.failpointNames)
  }

  @Test("of many blobs the newest are kept in memory, and all can be loaded") func cache() throws {
    let store = BlobStore(on: disk)
    let digests = try (0..<20).map { try store.store([$0]) }
    for (value, digest) in digests.enumerated() {
      #expect(try store.load(digest) == [UInt8(value)])
    }
  }
}
