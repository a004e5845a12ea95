internal import GRDB
package import Recommendation

/// What an import did. `inserted + alreadyPresent` is the number of rows.
package struct ImportSummary: Equatable, Sendable {
  package let inserted: Int
  package let alreadyPresent: Int
}

extension BehaviorStore {
  /// Adds the events of a file (see `ImportFormat`), all of them or none.
  ///
  /// A row that the store already has is not added again, so that importing a file twice, or a
  /// longer export that contains an earlier one, is safe. Rows that are alike within one file are
  /// kept as often as they occur.
  /// - Throws: `invalidRow` naming the file, the row (1 is the first line, a CSV file's header) and
  ///   the reason, never the values; `unreadableFile`; or an error of the store.
  package func importEvents(
    path: String, format: ImportFormat
  ) throws(BehaviorStoreError) -> ImportSummary {
    let rows = try EventRows(path: path, format: format)
    return try insert {
      while let row = try rows.next() {
        switch row {
        case .event(let event): return event
        case .other: continue
        case .bad(let number, let reason):
          throw BehaviorStoreError.invalidRow(file: path, row: number, reason: reason)
        }
      }
      return nil
    }
  }

  /// Adds events as they happen, all of them or none, by the same rule as `importEvents`: an event
  /// that is already present is not added again.
  @discardableResult
  package func append(_ events: [BehaviorEvent]) throws(BehaviorStoreError) -> ImportSummary {
    var iterator = events.makeIterator()
    return try insert { iterator.next() }
  }

  func insert(
    next: () throws -> BehaviorEvent?
  ) throws(BehaviorStoreError) -> ImportSummary {
    let key = try requireKey()
    return try write { database in
      var items = CodeBook(.item, key: key)
      var occasions = CodeBook(.occasion, key: key)
      var events: [StoredEvent] = []
      while let event = try next() {
        events.append(
          StoredEvent(
            itemID: try items.identifier(of: event.item, in: database),
            occasionID: try occasions.identifier(of: event.occasion, in: database),
            kind: event.kind, timeSeconds: event.timeSeconds, value: event.value))
      }
      // In the order of the table's key: each page of a large table is then met once, and rows that are
      // alike follow each other.
      events.sort()
      let statement = try database.makeStatement(
        sql: """
          INSERT INTO event (itemID, kind, occasionID, timeSeconds, value, occurrence)
          VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
          """)
      var inserted = 0
      var occurrence = 0
      for (index, event) in events.enumerated() {
        occurrence = index > 0 && events[index - 1] == event ? occurrence + 1 : 0
        try statement.execute(arguments: [
          event.itemID, event.kind.rawValue, event.occasionID, event.timeSeconds, event.value,
          occurrence,
        ])
        inserted += database.changesCount
      }
      return ImportSummary(inserted: inserted, alreadyPresent: events.count - inserted)
    }
  }

  /// An event as its row holds it, without the occurrence; in the order of the table's key.
  private struct StoredEvent: Comparable {
    let itemID: Int64
    let occasionID: Int64
    let kind: EventKind
    let timeSeconds: Int64
    let value: Double

    static func < (left: StoredEvent, right: StoredEvent) -> Bool {
      if left.itemID != right.itemID { return left.itemID < right.itemID }
      if left.kind != right.kind { return left.kind.rawValue < right.kind.rawValue }
      if left.occasionID != right.occasionID { return left.occasionID < right.occasionID }
      if left.timeSeconds != right.timeSeconds { return left.timeSeconds < right.timeSeconds }
      return left.value < right.value
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

  /// The latest events, newest first; those of one second in the order in which the store first met
  /// their items.
  /// - Parameter limit: at least 0.
  package func latestEvents(limit: Int) throws(BehaviorStoreError) -> [BehaviorEvent] {
    precondition(limit >= 0, "a limit is not negative")
    let key = try requireKey()
    return try read { database in
      var items = CodeBook(.item, key: key)
      var occasions = CodeBook(.occasion, key: key)
      return try Row.fetchAll(
        database,
        sql: """
          SELECT kind, itemID, timeSeconds, value, occasionID FROM event
          ORDER BY timeSeconds DESC, itemID, kind, occasionID, value, occurrence LIMIT ?
          """, arguments: [limit]
      ).map { row in
        try BehaviorEvent(
          kind: self.kind(row[0]), item: try items.code(row[1], in: database),
          timeSeconds: row[2], value: row[3], occasion: try occasions.code(row[4], in: database))
      }
    }
  }

  /// The customer's history over the shop's catalogue, as models read it. Events of a forgotten interest
  /// (see `forgetInterest`) up to that moment are left out.
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
    let key = try requireKey()
    let rows = try read { database in
      let items = CodeBook(.item, key: key)
      var rows: [CustomerHistory.Row] = []
      // Rarely anything is forgotten, and the condition costs a search an event.
      let forgets = try Self.hasForgotten(in: database)
      let cursor = try Row.fetchCursor(
        database,
        sql: """
          SELECT sealed, occasions, lastSeconds FROM (
            SELECT itemID, COUNT(DISTINCT occasionID) AS occasions, MAX(timeSeconds) AS lastSeconds
            FROM event
            WHERE kind IN (\(marks)) AND timeSeconds >= ? \(forgets ? Self.notForgotten : "")
            GROUP BY itemID
          ) LEFT JOIN item ON item.id = itemID
          """, arguments: StatementArguments(kindNames) + [since])
      while let row = try cursor.next() {
        guard let index = catalogueIndex(try items.code(sealed: row[0])) else { continue }
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
