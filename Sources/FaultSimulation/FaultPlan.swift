internal import VectorMath

/// What goes wrong in one simulated federation, and how often: all of it from one seed.
///
/// Each seed takes only some of the faults (swarm testing: Groce et al., "Swarm Testing", ISSTA
/// 2012), since a run in which everything fails at once seldom gets far enough to find anything.
package struct FaultPlan: Sendable {
  /// What a run must show.
  package enum Goal: String, Sendable {
    /// Nothing wrong ever happens, whatever faults do, to the end.
    case safety
    /// As `safety`, with faults that stop after a while; then the next round completes within two
    /// deadlines (I12).
    case liveness
  }

  package var seed: UInt64
  package var goal: Goal
  /// An aggregation mode, as the policy names it.
  package var mode: String
  /// Of the policy's one planned round: decides how many rounds the budget holds.
  package var noiseMultiplier: String
  /// Faults stop, or the run ends, at this time.
  package var faultMilliseconds: Int64
  package var network = NetworkFaults()
  package var processes = ProcessFaults()
  /// Faults at named steps, met one after the other.
  package var steps: [StepFault] = []
  /// Until then every customer declines, so that rounds end without a quorum.
  package var decliningMilliseconds: Int64 = 0
  /// Releases after which training is complete.
  package var trainings = 4
  /// What the operator does between lives of the coordinator, by rising time.
  package var operations: [Operation] = []
  /// Of those customers that are shown another policy, how many agree to it before the faults stop.
  package var consent = 1.0

  /// One command of the operator, for which the coordinator is stopped.
  package struct Operation: Sendable {
    /// `coordinator key rotate`, or `coordinator policy sign` of a policy that differs in these fields.
    package enum Command: Sendable {
      case rotateKey
      case signPolicy(epsilonLimit: String, minimumCohort: Int, noiseMultiplier: String)
    }

    package var atMilliseconds: Int64
    package var command: Command

    package init(atMilliseconds: Int64, command: Command) {
      self.atMilliseconds = atMilliseconds
      self.command = command
    }
  }

  /// How frames and connections suffer. Probabilities are per frame.
  package struct NetworkFaults: Sendable {
    /// Longest delay of a frame.
    package var delayMilliseconds: Int64 = 20
    package var loss = 0.0
    package var duplication = 0.0
    /// A frame may overtake those before it.
    package var reordering = 0.0
    package var corruption = 0.0
    /// The connection breaks instead of carrying the frame.
    package var cut = 0.0
    /// Per second: some customers cannot be reached, in one or both directions, for a while.
    package var partition = 0.0
  }

  /// How processes, the machine and disks suffer, per second.
  package struct ProcessFaults: Sendable {
    package var coordinatorKill = 0.0
    /// The coordinator's machine stops: what was not synchronized may be lost.
    package var machineCrash = 0.0
    package var terminate = 0.0
    package var customerKill = 0.0
    /// The disk fails, once or until someone mends it.
    package var diskFault = 0.0
    /// Per call: a device dies before or after a write of its journal, or cannot make it.
    package var deviceFault = 0.0
    /// Customers that send what no honest device would: not a number, huge norms.
    package var strangeCustomers = 0
  }

  /// One fault at a named step.
  package struct StepFault: Sendable {
    package var step: String
    package var fault: SimulatedDisk.Fault
    package var isPersistent: Bool
    /// The machine stops as well, with this left of what was not synchronized.
    package var crash: SimulatedDisk.CrashOutcome?

    package init(
      step: String, fault: SimulatedDisk.Fault, isPersistent: Bool = false,
      crash: SimulatedDisk.CrashOutcome? = nil
    ) {
      self.step = step
      self.fault = fault
      self.isPersistent = isPersistent
      self.crash = crash
    }
  }

  /// A federation in which nothing goes wrong.
  package init(seed: UInt64, goal: Goal, mode: String, noiseMultiplier: String = "20") {
    self.seed = seed
    self.goal = goal
    self.mode = mode
    self.noiseMultiplier = noiseMultiplier
    faultMilliseconds = 20_000
  }

  /// The plan of `seed`.
  package init(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    func happens(_ probability: Double) -> Bool {
      Double.random(in: 0..<1, using: &random) < probability
    }
    func rate(_ values: [Double]) -> Double {
      happens(0.5) ? 0 : values[Int.random(in: values.indices, using: &random)]
    }
    let modes = ["sealed", "secagg", "secagg-ddp"]
    self.init(
      seed: seed, goal: happens(0.5) ? .safety : .liveness,
      mode: modes[Int.random(in: modes.indices, using: &random)],
      // A budget of about 2, 9 or 900 rounds.
      noiseMultiplier: ["1", "2", "20"][Int.random(in: 0..<3, using: &random)])
    faultMilliseconds = Int64.random(in: 20...90, using: &random) * 1_000
    trainings = Int.random(in: 2...5, using: &random)
    network.delayMilliseconds = [5, 50, 2_000][Int.random(in: 0..<3, using: &random)]
    network.loss = rate([0.002, 0.02])
    network.duplication = rate([0.01, 0.1])
    network.reordering = rate([0.01, 0.1])
    network.corruption = rate([0.002, 0.02])
    network.cut = rate([0.002, 0.02])
    network.partition = rate([0.02, 0.1])
    processes.coordinatorKill = rate([0.02, 0.1])
    processes.machineCrash = rate([0.02, 0.1])
    processes.terminate = rate([0.01, 0.03])
    processes.customerKill = rate([0.02, 0.2])
    processes.diskFault = rate([0.02, 0.1])
    processes.deviceFault = rate([0.01, 0.05])
    processes.strangeCustomers = happens(0.3) ? 1 : 0
    for index in 0..<Int.random(in: 0...3, using: &random) {
      // Faults are met in turn, and members change before the first round, seldom later.
      let steps = index == 0 && happens(0.2) ? StepNames.ofRoster : StepNames.ofOneRound
      self.steps.append(
        StepFault(
          step: steps[Int.random(in: steps.indices, using: &random)],
          fault: SimulatedDisk.Fault.allCases[
            Int.random(in: SimulatedDisk.Fault.allCases.indices, using: &random)],
          isPersistent: happens(0.3),
          crash: happens(0.5) ? .anything(seed: random.next()) : nil))
    }
    // Drawn last, so that the rest of a seed stays what it was.
    if happens(0.3) { addOperations(using: &random) }
  }

  /// One to three commands of the operator, and perhaps a fault in the midst of one of them.
  private mutating func addOperations(using random: inout SeededRandom) {
    consent = [0.3, 0.7, 1][Int.random(in: 0..<3, using: &random)]
    let times = (0..<Int.random(in: 1...3, using: &random)).map { _ in
      Int64.random(in: 2_000..<faultMilliseconds, using: &random)
    }
    for time in times.sorted() {
      // A limit that is higher, lower, or below what is spent; a cohort that was enough and is not.
      let command: Operation.Command =
        Bool.random(using: &random)
        ? .rotateKey
        : .signPolicy(
          epsilonLimit: ["9", "7", "0.5"][Int.random(in: 0..<3, using: &random)],
          minimumCohort: Int.random(in: 4...5, using: &random),
          noiseMultiplier: [noiseMultiplier, "20"][Int.random(in: 0..<2, using: &random)])
      operations.append(Operation(atMilliseconds: time, command: command))
    }
    guard Bool.random(using: &random) else { return }
    let names = StepNames.ofKey + StepNames.ofPolicy
    steps.insert(
      StepFault(
        step: names[Int.random(in: names.indices, using: &random)],
        fault: SimulatedDisk.Fault.allCases[
          Int.random(in: SimulatedDisk.Fault.allCases.indices, using: &random)],
        isPersistent: Double.random(in: 0..<1, using: &random) < 0.3,
        crash: Bool.random(using: &random) ? .anything(seed: random.next()) : nil), at: 0)
  }
}
