import Cryptography
import Privacy
import Testing
import VectorMath

@testable import SecureAggregation

/// The sum without noise has no accessor, so these tests take it apart from outside: the noise
/// depends on the generator alone, so that the released sum less a released empty sum under an
/// equal seed is the exact sum.
@Suite("Aggregate sum")
struct AggregateSumTests {
  static let scale = PrivacyEvent.chargeableScales.lowerBound

  static func exactSum(
    of updates: [[Float]], dimension: Int, encoding: FixedPointEncoding, seed: UInt64 = 1
  ) throws -> [Double] {
    var sum = AggregateSum(dimension: dimension, encoding: encoding)
    for update in updates { try sum.add(update) }
    var generator = SeededRandom(seed: seed)
    let released = sum.noised(scale: scale, using: &generator).values
    var twin = SeededRandom(seed: seed)
    let noise = AggregateSum(dimension: dimension, encoding: encoding)
      .noised(scale: scale, using: &twin).values
    return zip(released, noise).map { $0 - $1 }
  }

  static func oneHot(_ index: Int, dimension: Int, value: Float = 1) -> [Float] {
    var update = [Float](repeating: 0, count: dimension)
    update[index] = value
    return update
  }

  @Test("unique one-hot contributions sum to exactly the contributors, and nobody else")
  func contributorsAreCountedExactly() throws {
    let cohort = 100
    let encoding = try FixedPointEncoding(fractionBits: 24, clipNorm: 1)
    let key = try RoundSealingKey()
    let context = BLAKE2b.hash256([1])
    // Every third client is late; every seventh is refused for a value that is not finite.
    let contributors = (0..<cohort).filter { $0 % 3 != 0 && $0 % 7 != 0 }
    var sum = AggregateSum(dimension: cohort, encoding: encoding)
    for client in 0..<cohort where client % 3 != 0 {
      var update = Self.oneHot(client, dimension: cohort)
      if client % 7 == 0 { update[(client + 1) % cohort] = .nan }
      let sealed = try UpdateSeal.seal(
        update, to: key.publicKey, context: context, clientID: UInt32(client))
      do {
        let opened = try key.open(
          sealed, context: context, clientID: UInt32(client), dimension: cohort)
        try sum.add(opened)
        #expect(client % 7 != 0)
      } catch {
        #expect(error == .nonFinite && client % 7 == 0)
      }
    }
    #expect(sum.contributorCount == contributors.count)
    var generator = try SecureRandom()
    let released = sum.noised(scale: Self.scale, using: &generator)
    #expect(released.contributorCount == contributors.count)
    // The noise has a standard deviation of 2^10 steps on a grid of 2^24 to the unit, so that a
    // half is 8,192 standard deviations away: rounding gives the exact sum.
    let expected = (0..<cohort).map { contributors.contains($0) ? 1.0 : 0.0 }
    #expect(released.values.map { $0.rounded() } == expected)
    let exact = try Self.exactSum(
      of: contributors.map { Self.oneHot($0, dimension: cohort) }, dimension: cohort,
      encoding: encoding)
    #expect(exact == expected)
  }

