import CTileLoop
import SecureAggregation
import WireProtocol

/// Aggregations in one process with members that fall silent.
enum CohortBenchmark {
  /// `unmask`: removing the masks of 100 clients, 5 of which dropped out, against the C loop over as
  /// many keys, on one core.
  static func unmasking() throws {
    let dimension = 1 << 20
    // The noise is the coordinator's in this mode, so that only its own draws take time.
    let federation = try BenchmarkFederation(
      count: 100, dimension: dimension, mode: .secagg, noiseSource: .seeded)
    var cohort = try InProcessCohort(
      federation,
      silence: .init(period: 20, rests: [(.maskedHeader, 13), (.updateChunk, 13)]))
    try cohort.run()
    guard let removal = cohort.removal else { preconditionFailure("the round has a sum") }
    let keys = [UInt8](repeating: 0xA5, count: 32 * removal.maskCount)
    var words = [UInt32](repeating: 0, count: dimension)
    var (ours, theirs) = (Double.infinity, Double.infinity)
    // In turns, so that both see the same machine.
    for _ in 0..<5 {
      ours = min(
        ours,
        Measurement.best(of: 1) {
          precondition(removal.correctionsOnThisThread() != nil, "the masks expand")
        })
      theirs = min(
        theirs,
        Measurement.best(of: 1) {
          precondition(tile_loop_add(keys, removal.maskCount, &words, dimension) == 1)
        })
    }
    Measurement.report(
      "unmask: 100 clients, 5 dropped, 1M coordinates",
      [
        "masks": Double(removal.maskCount), "seconds": ours, "c_seconds": theirs,
        "ratio": ours / theirs,
      ])
  }

  /// `cohorts`: 1,000 and 4,096 members in one sum, a fiftieth of them falling silent in each of four
  /// phases; the sum is compared with that of the survivors, to the bit.
  static func run() throws {
    for (count, dimension) in [(1_000, 4_096), (4_096, 256)] {
      try run(
        BenchmarkFederation(
          count: count, dimension: dimension, mode: .secaggDDP, noiseSource: .seeded))
    }
  }

  private static func run(_ federation: BenchmarkFederation) throws {
    let silence = InProcessCohort.Silence(
      period: 50,
      rests: [
        (.shares, 7), (.maskedHeader, 13), (.updateChunk, 13), (.agree, 23), (.unmask, 37),
      ])
    Measurement.resetPeak()
    let (before, started) = (Measurement.cpuSeconds(), ContinuousClock.now)
    var cohort = try InProcessCohort(federation, silence: silence)
    try cohort.run()
    let seconds = Measurement.cpuSeconds() - before
    let wall = (ContinuousClock.now - started) / .seconds(1)
    guard let sum = cohort.sum else { preconditionFailure("the round has a sum") }
    let survivors = (1...ClientID(federation.count)).filter { $0 % 50 != 7 && $0 % 50 != 13 }
    let expected = try federation.expectedSum(of: survivors, parameters: sum.parameters)
    precondition(
      sum.released.values == expected && sum.released.contributorCount == survivors.count,
      "the sum is that of the survivors, to the bit")
    Measurement.report(
      "cohort: \(federation.count) members, \(federation.dimension) coordinates, 4 x 2 % silent",
      [
        "cpu_seconds": seconds, "wall_seconds": wall, "peak_bytes": try Measurement.peakBytes(),
        "coordinator_cpu_seconds": cohort.coordinatorSeconds,
        "clients_cpu_seconds": seconds - cohort.coordinatorSeconds,
        "survivors": Double(survivors.count), "degree": Double(sum.parameters.degree),
        "shamir_threshold": Double(sum.parameters.shamirThreshold),
        "committee": Double(sum.parameters.committeeSize ?? federation.count),
        "signature_threshold": Double(sum.parameters.signatureThreshold),
      ])
  }
}
