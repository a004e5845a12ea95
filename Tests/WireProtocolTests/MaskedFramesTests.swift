import Privacy
import SecureAggregation
import Testing
import VectorMath
import WireProtocol

/// What lies in the plaintext frames of a masked round, as the coordinator has them once TLS is off.
@Suite("Frames of a masked round")
struct MaskedFramesTests {
  private static let dimension = 64

  /// Four coordinates in a row, wherever they lie: a run of so many bytes of chance is found once in
  /// 2^128 places.
  private struct Run: Hashable {
    let low: UInt64
    let high: UInt64
  }

  private static let runByteCount = 16

  private static func runs(in bytes: [UInt8], each step: Int) -> Set<Run> {
    var runs: Set<Run> = []
    for start in stride(from: 0, through: bytes.count - runByteCount, by: step) {
      let words = [0, 8].map { offset in
        (0..<8).reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[start + offset + $1]) }
      }
      runs.insert(Run(low: words[0], high: words[1]))
    }
    return runs
  }

  private static func bytes(_ words: [UInt32]) -> [UInt8] {
    words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }

  /// No coordinate is zero and no two runs are alike, so that any run names its member.
  private static func update(of id: ClientID) -> [Float] {
    var generator = SeededRandom(seed: UInt64(id))
    return (0..<dimension).map { _ in Float.random(in: 0.01..<0.1, using: &generator) }
  }

  /// The update as a process may hold it: floats, the grid, and the grid with the share of the noise.
  private static func forms(
    of id: ClientID, honestShares: Int
  ) throws -> [(name: String, bytes: [UInt8])] {
    let update = Self.update(of: id)
    let encoding = try FixedPointEncoding(
      fractionBits: MaskedRoundHarness.fractionBits, clipNorm: 1)
    let grid = try encoding.encode(update).map { UInt32(bitPattern: $0) }
    var noised = grid
    var generator = SeededRandom(seed: UInt64(id))
    let scale = MaskedRoundHarness.noiseScale
    try DiscreteGaussian(
      varianceNumerator: scale * scale, varianceDenominator: UInt64(honestShares)
    ).addNoise(to: &noised, using: &generator)
    return [
      ("floats", bytes(update.map(\.bitPattern))), ("grid", bytes(grid)),
      ("grid with noise", bytes(noised)),
    ]
  }

  @Test(
    "no frame holds four coordinates of an update in a row, in any form; without the mask it would",
    arguments: [AggregationMode.secagg, .secaggDDP])
  func frames(mode: AggregationMode) throws {
    let harness = try MaskedRoundHarness(mode: mode, dimension: Self.dimension)
    for id in harness.members.keys { harness.members[id]?.update = Self.update(of: id) }
    var seen: Set<Run> = []
    harness.delivers = { _, message in
      seen.formUnion(Self.runs(in: message.encoded(), each: 1))
      return true
    }
    harness.tamper = { _, message in
      seen.formUnion(Self.runs(in: message.encoded(), each: 1))
      return [message]
    }
    // Member 6 is lost after its shares, so that both kinds of share are revealed.
    let delivers = harness.delivers
    harness.delivers = { id, message in
      delivers(id, message) && !(id == 6 && message.kind == .updateChunk)
    }
    try harness.start()
    try harness.runOut()
    #expect(harness.ending == "released")
    let parameters = try MaskingParameters(cohortSize: 6, policy: harness.maskingPolicy)
    for id in harness.members.keys.sorted() {
      for form in try Self.forms(of: id, honestShares: parameters.honestNoiseShares) {
        let needles = Self.runs(in: form.bytes, each: 4)
        #expect(needles.count == Self.dimension - 3)
        #expect(needles.isDisjoint(with: seen), "member \(id), \(form.name)")
        // The control: the same search finds the same update in a frame that carries it unmasked.
        let unmasked = Message.updateChunk(RoundChunk(round: 1, index: 0, data: form.bytes))
        #expect(
          needles.isSubset(of: Self.runs(in: unmasked.encoded(), each: 1)), "\(form.name)")
      }
    }
    // And the frames of this round are what was searched: the masked words of a member are in it.
    guard case .updateChunk(let chunk) = try #require(harness.sent(.updateChunk, by: 1).first)
    else { return }
    #expect(Self.runs(in: chunk.data, each: 4).isSubset(of: seen))
  }
}
