internal import GRDB
package import Recommendation

extension BehaviorStore {
  /// What the latest reported slates tell, oldest first (`Exposure.cascade`). A slate without a report
  /// tells nothing, and neither does what was shown of a forgotten interest before it was forgotten.
  ///
  /// - Parameters:
  ///   - limit: slates with a report, at least 0.
  ///   - catalogueIndex: as for `history`.
  package func exposures(
    limit: Int, catalogueIndex: (String) -> Int?
  ) throws(BehaviorStoreError) -> [Exposure] {
    precondition(limit >= 0, "a limit is not negative")
    let key = try requireKey()
    return try read { database in
      var codes = CodeBook(.item, key: key)
      var exposures: [Exposure] = []
      var slate: Int64?
      var positions: [(item: Int?, isAccepted: Bool, isDismissed: Bool)] = []
      let rows = try Row.fetchCursor(
        database,
        sql: """
          SELECT shown.slateID, shown.itemID,
            EXISTS (SELECT 1 FROM slateOutcome AS report WHERE report.slateID = shown.slateID
              AND report.itemID = shown.itemID AND report.outcome IN ('clicked', 'bought')),
            EXISTS (SELECT 1 FROM slateOutcome AS report WHERE report.slateID = shown.slateID
              AND report.itemID = shown.itemID AND report.outcome = 'dismissed'),
            EXISTS (SELECT 1 FROM forgottenItem JOIN forgottenInterest ON id = interestID
              WHERE forgottenItem.itemID = shown.itemID AND utcSeconds >= slate.timeSeconds)
          FROM slateItem AS shown JOIN slate ON slate.id = shown.slateID
          WHERE shown.slateID IN
            (SELECT DISTINCT slateID FROM slateOutcome ORDER BY slateID DESC LIMIT ?)
          ORDER BY shown.slateID, shown.position
          """, arguments: [limit])
      while let row = try rows.next() {
        let identifier: Int64 = row[0]
        if slate != identifier {
          exposures += Exposure.cascade(positions)
          positions = []
          slate = identifier
        }
        let isForgotten: Bool = row[4]
        let item = isForgotten ? nil : catalogueIndex(try codes.code(row[1], in: database))
        positions.append((item, row[2], row[3]))
      }
      return exposures + Exposure.cascade(positions)
    }
  }

  /// Slates recorded so far.
  package func slateCount() throws(BehaviorStoreError) -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM slate") ?? 0 }
  }

  // MARK: - Exploration budget

  private enum BudgetSetting {
    static let slotsPerDay = "exploration-slots-per-day"
    /// "DAY SLOTS": how many slots were explored on the latest day.
    static let used = "exploration-used"
  }

  /// What the customer lets a shop explore.
  ///
  /// - Parameter fallback: slots a day of a customer who never said.
  package func explorationBudget(
    default fallback: Int
  ) throws(BehaviorStoreError) -> ExplorationBudget {
    try read { try Self.budget(in: $0, default: fallback) }
  }

  /// Sets the customer's slots a day; nil forgets what the customer said.
  ///
  /// - Parameter slotsPerDay: at least 0.
  package func setExplorationBudget(slotsPerDay: Int?) throws(BehaviorStoreError) {
    precondition(slotsPerDay ?? 0 >= 0, "slots are counted from 0")
    try set(BudgetSetting.slotsPerDay, to: slotsPerDay.map(String.init))
  }

  /// Takes up to `wanted` slots of `day` out of the budget, durably, before anything is drawn: a draw that
  /// fails afterwards costs the shop its slots, not the customer's limit.
  ///
  /// - Returns: how many positions may be explored, in 0 ... wanted.
  package func takeExplorationSlots(
    _ wanted: Int, day: Int, default fallback: Int
  ) throws(BehaviorStoreError) -> Int {
    try write { database in
      var budget = try Self.budget(in: database, default: fallback)
      let granted = budget.take(wanted, day: day)
      try database.execute(
        sql: "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)",
        arguments: [BudgetSetting.used, "\(budget.day) \(budget.usedSlots)"])
      return granted
    }
  }

  private static func budget(
    in database: Database, default fallback: Int
  ) throws -> ExplorationBudget {
    func setting(_ key: String) throws -> String? {
      try String.fetchOne(
        database, sql: "SELECT value FROM setting WHERE key = ?", arguments: [key])
    }
    let own = try setting(BudgetSetting.slotsPerDay).flatMap(Int.init)
    let used = try setting(BudgetSetting.used)?.split(separator: " ").compactMap { Int($0) } ?? []
    return try ExplorationBudget(
      slotsPerDay: max(0, own ?? fallback), day: used.first ?? 0,
      usedSlots: max(0, used.count > 1 ? used[1] : 0))
  }
}
