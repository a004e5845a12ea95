import Glibc
import Testing

@testable import Cryptography

@Suite("Secure generator")
struct SecureRandomTests {
  // NIST SP 800-38A F.5.5 (CTR-AES256.Encrypt): the output blocks, which are the keystream.
  @Test("the keystream agrees with NIST SP 800-38A")
  func keystreamKnownAnswer() throws {
    let key = try HexCoding.decode(
      "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    let counter = try HexCoding.decode("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    let blocks =
      "0bdf7df1591716335e9a8b15c860c5025a6e699d536119065433863c8f657b94"
      + "1bc12c9c01610d5d0d8bd6a3378eca622956e1c8693536b1bee99c73a31576b6"
    let keystream = try CounterKeystream()
    #expect(keystream.start(key: key, counter: counter))
    var stream = [UInt8](repeating: 0xaa, count: 64)
    #expect(keystream.fill(&stream, byteCount: 64))
    #expect(HexCoding.encode(stream) == blocks)
    // The same bytes when they are asked for in two parts, the first not a whole block.
    #expect(keystream.start(key: key, counter: counter))
    var parts = [UInt8](repeating: 0xaa, count: 64)
    parts.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      #expect(keystream.fill(start, byteCount: 5))
      #expect(keystream.fill(start + 5, byteCount: 59))
    }
    #expect(parts == stream)
  }

  @Test("words do not repeat within a tile, across tiles, or between instances")
  func noRepetition() throws {
    let tileCount = 5
    let wordCount = tileCount * SecureRandom.tileByteCount / 8
    var first = try SecureRandom()
    var second = try SecureRandom()
    var seen: Set<UInt64> = []
    for _ in 0..<wordCount {
      seen.insert(first.next())
      seen.insert(second.next())
    }
    // 2 x 10,240 random words collide with probability below 2^-35; a repeated tile would lose
    // 2,044 of them.
    #expect(seen.count == 2 * wordCount)
    #expect(!seen.contains(0))
  }

  @Test("a copy continues the stream instead of repeating it")
  func copiesShareTheStream() throws {
    var original = try SecureRandom()
    _ = original.next()
    var copy = original
    let fromOriginal = (0..<4_000).map { _ in original.next() }
    let fromCopy = (0..<4_000).map { _ in copy.next() }
    #expect(Set(fromOriginal).isDisjoint(with: fromCopy))
  }

  @Test("every bit of a word is balanced")
  func bitBalance() throws {
    var random = try SecureRandom()
    let count = 100_000
    var ones = [Int](repeating: 0, count: 64)
    for _ in 0..<count {
      let word = random.next()
      for bit in 0..<64 { ones[bit] += Int(word >> UInt64(bit) & 1) }
    }
    // Six standard deviations of 158 each: a false alarm in 64 bits has a probability below 2e-7.
    for bit in 0..<64 { #expect(abs(ones[bit] - count / 2) < 950) }
  }

  @Test("bytes from the system have the asked count and differ")
  func systemBytes() {
    #expect(SecureRandom.bytes(0).isEmpty)
    #expect(SecureRandom.bytes(33).count == 33)
    #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
  }

  @Test("a forked child does not draw its parent's words")
  func forkSafety() throws {
    // Swift hides fork because a child of a threaded process may only do little; drawing from a
    // generator that exists already allocates nothing, and the child leaves by _exit.
    let symbol = try #require(dlsym(nil, "fork"))
    let fork = unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
    var random = try SecureRandom()
    _ = random.next()
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let child = fork()
    if child == 0 {
      var word = random.next()
      write(ends[1], &word, 8)
      _exit(0)
    }
    try #require(child > 0)
    close(ends[1])
    var fromChild: UInt64 = 0
    #expect(read(ends[0], &fromChild, 8) == 8)
    close(ends[0])
    var status: Int32 = 0
    #expect(waitpid(child, &status, 0) == child)
    #expect(fromChild != random.next())
  }
}
