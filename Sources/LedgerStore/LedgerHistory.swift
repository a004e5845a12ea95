package import Cryptography
package import Ledger

/// What a ledger's entries say about its past rounds.
package struct LedgerHistory: Equatable, Sendable {
  /// How each round ended, and where the ledger says it.
  package private(set) var closings: [UInt64: LedgerState.ClosedRound] = [:]
  /// Digests of all models that were released.
  package private(set) var releasedModels: Set<SHA256Digest> = []

  /// Reads a log that was checked when it was opened.
  /// - Throws: `LedgerStoreError.ledger` for a line that is no entry.
  init(log: [UInt8]) throws(LedgerStoreError) {
    do throws(LedgerError) {
      for (index, line) in log.split(separator: UInt8(ascii: "\n")).enumerated() {
        append(try LedgerEntry(decoding: Array(line), at: index).record, at: index)
      }
    } catch {
      throw .ledger(error)
    }
  }

  /// Takes in the next entry.
  mutating func append(_ record: LedgerRecord, at index: Int) {
    if let closed = LedgerState.ClosedRound(record, entry: index) {
      closings[closed.round] = closed
    }
    if case .release(let release) = record { releasedModels.insert(release.modelOut) }
  }
}
