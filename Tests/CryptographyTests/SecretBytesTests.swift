import Glibc
import Testing

@testable import Cryptography

@Suite("Secret bytes")
struct SecretBytesTests {
  @Test("bytes go in and out unchanged")
  func roundTrip() throws {
    var source: [UInt8] = [1, 2, 3, 250]
    let copied = try SecretBytes(source)
    let moved = try SecretBytes(wiping: &source)
    #expect(copied.count == 4)
    #expect(copied == moved)
    #expect(moved.withBytes { bytes in bytes.indices.map { bytes[$0] } } == [1, 2, 3, 250])
  }

  @Test("moving a secret in zeroes its source")
  func sourceIsWiped() throws {
    var source: [UInt8] = [1, 2, 3]
    _ = try SecretBytes(wiping: &source)
    #expect(source == [0, 0, 0])
  }

  @Test("equality looks at every byte and at the length")
  func equality() throws {
    let zero = [UInt8](repeating: 0, count: 40)
    let secret = try SecretBytes(zero)
    for index in zero.indices {
      var other = zero
      other[index] = 1
      #expect(try secret != SecretBytes(other))
      #expect(!constantTimeEqual(zero, other))
    }
    #expect(try secret != SecretBytes(Array(zero.prefix(39))))
    #expect(!constantTimeEqual(zero, zero + [0]))
    #expect(constantTimeEqual(zero, zero))
    #expect(constantTimeEqual([], []))
    #expect(!constantTimeEqual([], [0]))
  }

  @Test("an empty secret is refused")
  func empty() {
    #expect(throws: CryptographyError.invalidLength(value: "secret", expected: 1, actual: 0)) {
      try SecretBytes([])
    }
    #expect(throws: CryptographyError.invalidLength(value: "secret", expected: 1, actual: 0)) {
      try SecretBytes.random(count: 0)
    }
  }

  @Test("neither printing nor dumping a secret shows a byte of it")
  func notPrintable() throws {
    let secret = try SecretBytes([UInt8](repeating: 0xa7, count: 32))
    var dumped = ""
    dump(secret, to: &dumped)
    for text in [dumped, "\(secret)", String(reflecting: secret), String(describing: secret)] {
      #expect(!text.contains("167") && !text.lowercased().contains("a7a7"))
    }
  }

  @Test("while a secret lives it lies in memory once, and afterwards nowhere")
  func wipedWhenReleased() throws {
    // The test holds the secret only under a mask, or it would find its own copy.
    let mask: UInt8 = 0x5c
    let (masked, secret) = try Self.maskedSecret(mask: mask)
    #expect(MemoryScan.occurrences(ofMasked: masked, mask: mask) == 1)
    _ = consume secret
    #expect(MemoryScan.occurrences(ofMasked: masked, mask: mask) == 0)
  }

  @Test("wipe zeroes an array in place and keeps its count")
  func wipeArrays() {
    var bytes: [UInt8] = [1, 2, 3]
    wipe(&bytes)
    #expect(bytes == [0, 0, 0])
    var floats: [Float] = [1, -2, .nan]
    wipe(&floats)
    #expect(floats == [0, 0, 0])
    var none: [UInt32] = []
    wipe(&none)
    #expect(none.isEmpty)
  }

  @Test("a secret's memory cannot be written, even by this process")
  func memoryIsReadOnly() async {
    await #expect(processExitsWith: .failure) {
      let secret = try SecretBytes.random(count: 32)
      secret.withUnsafePointer { UnsafeMutablePointer(mutating: $0).pointee = 1 }
    }
  }

  @Test("reading past a secret's end stops the process")
  func memoryIsFenced() async {
    await #expect(processExitsWith: .failure) {
      let secret = try SecretBytes.random(count: 32)
      let beyond = secret.withUnsafePointer { $0[32] }
      _exit(Int32(beyond & 1))
    }
  }

  // The proof of `@unchecked Sendable` under the thread sanitizer: many tasks read one secret while
  // others drop theirs.
  @Test("many tasks share one secret")
  func sharedBetweenTasks() async throws {
    let secret = try SecretBytes.random(count: 32)
    let sums = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<64 {
        group.addTask {
          let other = secret
          return other.withBytes { bytes in bytes.indices.reduce(0) { $0 + Int(bytes[$1]) } }
        }
      }
      return await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(sums.count == 1)
  }

  private static func maskedSecret(mask: UInt8) throws -> (masked: [UInt8], secret: SecretBytes) {
    let secret = try SecretBytes.random(count: 32)
    let masked = secret.withBytes { bytes in bytes.indices.map { bytes[$0] ^ mask } }
    return (masked, secret)
  }
}