  @Test("contributions to one coordinate count once each, with their signs")
  func overlappingContributions() throws {
    let encoding = try FixedPointEncoding(fractionBits: 24, clipNorm: 1)
    let updates =
      (0..<60).map { _ in Self.oneHot(0, dimension: 2) }
      + (0..<90).map { _ in Self.oneHot(1, dimension: 2, value: -1) }
    #expect(
      try Self.exactSum(of: updates, dimension: 2, encoding: encoding) == [60, -90])
  }

  @Test("the order of clients does not matter")
  func permutation() throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    var random = SeededRandom(seed: 3)
    var updates = (0..<50).map { _ in
      (0..<8).map { _ in Float.random(in: -1...1, using: &random) }
    }
    let first = try Self.exactSum(of: updates, dimension: 8, encoding: encoding)
    updates.shuffle(using: &random)
    #expect(try Self.exactSum(of: updates, dimension: 8, encoding: encoding) == first)
  }

  @Test("an update above the clip norm counts as one of the clip norm")
  func reclipping() throws {
    let encoding = try FixedPointEncoding(fractionBits: 24, clipNorm: 0.5)
    let sum = try Self.exactSum(
      of: [[3e30, 4e30]], dimension: 2, encoding: encoding)
    // One grid step for truncation, one for rounding in Float; a step is 0.5 x 2^-24.
    #expect(abs(sum[0] - 0.3) <= 2 * 0.5 / 0x1p24)
    #expect(abs(sum[1] - 0.4) <= 2 * 0.5 / 0x1p24)
    #expect((sum[0] * sum[0] + sum[1] * sum[1]).squareRoot() <= 0.5)
  }

  @Test("a sign-flipped update, however large, takes away one clip norm and no more")
  func signFlipped() throws {
    let encoding = try FixedPointEncoding(fractionBits: 24, clipNorm: 1)
    let honest = [[Float]](repeating: Self.oneHot(0, dimension: 2), count: 5)
    let hostile = Self.oneHot(0, dimension: 2, value: -1e6)
    #expect(
      try Self.exactSum(of: honest + [hostile], dimension: 2, encoding: encoding) == [4, 0])
  }

  @Test("a refused update leaves sum and count as they were")
  func rejectionsLeaveNoTrace() throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    var sum = AggregateSum(dimension: 2, encoding: encoding)
    try sum.add([0.5, 0.25])
    let refused: [([Float], UpdateRejection)] = [
      ([0.5, .nan], .nonFinite), ([.infinity, 0.5], .nonFinite), ([-.infinity, 0], .nonFinite),
      ([0.5], .wrongLength), ([0.5, 0.5, 0.5], .wrongLength), ([], .wrongLength),
    ]
    for (update, expected) in refused {
      do {
        try sum.add(update)
        Issue.record("\(update) was added")
      } catch {
        #expect(error == expected)
      }
    }
    #expect(sum.contributorCount == 1)
    var generator = SeededRandom(seed: 9)
    let released = sum.noised(scale: Self.scale, using: &generator).values
    var twin = SeededRandom(seed: 9)
    var honest = AggregateSum(dimension: 2, encoding: encoding)
    try honest.add([0.5, 0.25])
    #expect(honest.noised(scale: Self.scale, using: &twin).values == released)
  }

  @Test("a released sum carries noise of the asked variance")
  func noiseVariance() throws {
    let dimension = 20_000
    let fractionBits = 20
    let encoding = try FixedPointEncoding(fractionBits: fractionBits, clipNorm: 1)
    for scale: UInt64 in [1 << 10, 3 << 12] {
      var sum = AggregateSum(dimension: dimension, encoding: encoding)
      try sum.add([Float](repeating: 0, count: dimension))
      var generator = SeededRandom(seed: scale)
      let noise = sum.noised(scale: scale, using: &generator).values
      let steps = noise.map { $0 * Double(1 << fractionBits) / Double(scale) }
      let mean = steps.reduce(0, +) / Double(dimension)
      let variance = steps.reduce(0) { $0 + $1 * $1 } / Double(dimension)
      // Six standard deviations: 1/sqrt(n) for the mean, sqrt(2/n) for the variance; false alarm
      // below 1e-8.
      #expect(abs(mean) < 6 / Double(dimension).squareRoot())
      #expect(abs(variance - 1) < 6 * (2 / Double(dimension)).squareRoot())
    }
  }

  @Test("noise differs from release to release")
  func freshNoise() throws {
    let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
    var generator = try SecureRandom()
    let first = AggregateSum(dimension: 64, encoding: encoding)
      .noised(scale: Self.scale, using: &generator)
    let second = AggregateSum(dimension: 64, encoding: encoding)
      .noised(scale: Self.scale, using: &generator)
    #expect(first != second)
  }

  @Test("the sum without noise lies in memory once while it is built, and nowhere after its end")
  func unnoisedSumIsWiped() throws {
    let encoding = try FixedPointEncoding(fractionBits: 30, clipNorm: 1)
    let mask: UInt8 = 0x5c
    let dimension = 8_192
    for isReleased in [true, false] {
      // Small enough to stay mapped when it is freed, and looked for at its end, which the next user
      // of the memory reaches last: what is not wiped is found.
      var sum = AggregateSum(dimension: dimension, encoding: encoding)
      // Two updates, so that no part of one contributor's path ever holds the sum; and the test
      // holds the sum only under a mask, or it would find its own copy.
      var masked = [UInt8](repeating: mask, count: 32)
      for client in 0..<2 {
        let update = try Self.addRandomUpdate(to: &sum, encoding: encoding, seed: UInt64(client))
        masked = Self.sum(masked, adding: update, mask: mask)
      }
      #expect(MemoryScan.occurrences(ofMasked: masked, mask: mask) == 1)
      if isReleased {
        var generator = try SecureRandom()
        let released = sum.noised(scale: Self.scale, using: &generator)
        #expect(MemoryScan.occurrences(ofMasked: masked, mask: mask) == 0)
        #expect(released.values.count == dimension)
      } else {
        _ = consume sum
        #expect(MemoryScan.occurrences(ofMasked: masked, mask: mask) == 0)
      }
    }
  }

  /// Adds an update whose last eight values are random, and returns those in grid steps.
  private static func addRandomUpdate(
    to sum: inout AggregateSum, encoding: FixedPointEncoding, seed: UInt64
  ) throws -> [Int32] {
    var random = SeededRandom(seed: seed)
    // Multiples of 2^-24 below 1/4 have a norm below 1 and no rounding in Float.
    let steps = (0..<8).map { _ in Int32.random(in: -(1 << 22)...1 << 22, using: &random) }
    let zeros = [Float](repeating: 0, count: sum.dimension - steps.count)
    try sum.add(zeros + steps.map { Float($0) * 0x1p-24 })
    return steps.map { $0 << 6 }
  }

  private static func sum(_ masked: [UInt8], adding steps: [Int32], mask: UInt8) -> [UInt8] {
    steps.indices.flatMap { index in
      var value: UInt32 = 0
      for byte in 0..<4 { value |= UInt32(masked[4 * index + byte] ^ mask) << UInt32(8 * byte) }
      value &+= UInt32(bitPattern: steps[index])
      return (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) ^ mask }
    }
  }

  @Test("noise below the scale that the charge holds for stops the process")
  func scaleTooSmall() async {
    await #expect(processExitsWith: .failure) {
      let encoding = try FixedPointEncoding(fractionBits: 20, clipNorm: 1)
      var generator = try SecureRandom()
      _ = AggregateSum(dimension: 1, encoding: encoding).noised(scale: 1_023, using: &generator)
    }
  }
}
