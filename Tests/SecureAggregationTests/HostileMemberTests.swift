import Testing
import VectorMath

@testable import SecureAggregation

/// What members can add to a masked sum: whatever their code encodes, and never another's share of it.
@Suite("Hostile members under masks")
struct HostileMemberTests {
  /// 20 members with F = 20; the code of the hostile ones encodes on 2^30.
  private func error(
    hostile count: Int, fractionBits: Int, update: [Float]
  ) throws -> (steps: [Int32], norm: Double) {
    let cohort = try MaskedCohort(
      size: 20, policy: MaskingParametersTests.policy("0.2", "0.2", from: 8), dimension: 32)
    let own = try FixedPointEncoding(fractionBits: fractionBits, clipNorm: 1)
    let hostile = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, (update, own)) })
    let outcome = try cohort.run(
      lastStage: [MaskedCohort.Stage](repeating: .unmask, count: 20), hostile: hostile)
    let honest = try cohort.plainSum(of: Array(count..<20))
    let steps = zip(outcome.sum, honest).map { Int32(bitPattern: $0 &- $1) }
    let squares = steps.reduce(0.0) { $0 + Double($1) * Double($1) }
    return (steps, squares.squareRoot() / Double(cohort.encoding.sensitivity))
  }

  @Test(
    "with our code, k members move the sum by at most k clip norms, whatever they hold",
    arguments: [1, 4])
  func clipped(count: Int) throws {
    var huge = [Float](repeating: 0, count: 32)
    huge[31] = -3e38
    let (steps, norm) = try error(hostile: count, fractionBits: 20, update: huge)
    #expect(norm == Double(count))
    #expect(steps[31] == -Int32(count) << 20)
  }

  @Test("with code of its own, one member moves the sum by 2^(30 - F) clip norms, unnoticed")
  func unclipped() throws {
    var promoted = [Float](repeating: 0, count: 32)
    promoted[31] = 1
    let (steps, norm) = try error(hostile: 1, fractionBits: 30, update: promoted)
    #expect(norm == 1_024)
    // The others' coordinates are theirs to the bit.
    #expect(steps.dropLast().allSatisfy { $0 == 0 } && steps[31] == 1 << 30)
  }

  @Test("values that are not finite are refused by a member's own code")
  func notFinite() throws {
    #expect(throws: MaskingRefusal.nonFinite) {
      try error(hostile: 1, fractionBits: 20, update: [Float](repeating: .nan, count: 32))
    }
  }
}
