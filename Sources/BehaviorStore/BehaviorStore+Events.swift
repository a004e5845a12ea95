internal import GRDB
package import Recommendation

/// What an import did. `inserted + alreadyPresent` is the number of rows.
package struct ImportSummary: Equatable, Sendable {
  package let inserted: Int
  package let alreadyPresent: Int
}

extension BehaviorStore {
  /// Most rows of one import. A larger file is refused: the rows that are alike must be counted
  /// in memory (about 150 bytes each).
  package static let maximumImportRows = 1_000_000

  /// Adds the events of a CSV file with the header `kind,item,time,value,occasion` (times as
  /// `YYYY-MM-DD HH:MM:SS`), all of them or none.
  ///
  /// A row that the store already has is not added again, so that importing a file twice, or a
  /// longer export that contains an earlier one, is safe. Rows that are alike within one file are
  /// kept as often as they occur.
  /// - Throws: `invalidRow` naming the file, the row (1 is the header) and the reason, never the
  ///   values; `unreadableFile`; or an error of the store.
  package func importCSV(path: String) throws(BehaviorStoreError) -> ImportSummary {
    let reader = try EventCSVReader(path: path)
    return try insert {
      guard reader.row <= Self.maximumImportRows else {
        throw BehaviorStoreError.invalidRow(
          file: path, row: reader.row,
          reason: "a file may hold \(Self.maximumImportRows) rows; split it")
      }
      return try reader.next()
    }
  }

  /// Adds events as they happen, all of them or none, by the same rule as `importCSV`: an event
  /// that is already present is not added again.
  @discardableResult
  package func append(_ events: [BehaviorEvent]) throws(BehaviorStoreError) -> ImportSummary {
    var iterator = events.makeIterator()
    return try insert { iterator.next() }
  }

  func insert(
    next: () throws -> BehaviorEvent?
  ) throws(BehaviorStoreError) -> ImportSummary {
    try write { database in
      let statement = try database.makeStatement(
        sql: """
          INSERT INTO event (item, kind, occasion, timeSeconds, value, occurrence)
          VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
          """)
      var occurrences: [BehaviorEvent: Int] = [:]
      var inserted = 0
      var rows = 0
      while let event = try next() {
        let occurrence = occurrences[event, default: 0]
        occurrences[event] = occurrence + 1
        try statement.execute(arguments: [
          event.item, event.kind.rawValue, event.occasion, event.timeSeconds, event.value,
          occurrence,
        ])
        inserted += database.changesCount
        rows += 1
      }
      return ImportSummary(inserted: inserted, alreadyPresent: rows - inserted)
    }
  }

  /// The number of events of each kind; kinds without any are left out.
  package func eventCounts() throws(BehaviorStoreError) -> [EventKind: Int] {
    try read { database in
      var counts: [EventKind: Int] = [:]
      let rows = try Row.fetchCursor(
        database, sql: "SELECT kind, COUNT(*) FROM event GROUP BY kind")
      while let row = try rows.next() {
        counts[try self.kind(row[0])] = row[1]
      }
      return counts
    }
  }

  /// The latest events, newest first; those of one second in the order of item and kind.
  /// - Parameter limit: at least 0.
  package func latestEvents(limit: Int) throws(BehaviorStoreError) -> [BehaviorEvent] {
    precondition(limit >= 0, "a limit is not negative")
    return try read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT kind, item, timeSeconds, value, occasion FROM event
          ORDER BY timeSeconds DESC, item, kind, occasion, value, occurrence LIMIT ?
          """, arguments: [limit]
      ).map { row in
        try BehaviorEvent(
          kind: self.kind(row[0]), item: row[1], timeSeconds: row[2], value: row[3],
          occasion: row[4])
      }
    }
  }

  /// The customer's history over the shop's catalogue, as models read it.
  ///
  /// - Parameters:
  ///   - kinds: the kinds of event that count.
  ///   - since: earlier events are left out, by naive seconds. A new budget period sees only
  ///     events after its start (ruling 17).
  ///   - catalogueIndex: the index of an item code, or nil for an item that the catalogue does
  ///     not list, which is left out. Two codes never share an index.
  /// - Returns: one row an item, ascending by index: on how many distinct occasions, and when last.
  package func history(
    kinds: Set<EventKind> = [.purchase], since: Int64 = .min,
    catalogueIndex: (String) -> Int?
  ) throws(BehaviorStoreError) -> CustomerHistory {
    let kindNames = kinds.map(\.rawValue).sorted()
    let marks = kindNames.map { _ in "?" }.joined(separator: ",")
    let rows = try read { database in
      var rows: [CustomerHistory.Row] = []
      let cursor = try Row.fetchCursor(
        database,
        sql: """
          SELECT item, COUNT(DISTINCT occasion), MAX(timeSeconds) FROM event
          WHERE kind IN (\(marks)) AND timeSeconds >= ? GROUP BY item
          """, arguments: StatementArguments(kindNames) + [since])
      while let row = try cursor.next() {
        guard let index = catalogueIndex(row[0]) else { continue }
        rows.append(CustomerHistory.Row(item: index, occasions: row[1], lastSeconds: row[2]))
      }
      return rows
    }
    return CustomerHistory(rows: rows.sorted { $0.item < $1.item })
  }

  private func kind(_ name: String) throws(BehaviorStoreError) -> EventKind {
    guard let kind = EventKind(rawValue: name) else {
      throw .corrupt(path: path, detail: "An event has an unknown kind")
    }
    return kind
  }
}
