internal import GRDB
internal import Recommendation

/// What a retention rule removed.
package struct RemovedRows: Equatable, Sendable {
  package let events: Int
  package let slates: Int

  package var isNone: Bool { events == 0 && slates == 0 }
}

/// Now, on both clocks that a store's times are written by.
package struct RetentionClock: Equatable, Sendable {
  /// Seconds since 1970-01-01 UTC: slates and what came of them.
  package let utcSeconds: Int64
  /// Seconds of the local wall clock, as `CalendarTime` counts: events.
  package let localSeconds: Int64

  package init(utcSeconds: Int64, localSeconds: Int64) {
    self.utcSeconds = utcSeconds
    self.localSeconds = localSeconds
  }
}

extension BehaviorStore {
  /// Removes events and slates that are older than `days` days, overwrites what held them, and
  /// forgets what models derived from the events. Consent, journal and checkpoints stay: they bound
  /// what may still be spent.
  ///
  /// - Parameters:
  ///   - days: at least 1. A row that is exactly so old stays.
  ///   - clock: now.
  /// - Returns: what was removed.
  /// - Throws: an error of the store. `locked` after the rows are gone means that another process
  ///   kept the log in use, which holds earlier copies of them: the next call empties it.
  package func removeExpired(
    days: Int, at clock: RetentionClock
  ) throws(BehaviorStoreError) -> RemovedRows {
    precondition(days >= 1, "a retention is at least a day")
    let age = Int64(days) * CalendarTime.secondsPerDay
    let removed = try write { database in
      try database.execute(
        sql: "DELETE FROM event WHERE timeSeconds < ?", arguments: [clock.localSeconds - age])
      let events = database.changesCount
      // Its items and outcomes go with a slate (ON DELETE CASCADE).
      try database.execute(
        sql: "DELETE FROM slate WHERE timeSeconds < ?", arguments: [clock.utcSeconds - age])
      let removed = RemovedRows(events: events, slates: database.changesCount)
      guard !removed.isNone else { return removed }
      try database.execute(
        sql: """
          DELETE FROM item WHERE id NOT IN
            (SELECT itemID FROM event UNION SELECT itemID FROM slateItem
             UNION SELECT itemID FROM forgottenItem);
          DELETE FROM occasion WHERE id NOT IN (SELECT occasionID FROM event);
          """)
      if removed.events > 0 { try database.execute(sql: "DELETE FROM modelState") }
      return removed
    }
    let isLogEmpty = try emptyLog()
    guard isLogEmpty || removed.isNone else {
      throw .locked(path: path, waitedSeconds: Self.lockWaitSeconds)
    }
    return removed
  }
}
