internal import Foundation
internal import GRDB

/// One item as it was shown, with the probability of showing it there.
package struct ShownItem: Equatable, Sendable {
  /// Place in the slate, from 1.
  package let position: Int
  package let item: String
  /// Probability, given the items above it, with which the exploration policy chose this item for
  /// this position, in (0, 1].
  package let propensity: Double
  /// The additive parts of its score, as a JSON object.
  package let components: String
  /// Draws that the propensity was estimated from; nil where it is exact.
  package let monteCarloDraws: Int?

  package init(
    position: Int, item: String, propensity: Double, components: String,
    monteCarloDraws: Int? = nil
  ) {
    self.position = position
    self.item = item
    self.propensity = propensity
    self.components = components
    self.monteCarloDraws = monteCarloDraws
  }
}

/// What the customer did with a shown item.
package enum SlateOutcome: String, CaseIterable, Sendable {
  case clicked, bought, dismissed
}

/// A list of recommendations as it was shown.
package struct Slate: Equatable, Sendable {
  package let id: Int64
  /// When it was shown, in seconds since 1970-01-01 UTC.
  package let timeSeconds: Int64
  /// Name and parameters of the exploration policy, as text.
  package let explorationPolicy: String
  /// Of the generator that drew it; nil if it was not recorded.
  package let seed: UInt64?
  /// Ascending by position.
  package let items: [ShownItem]
  /// What was reported so far, by item code.
  package let outcomes: [String: Set<SlateOutcome>]
}

/// Shown slates and what came of them stay on the device: no message carries them, but for the counts of an
/// experiment (``experimentCounts(mark:)``).
extension BehaviorStore {
  /// Records a slate before it is shown.
  ///
  /// - Parameters:
  ///   - items: at least one, with positions 1, 2, 3, … in order and no item twice.
  ///   - seed: of the generator that drew it.
  ///   - experiment: the mark of the experiment's arm that it was drawn for; nil if for none.
  /// - Returns: the number of the slate, which feedback names.
  /// - Throws: `invalidSlate` if `items` is not as described or a propensity is outside (0, 1].
  package func recordSlate(
    timeSeconds: Int64, explorationPolicy: String, items: [ShownItem], seed: UInt64? = nil,
    experiment: String? = nil
  ) throws(BehaviorStoreError) -> Int64 {
    guard !items.isEmpty else { throw .invalidSlate(reason: "It shows no item") }
    guard items.map(\.position) == Array(1...items.count) else {
      throw .invalidSlate(reason: "Its positions are not 1, 2, 3 and so on")
    }
    guard Set(items.map(\.item)).count == items.count else {
      throw .invalidSlate(reason: "It shows an item twice")
    }
    guard items.allSatisfy({ $0.propensity > 0 && $0.propensity <= 1 }) else {
      throw .invalidSlate(reason: "A propensity is outside (0, 1]")
    }
    let key = try requireKey()
    return try write { database in
      var codes = CodeBook(.item, key: key)
      try database.execute(
        sql: """
          INSERT INTO slate (timeSeconds, explorationPolicy, seed, experiment) VALUES (?, ?, ?, ?)
          """,
        arguments: [
          timeSeconds, explorationPolicy, seed.map { Int64(bitPattern: $0) }, experiment,
        ])
      let id = database.lastInsertedRowID
      let statement = try database.makeStatement(
        sql: """
          INSERT INTO slateItem
            (slateID, position, itemID, propensity, components, monteCarloDraws)
          VALUES (?, ?, ?, ?, ?, ?)
          """)
      for item in items {
        try statement.execute(arguments: [
          id, item.position, try codes.identifier(of: item.item, in: database), item.propensity,
          Data(try key.seal(Array(item.components.utf8), .components)), item.monteCarloDraws,
        ])
      }
      return id
    }
  }

  /// Records what the customer did with an item of a slate. The same report twice counts once.
  /// - Throws: `unknownSlate`, or `itemNotInSlate` if that slate did not show the item.
  package func recordOutcome(
    _ outcome: SlateOutcome, item: String, slate id: Int64, atSeconds: Int64
  ) throws(BehaviorStoreError) {
    let key = try requireKey()
    try write { database in
      guard
        try Bool.fetchOne(
          database, sql: "SELECT EXISTS (SELECT 1 FROM slate WHERE id = ?)", arguments: [id])
          == true
      else { throw BehaviorStoreError.unknownSlate(id: id) }
      var codes = CodeBook(.item, key: key)
      guard let itemID = try codes.knownIdentifier(of: item, in: database),
        try Bool.fetchOne(
          database,
          sql: "SELECT EXISTS (SELECT 1 FROM slateItem WHERE slateID = ? AND itemID = ?)",
          arguments: [id, itemID]) == true
      else { throw BehaviorStoreError.itemNotInSlate(id: id) }
      try database.execute(
        sql: """
          INSERT INTO slateOutcome (slateID, itemID, outcome, atSeconds) VALUES (?, ?, ?, ?)
          ON CONFLICT DO NOTHING
          """, arguments: [id, itemID, outcome.rawValue, atSeconds])
    }
  }

  /// The latest slates, newest first.
  /// - Parameter limit: at least 0.
  package func slates(limit: Int) throws(BehaviorStoreError) -> [Slate] {
    precondition(limit >= 0, "a limit is not negative")
    let key = try requireKey()
    return try read { database in
      var codes = CodeBook(.item, key: key)
      return try Row.fetchAll(
        database,
        sql: """
          SELECT id, timeSeconds, explorationPolicy, seed FROM slate ORDER BY id DESC LIMIT ?
          """,
        arguments: [limit]
      ).map { row in
        let id: Int64 = row[0]
        return Slate(
          id: id, timeSeconds: row[1], explorationPolicy: row[2],
          seed: (row[3] as Int64?).map { UInt64(bitPattern: $0) },
          items: try Self.items(ofSlate: id, in: database, key: key, codes: &codes),
          outcomes: try self.outcomes(ofSlate: id, in: database, codes: &codes))
      }
    }
  }

  private static func items(
    ofSlate id: Int64, in database: Database, key: StoreKey, codes: inout CodeBook
  ) throws -> [ShownItem] {
    try Row.fetchAll(
      database,
      sql: """
        SELECT position, itemID, propensity, components, monteCarloDraws FROM slateItem
        WHERE slateID = ? ORDER BY position
        """, arguments: [id]
    ).map { row in
      ShownItem(
        position: row[0], item: try codes.code(row[1], in: database), propensity: row[2],
        components: String(
          decoding: try key.open(Array(row[3] as Data), .components), as: UTF8.self),
        monteCarloDraws: row[4])
    }
  }

  private func outcomes(
    ofSlate id: Int64, in database: Database, codes: inout CodeBook
  ) throws -> [String: Set<SlateOutcome>] {
    var outcomes: [String: Set<SlateOutcome>] = [:]
    for row in try Row.fetchAll(
      database, sql: "SELECT itemID, outcome FROM slateOutcome WHERE slateID = ?", arguments: [id])
    {
      guard let outcome = SlateOutcome(rawValue: row[1]) else {
        throw BehaviorStoreError.corrupt(
          path: path, detail: "The outcome of a slate is unknown")
      }
      outcomes[try codes.code(row[0], in: database), default: []].insert(outcome)
    }
    return outcomes
  }
}
