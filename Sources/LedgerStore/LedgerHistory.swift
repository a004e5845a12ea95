package import Cryptography
package import Ledger

/// What a ledger's entries say about its past rounds.
package struct LedgerHistory: Equatable, Sendable {
  /// The kind of entry that ended each round: `release`, `void` or `burned`.
  package private(set) var closings: [UInt64: LedgerRecordKind] = [:]
  /// Digests of all models that were released.
  package private(set) var releasedModels: Set<SHA256Digest> = []

  /// Reads a log that was checked when it was opened.
  /// - Throws: `LedgerStoreError.ledger` for a line that is no entry.
  init(log: [UInt8]) throws(LedgerStoreError) {
    do throws(LedgerError) {
      for (index, line) in log.split(separator: UInt8(ascii: "\n")).enumerated() {
        append(try LedgerEntry(decoding: Array(line), at: index).record)
      }
    } catch {
      throw .ledger(error)
    }
  }

  /// Takes in the next entry.
  mutating func append(_ record: LedgerRecord) {
    if let round = record.closedRound { closings[round] = record.kind }
    if case .release(let release) = record { releasedModels.insert(release.modelOut) }
  }
}
