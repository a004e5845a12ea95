internal import GRDB
internal import Recommendation

/// What this device does in an experiment. The draw stays here; the counts, at the place of the
/// arm, leave in an update.
extension BehaviorStore {
  /// This device's draw for an experiment: uniform, and the same for as long as the device has its key.
  package func experimentDraw(_ name: String) throws(BehaviorStoreError) -> UInt64 {
    let key = try requireKey()
    return try read { _ in try key.experimentDraw(name) }
  }

  /// What came of the slates that were drawn for an arm: items shown, accepted (clicked or bought)
  /// and bought, in the order of `Experiment.Measure`. What was shown of a forgotten interest
  /// before it was forgotten does not count.
  ///
  /// - Parameter mark: as it was given to `recordSlate`.
  package func experimentCounts(mark: String) throws(BehaviorStoreError) -> [Int] {
    try read { database in
      let row = try Row.fetchOne(
        database,
        sql: """
          SELECT COUNT(*),
            IFNULL(SUM(EXISTS (SELECT 1 FROM slateOutcome AS report
              WHERE report.slateID = shown.slateID AND report.itemID = shown.itemID
              AND report.outcome IN ('clicked', 'bought'))), 0),
            IFNULL(SUM(EXISTS (SELECT 1 FROM slateOutcome AS report
              WHERE report.slateID = shown.slateID AND report.itemID = shown.itemID
              AND report.outcome = 'bought')), 0)
          FROM slateItem AS shown JOIN slate ON slate.id = shown.slateID
          WHERE slate.experiment = ? AND NOT EXISTS (
            SELECT 1 FROM forgottenItem JOIN forgottenInterest ON id = interestID
            WHERE forgottenItem.itemID = shown.itemID AND utcSeconds >= slate.timeSeconds)
          """, arguments: [mark])
      return try Experiment.Measure.allCases.indices.map { column in
        guard let row else {
          throw BehaviorStoreError.corrupt(path: path, detail: "An aggregate has no row")
        }
        return row[column]
      }
    }
  }
}
