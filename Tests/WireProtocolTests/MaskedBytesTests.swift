import SecureAggregation
import Testing
import WireProtocol

/// What a round costs beside the update itself, from the frames of a small one.
@Suite("Bytes of a masked round")
struct MaskedBytesTests {
  private static let frameHeaderBytes = 4
  private static let chunkCount = 16
  private static let dimension = 1 << 20

  /// Frames of one member, by direction; what tells it who the others are is apart.
  private struct Traffic {
    var up = 0
    var down = 0
    var credentials = 0

    mutating func add(_ message: Message, isUp: Bool) {
      let byteCount = message.encoded().count + MaskedBytesTests.frameHeaderBytes
      switch message.kind {
      case .askCredentials, .credentials: credentials += byteCount
      default: if isUp { up += byteCount } else { down += byteCount }
      }
    }
  }

  /// The traffic of a member of a round of six with eight coordinates.
  private func measured() throws -> (Traffic, MaskedRoundHarness) {
    let harness = try MaskedRoundHarness(mode: .secaggDDP)
    var traffic = Traffic()
    harness.tamper = { id, message in
      if id == 2 { traffic.add(message, isUp: false) }
      return [message]
    }
    harness.delivers = { id, message in
      if id == 2 { traffic.add(message, isUp: true) }
      return true
    }
    try harness.start()
    #expect(harness.ending == "released")
    return (traffic, harness)
  }

  @Test(
    "of 100 members with 1,048,576 coordinates each: at most 1.01 of 4 bytes a coordinate in all")
  func overhead() throws {
    let (six, harness) = try measured()
    let small = try MaskingParameters(cohortSize: 6, policy: harness.maskingPolicy)
    let large = try MaskingParameters(cohortSize: 100, policy: harness.maskingPolicy)
    #expect(large.degree == 99 && large.signatureThreshold == 56)
    let (members, peers) = (100 - 6, large.degree - small.degree)
    let signatures = large.signatureThreshold - small.signatureThreshold
    // 13 bytes instead of 1 for each set of members; 21 of header and frame for each further chunk.
    let up =
      six.up + 85 * peers + 36 * peers + 21 * (Self.chunkCount - 1) + 4 * (Self.dimension - 8)
    let down = six.down + 132 * members + 85 * peers + 68 * signatures + 2 * 12
    let whole = 4.0 * Double(Self.dimension)
    #expect(Double(up) / whole < 1.0035)
    #expect(Double(up + down) / whole < 1.01)
    // Once for each member that it meets: its identity key and its credential, and a bit to ask for it.
    let credentials = six.credentials + 200 * members + 12
    #expect(Double(up + down + credentials) / whole < 1.015)
  }
}
