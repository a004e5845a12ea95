import FaultSimulation
import Glibc
import Testing

/// Every named durable step of the coordinator x every fault of its next operation x once and until
/// someone mends the disk x what is left when the machine stops as well (rows F10 to F26 of the
/// fault matrix).
@Suite("Faults at every named step")
struct StepFaultTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let fault: SimulatedDisk.Fault
    let isPersistent: Bool

    var testDescription: String { "\(fault), \(isPersistent ? "persistent" : "once")" }
  }

  static let cases = SimulatedDisk.Fault.allCases.flatMap { fault in
    // A process is killed once.
    (fault == .killed ? [false] : [false, true]).map { Case(fault: fault, isPersistent: $0) }
  }

  static let modes = ["sealed", "secagg", "secagg-ddp"]

  /// Whether the machine stops with the process, and with what left.
  static let crashes: [SimulatedDisk.CrashOutcome?] = [nil, .nothing, .half, .anything(seed: 5)]

  /// Every step where `TACIT_SIMULATION_EXHAUSTIVE` is set. Else each step and fault meet in one of
  /// `parts` tests, of which this is number `part`; without optimisation, in a few of them.
  private static func selected(
    _ steps: [String], _ test: Case, part: Int, of parts: Int
  ) -> [(offset: Int, element: String)] {
    guard getenv("TACIT_SIMULATION_EXHAUSTIVE") == nil else { return Array(steps.enumerated()) }
    #if DEBUG
      let stride = 11
    #else
      let stride = parts
    #endif
    let first = cases.firstIndex { $0.testDescription == test.testDescription } ?? 0
    return Array(steps.enumerated()).filter { ($0.offset + first + part).isMultiple(of: stride) }
  }

  /// One of `crashes` for each step, in turn; all of them where `TACIT_SIMULATION_EXHAUSTIVE` is set.
  private static func selectedCrashes(
    _ number: Int
  ) -> [(offset: Int, element: SimulatedDisk.CrashOutcome?)] {
    let all = Array(crashes.enumerated())
    return getenv("TACIT_SIMULATION_EXHAUSTIVE") == nil ? [all[number % all.count]] : all
  }

  private func run(
    _ steps: [String], _ test: Case, mode: String, after prelude: [FaultPlan.StepFault] = [],
    declining: Int64 = 0, operations: [FaultPlan.Operation] = [], part: Int = 0,
    of parts: Int = 1
  ) throws {
    for (number, step) in Self.selected(steps, test, part: part, of: parts) {
      for (offset, crash) in Self.selectedCrashes(number) {
        var plan = FaultPlan(seed: UInt64(16 * number + offset), goal: .liveness, mode: mode)
        plan.decliningMilliseconds = declining
        plan.operations = operations
        plan.consent = 0.7
        plan.steps =
          prelude + [
            .init(step: step, fault: test.fault, isPersistent: test.isPersistent, crash: crash)
          ]
        let report = try FederationWorld.run(plan)
        let story =
          "\(step), crash \(String(describing: crash))\n\(report.trace.joined(separator: "\n"))"
        #expect(report.violation == nil, "\(story)")
        #expect(report.metSteps == plan.steps.count, "\(story)")
        // In secagg a charge without a sum is the end: its updates are not asked for again (ruling 27).
        #expect(
          report.released >= 1
            || mode == "secagg" && report.burned == 1
              && report.hasLostSum,
          "\(story)")
        #expect(report.burned + report.released == report.charged, "\(story)")
        #expect((report.keyChanges > 0) == operations.contains { $0.isRotation }, "\(story)")
        #expect(report.policyChanges == operations.count { !$0.isRotation }, "\(story)")
      }
    }
  }

  @Test("in a round: no spend is lost and the federation goes on", arguments: cases, modes)
  func round(_ test: Case, mode: String) throws {
    try run(
      StepNames.ofOneRound, test, mode: mode, part: Self.modes.firstIndex(of: mode) ?? 0,
      of: Self.modes.count)
  }

  @Test("before a round with new members", arguments: cases) func roster(_ test: Case) throws {
    try run(StepNames.ofRoster, test, mode: "secagg-ddp")
  }

  @Test("in a round without a quorum", arguments: cases) func void(_ test: Case) throws {
    try run(StepNames.ofVoid, test, mode: "sealed", declining: 5_000)
  }

  @Test("in a start that burns a charge", arguments: cases) func burned(_ test: Case) throws {
    try run(
      StepNames.ofBurned, test, mode: "secagg-ddp",
      after: [.init(step: "charge-after-head", fault: .killed)])
  }

  @Test("while the signing key is replaced", arguments: cases, modes)
  func key(_ test: Case, mode: String) throws {
    try run(
      StepNames.ofKey, test, mode: mode, operations: [.rotation, .rotation],
      part: Self.modes.firstIndex(of: mode) ?? 0, of: Self.modes.count)
  }

  @Test("while another policy is signed", arguments: cases) func policy(_ test: Case) throws {
    try run(StepNames.ofPolicy, test, mode: "secagg-ddp", operations: [.policy, .rotation])
  }

  @Test("while the ledger is made", arguments: cases) func genesis(_ test: Case) throws {
    try run(StepNames.ofGenesis, test, mode: "sealed")
  }

  @Test(
    "kills after CHARGE end with the budget, each under a round of its own; in secagg with the first"
  )
  func crashLoop() throws {
    for mode in Self.modes {
      var plan = FaultPlan(seed: 3, goal: .safety, mode: mode, noiseMultiplier: "2")
      plan.faultMilliseconds = 200_000
      plan.steps = (0..<100).map { _ in
        .init(step: "charge-after-head", fault: .killed, crash: .nothing)
      }
      let report = try FederationWorld.run(plan)
      #expect(report.violation == nil, "\(report.trace.joined(separator: "\n"))")
      #expect(mode == "secagg" ? report.hasLostSum : report.isBudgetExhausted)
      #expect(report.released == 0)
      #expect(report.burned == report.charged && report.charged == report.metSteps)
      #expect(mode == "secagg" ? report.charged == 1 : (4..<20).contains(report.charged))
    }
  }
}

extension FaultPlan.Operation {
  fileprivate static let rotation = Self(atMilliseconds: 6_000, command: .rotateKey)
  fileprivate static let policy = Self(
    atMilliseconds: 6_000,
    command: .signPolicy(epsilonLimit: "9", minimumCohort: 4, noiseMultiplier: "20"))

  fileprivate var isRotation: Bool { if case .rotateKey = command { true } else { false } }
}
