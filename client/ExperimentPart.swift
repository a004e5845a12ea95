internal import BehaviorStore
internal import Recommendation

/// What one device does in an experiment.
struct ExperimentPart {
  let experiment: Experiment
  private let index: Int
  /// Whether what the customer does counts. A customer whose exploration budget is zero gets the control and
  /// is left out of the sums.
  let isCounted: Bool

  init(of experiment: Experiment, in store: BehaviorStore) throws {
    self.experiment = experiment
    isCounted =
      try store.explorationBudget(default: CustomerService.defaultSlotsPerDay).slotsPerDay > 0
    index =
      isCounted ? experiment.arm(forDraw: try store.experimentDraw(experiment.name)) : 0
  }

  var arm: Experiment.Arm { experiment.arms[index] }

  /// What the slates of this device are marked with.
  var mark: String { experiment.mark(ofArm: index) }

  /// What this device sends in the experiment's round; nil, hence zeros, where it is left out.
  func outcomes(in store: BehaviorStore) throws -> ExperimentOutcomes? {
    guard isCounted else { return nil }
    return ExperimentOutcomes(arm: index, counts: try store.experimentCounts(mark: mark))
  }

  var sentence: String {
    isCounted
      ? "experiment \(experiment.name): this device drew arm \(arm.name); what you do with the list counts "
        + "in a noised sum of many customers"
      : "experiment \(experiment.name): your exploration budget is 0, so this device follows arm \(arm.name) "
        + "and counts in no sum"
  }
}
