/// How many slots of a slate a customer lets a shop explore, counted over a day.
///
/// A slot counts as explored when it is drawn by a policy, whatever was drawn, so that the count tells
/// nothing about the outcome. Zero is allowed: then nothing is ever explored.
package struct ExplorationBudget: Sendable, Equatable {
  /// Slots a day, at least 0.
  package let slotsPerDay: Int
  /// The day of ``usedSlots``, counted from any fixed day.
  package private(set) var day: Int
  /// Slots explored on ``day``.
  package private(set) var usedSlots: Int

  /// - Throws: `.invalidHyperparameter`.
  package init(
    slotsPerDay: Int, day: Int = 0, usedSlots: Int = 0
  ) throws(RecommendationError) {
    guard slotsPerDay >= 0, usedSlots >= 0 else {
      throw .invalidHyperparameter(name: "exploration slots", accepted: "0 or more")
    }
    self.slotsPerDay = slotsPerDay
    self.day = day
    self.usedSlots = usedSlots
  }

  /// Takes up to `wanted` slots of `day` out of the budget.
  ///
  /// A day before the last one gets nothing, so that a clock set back does not renew the budget.
  /// - Returns: how many slots may be explored, in 0 ... wanted.
  package mutating func take(_ wanted: Int, day today: Int) -> Int {
    precondition(wanted >= 0, "slots are counted from 0")
    if today > day {
      day = today
      usedSlots = 0
    }
    guard today == day else { return 0 }
    let granted = min(wanted, max(0, slotsPerDay - usedSlots))
    usedSlots += granted
    return granted
  }
}

/// A slate whose first positions are the best items and whose last `exploredSlots` are drawn by a policy.
///
/// How many positions are drawn is fixed before anything is drawn, so that propensities stay those of the
/// policy: 1 at the positions before, conditional on them after.
package struct BudgetedExploration<Base: ExplorationPolicy>: ExplorationPolicy {
  package static var identifier: String { "budgeted-" + Base.identifier }

  /// The rule of the last positions.
  package let base: Base
  /// Positions at the end of a slate that are drawn, at least 0; what `ExplorationBudget.take` granted.
  package let exploredSlots: Int

  /// Never: the first positions are fixed whenever the slate is longer than ``exploredSlots``.
  package var hasFullSupport: Bool { false }

  /// - Precondition: `exploredSlots >= 0`.
  package init(_ base: Base, exploredSlots: Int) {
    precondition(exploredSlots >= 0, "slots are counted from 0")
    self.base = base
    self.exploredSlots = exploredSlots
  }

  package func slate(
    _ scores: inout some SlateScores, candidates: [Int], count: Int,
    using generator: inout some RandomNumberGenerator
  ) -> [DrawnItem] {
    let fixed = max(0, min(count, candidates.count) - exploredSlots)
    let first = Greedy().slate(&scores, candidates: candidates, count: fixed, using: &generator)
    let shown = Set(first.map(\.item))
    return first
      + base.slate(
        &scores, candidates: shown.isEmpty ? candidates : candidates.filter { !shown.contains($0) },
        count: max(0, count - fixed), using: &generator)
  }
}
