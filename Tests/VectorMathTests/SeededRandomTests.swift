import Testing
import VectorMath

@Suite struct SeededRandomTests {
  /// The stream of the reference C program (Vigna, `splitmix64.c`) for seeds 0 and 1234567.
  @Test(
    "the stream is that of the reference program",
    arguments: [
      (0, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]),
      (
        1_234_567,
        [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
      ),
    ] as [(UInt64, [UInt64])])
  func knownAnswers(seed: UInt64, expected: [UInt64]) {
    var random = SeededRandom(seed: seed)
    #expect(expected.map { _ in random.next() } == expected)
  }

  /// The order was computed by a separate program from the reference stream.
  @Test("an order is drawn from the stream, from the last place down")
  func permutation() {
    var random = SeededRandom(seed: 7)
    var values = Array(0..<8)
    random.permute(&values)
    #expect(values == [1, 4, 5, 2, 6, 0, 3, 7])
    var none: [Int] = []
    random.permute(&none)
    #expect(none.isEmpty)
  }

  @Test("a copy continues with the same stream")
  func copyContinues() {
    var random = SeededRandom(seed: 9)
    _ = random.next()
    var copy = random
    #expect(random.next() == copy.next())
  }
}
