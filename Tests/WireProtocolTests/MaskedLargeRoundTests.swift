import SecureAggregation
import Testing
import WireProtocol

/// Rounds on a sparse graph, with a committee. `scripts/benchmark.sh cohorts` runs them with 1,000 and
/// 4,096 members.
@Suite("Large masked round")
struct MaskedLargeRoundTests {
  private func run(count: Int, dimension: Int) throws {
    let harness = try MaskedRoundHarness(
      count: count, dimension: dimension, minimumCohort: count / 2, maximumCohort: count,
      dropoutFraction: "0.1")
    // A fiftieth of the members falls silent in each of these phases.
    let silent: [(kind: Message.Kind, rest: ClientID)] = [
      (.shares, 7), (.maskedHeader, 13), (.agree, 23), (.unmask, 37),
    ]
    harness.delivers = { id, message in
      !silent.contains { id % 50 == $0.rest && message.kind == $0.kind }
        && !(id % 50 == 13 && message.kind == .updateChunk)
    }
    try harness.start()
    try harness.runOut()
    #expect(harness.ending == "released")
    let survivors = harness.members.keys.filter { $0 % 50 != 7 && $0 % 50 != 13 }
    #expect(try harness.exactSum() == harness.oneHotSum(of: survivors))
    // Nobody outside of the committee signs.
    let signing = harness.members.keys.count { id in
      harness.sent(.agree, by: id).contains { message in
        if case .agree(let agree) = message { agree.signature.contains { $0 != 0 } } else { false }
      }
    }
    let parameters = try MaskingParameters(cohortSize: count, policy: harness.maskingPolicy)
    #expect(signing <= parameters.committeeSize ?? count)
    #expect(parameters.graph == .harary)
  }

  @Test("200 members, dropouts in every phase: the sum is that of the survivors, to the bit")
  func twoHundred() throws { try run(count: 200, dimension: 64) }
}
