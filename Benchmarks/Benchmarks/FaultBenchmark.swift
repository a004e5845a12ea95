import FaultSimulation
import Foundation

/// What one seed of the fault simulator takes, and that none of them breaks an invariant.
enum FaultBenchmark {
  /// As many as `TACIT_SIMULATION_SEEDS` says, for a long run; else 200. From
  /// `TACIT_SIMULATION_FIRST` (0) on.
  private static let seeds: Range<UInt64> = {
    func number(_ name: String) -> UInt64? {
      ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }
    let first = number("TACIT_SIMULATION_FIRST") ?? 0
    return first..<(first + (number("TACIT_SIMULATION_SEEDS") ?? 200))
  }()

  static func run() throws {
    var broken: [UInt64] = []
    let seconds = try Measurement.best(of: 1) {
      for seed in seeds where try FederationWorld.run(FaultPlan(seed: seed)).violation != nil {
        broken.append(seed)
      }
    }
    precondition(broken.isEmpty, "seeds \(broken) break an invariant")
    Measurement.report(
      "faults: \(seeds.count) federations under random faults",
      ["cpu_seconds": seconds, "cpu_seconds_per_seed": seconds / Double(seeds.count)])
  }
}
