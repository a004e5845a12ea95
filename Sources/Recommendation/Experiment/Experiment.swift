package import CanonicalJSON

/// A controlled experiment (A/B test) on how devices explore: public arms, of which every device draws one.
///
/// It stands among the hyperparameters of a policy, so that consent is to it as well: whoever agreed to a
/// policy without it, or with other arms, is in no arm. Which arm a device is in follows from a secret of
/// its own; what a device contributes is ``ExperimentOutcomes``, in a sum.
package struct Experiment: Sendable, Equatable {
  /// One way to explore.
  package struct Arm: Sendable, Equatable {
    /// 1 to 32 characters of [a-z0-9-].
    package let name: String
    /// Devices of this arm, as a part of the sum of all shares; at least 1.
    package let share: Int
    package let plan: ExplorationPlan
  }

  /// What is counted of a customer.
  package enum Measure: String, CaseIterable, Sendable {
    /// Items shown.
    case impressions
    /// Items clicked or bought: the outcome that the experiment is about.
    case accepted
    /// Items bought.
    case bought
  }

  static let key = "experiment"
  private static let armsKey = "experiment_arms"
  private static let budgetShareKey = "experiment_budget_share"
  static let keys =
    [key, armsKey, budgetShareKey] + Measure.allCases.map(capKey)
  package static let acceptedArms = 2...8
  private static let acceptedShare = 1...1_000_000
  /// The customer waits for them, and did not choose them.
  private static let mostPropensityDraws = 1_000
  private static let acceptedCap = 1...1_000_000
  private static let acceptedBudgetShare = 0.001...0.9
  package static let defaultBudgetShare = "0.1"

  /// 1 to 32 characters of [a-z0-9-]; another name draws the arms anew.
  package let name: String
  /// The first one is the control, which the others are compared with.
  package let arms: [Arm]
  /// By measure, in their order: a customer's count above it counts as the cap.
  package let caps: [Int]
  /// The part of the plan's mu² that the experiment's round is charged.
  package let budgetShare: Double

  /// Reads the experiment's members of a policy's hyperparameters; nil where there are none.
  ///
  /// | member | holds |
  /// |---|---|
  /// | `experiment` | the name |
  /// | `experiment_arms` | `NAME SHARE PLAN` an arm, two to eight, separated by `;`, control first |
  /// | `experiment_budget_share` | a decimal in a string, "0.1" unless given |
  /// | `experiment_impressions_cap`, `..._accepted_cap`, `..._bought_cap` | 200, 10 and 5 unless given |
  /// - Throws: `.invalidHyperparameter`, `.unknownPolicy` and what else a plan's text may be.
  package init?(hyperparameters: JSONValue) throws(RecommendationError) {
    guard hyperparameters[Self.key] != nil else { return nil }
    let own = (hyperparameters.objectValue ?? [:]).filter { Self.keys.contains($0.key) }
    let fields = try Hyperparameters(.object(own), known: Self.keys)
    name = try Self.checkedName(try fields.text(Self.key) ?? "", of: Self.key)
    arms = try Self.arms(try fields.text(Self.armsKey) ?? "")
    var caps: [Int] = []
    for measure in Measure.allCases {
      caps.append(
        try fields.integer(Self.capKey(measure), in: Self.acceptedCap) ?? measure.defaultCap)
    }
    self.caps = caps
    let share = try fields.decimal(Self.budgetShareKey, in: Self.acceptedBudgetShare)
    budgetShare = share ?? 0.1
  }

  private static func capKey(_ measure: Measure) -> String {
    "experiment_\(measure.rawValue)_cap"
  }

  /// The hyperparameters of a policy with an experiment and the model's defaults.
  ///
  /// - Parameter arms: each as `NAME SHARE PLAN`.
  package static func hyperparameters(
    name: String, arms: [String], budgetShare: String
  ) -> JSONValue {
    .object([
      key: .string(name), armsKey: .string(arms.joined(separator: "; ")),
      budgetShareKey: .string(budgetShare),
    ])
  }

  private static func arms(_ text: String) throws(RecommendationError) -> [Arm] {
    var arms: [Arm] = []
    for part in text.split(separator: ";", omittingEmptySubsequences: false) {
      let words = part.split(separator: " ")
      guard words.count == 3, let share = Int(words[1]), acceptedShare.contains(share) else {
        throw .invalidHyperparameter(
          name: armsKey,
          accepted: "\"NAME SHARE PLAN; NAME SHARE PLAN\", such as "
            + "\"control 50 greedy; explore 50 linucb:1,mmr=0.7\", shares from 1 to 1000000")
      }
      let plan = try ExplorationPlan(parsing: String(words[2]))
      // Not every model has vectors, and an arm must be one that every device can follow.
      guard plan.vectors == .text, plan.propensityDraws <= mostPropensityDraws else {
        throw .invalidHyperparameter(
          name: armsKey,
          accepted: "plans over text vectors with at most \(mostPropensityDraws) draws")
      }
      arms.append(
        Arm(name: try checkedName(String(words[0]), of: armsKey), share: share, plan: plan))
    }
    guard acceptedArms.contains(arms.count), Set(arms.map(\.name)).count == arms.count else {
      throw .invalidHyperparameter(
        name: armsKey,
        accepted: "\(acceptedArms.lowerBound) to \(acceptedArms.upperBound) arms of different names"
      )
    }
    return arms
  }

  private static func checkedName(
    _ name: String, of key: String
  ) throws(RecommendationError) -> String {
    let isName =
      (1...32).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
      }
    guard isName else {
      throw .invalidHyperparameter(name: key, accepted: "a name of 1 to 32 characters of [a-z0-9-]")
    }
    return name
  }

  /// Devices of an arm as a fraction of all, in (0, 1).
  package func fraction(of arm: Int) -> Double {
    Double(arms[arm].share) / Double(arms.reduce(0) { $0 + $1.share })
  }

  /// The arm of a device, as an index of ``arms``.
  ///
  /// - Parameter draw: uniform, the device's own, and always the same for this experiment's name.
  package func arm(forDraw draw: UInt64) -> Int {
    let total = arms.reduce(0) { $0 + $1.share }
    // At most 8,000,000 of 2^64 draws are uneven between the arms.
    var ticket = Int(draw.multipliedFullWidth(by: UInt64(total)).high)
    for (index, arm) in arms.enumerated() {
      if ticket < arm.share { return index }
      ticket -= arm.share
    }
    return arms.count - 1
  }

  /// What a slate of this experiment is marked with on the device.
  package func mark(ofArm arm: Int) -> String { "\(name)/\(arms[arm].name)" }
}

extension Experiment.Measure {
  fileprivate var defaultCap: Int {
    switch self {
    case .impressions: 200
    case .accepted: 10
    case .bought: 5
    }
  }
}

/// What one customer did with the slates of an experiment. It leaves the device in an update only: under
/// masks, or in mode `sealed` to be read in the coordinator's memory; what is released is a noised sum.
package struct ExperimentOutcomes: Sendable, Equatable {
  /// Index among the experiment's arms.
  package let arm: Int
  /// By measure, in their order; at least 0.
  package let counts: [Int]

  /// - Precondition: one count a measure, none negative.
  package init(arm: Int, counts: [Int]) {
    precondition(
      arm >= 0 && counts.count == Experiment.Measure.allCases.count
        && counts.allSatisfy { $0 >= 0 }, "an arm and one count a measure")
    self.arm = arm
    self.counts = counts
  }
}
