import Cryptography
import FaultSimulation
import Glibc
import Testing

/// Federations under random faults. Two variables of the environment say which:
///
/// - `TACIT_SIMULATION_SEED=N` replays one seed, as a failure prints it;
/// - `TACIT_SIMULATION_SEEDS=COUNT` runs that many, from `TACIT_SIMULATION_FIRST` (0) on.
///
/// They are here and not in a command, because the simulator replaces the entropy of its whole process: no program that
/// is installed may be able to do that.
@Suite("Federations under random faults")
struct SeedTests {
  static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  /// 120 where the code is optimised, half a minute of one core; without, it is thirty times slower.
  static let seeds: Range<UInt64> = {
    #if DEBUG
      let usual: UInt64 = 60
    #else
      let usual: UInt64 = 120
    #endif
    if let one = number("TACIT_SIMULATION_SEED") { return one..<(one + 1) }
    let first = number("TACIT_SIMULATION_FIRST") ?? 0
    return first..<(first + (number("TACIT_SIMULATION_SEEDS") ?? usual))
  }()

  /// What all runs together went through.
  struct Totals {
    var runs = 0
    var released = 0
    var burned = 0
    var void = 0
    var restarts = 0
    var metSteps = 0
    var exhausted = 0
    var live = 0

    mutating func add(_ report: FederationWorld.Report) {
      runs += 1
      released += report.released
      burned += report.burned
      void += report.void
      restarts += report.starts - 1
      metSteps += report.metSteps
      exhausted += report.isBudgetExhausted ? 1 : 0
      live += report.plan.goal == .liveness ? 1 : 0
    }
  }

  @Test("no invariant is broken, and after the faults the next round completes")
  func everySeed() async throws {
    let seeds = Self.seeds
    let threads = min(UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))), 8)
    let reports = try await withThrowingTaskGroup(of: [FederationWorld.Report].self) { group in
      for thread in 0..<threads {
        group.addTask {
          try seeds.filter { $0 % threads == thread }.map { try Self.run($0) }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    var totals = Totals()
    for report in reports { totals.add(report) }
    print("simulation: \(totals)")
    guard seeds.count >= 60 else { return }
    // The faults did happen, and the federations lived with them.
    #expect(totals.released > seeds.count / 2)
    #expect(totals.burned > seeds.count / 10 && totals.void > seeds.count / 10)
    #expect(totals.restarts > seeds.count && totals.metSteps > seeds.count / 4)
    #expect(totals.exhausted > 0 && totals.live > seeds.count / 4)
  }

  /// Runs a seed, every 25th of them twice: the same seed gives the same events (I13).
  private static func run(_ seed: UInt64) throws -> FederationWorld.Report {
    let report = try FederationWorld.run(FaultPlan(seed: seed))
    if let violation = report.violation {
      Issue.record(
        """
        seed \(seed), mode \(report.plan.mode), \(report.plan.goal): \(violation)
        replay: TACIT_SIMULATION_SEED=\(seed) scripts/test.sh --filter FaultSimulationTests
        \(report.trace.joined(separator: "\n"))
        """)
    }
    if seed.isMultiple(of: 25) {
      let again = try FederationWorld.run(FaultPlan(seed: seed))
      #expect(again.digest == report.digest, "I13: seed \(seed) gives two stories")
    }
    return report
  }

  @Test("entropy from a seed repeats on its thread, and nowhere else") func entropy() {
    func draw() -> [UInt8] { SimulatedEntropy.with(seed: 7) { SecureRandom.bytes(40) } }
    #expect(draw() == draw())
    #expect(SimulatedEntropy.with(seed: 8) { SecureRandom.bytes(40) } != draw())
    #expect(SecureRandom.bytes(40) != SecureRandom.bytes(40))
  }
}
