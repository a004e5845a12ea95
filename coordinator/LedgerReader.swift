internal import Ledger
internal import LedgerStore
internal import Operations

/// Reads a ledger without taking its lock, also beside a running coordinator.
enum LedgerReader {
  private static let largestLog = 1 << 30
  private static let largestHead = 1 << 12

  /// The state up to the head: what a coordinator has acted upon.
  ///
  /// - Throws: `LedgerStoreError` when the directory holds no ledger, or a damaged one.
  static func state(inDirectory path: String) throws -> LedgerState {
    // The head first: the log only grows, so it then reaches at least that far.
    guard
      let headBytes = try DurableFile.read(
        "\(path)/\(LedgerWriter.FileName.head)", limit: largestHead),
      let log = try DurableFile.read(
        "\(path)/\(LedgerWriter.FileName.log)", limit: largestLog)
    else { throw LedgerStoreError.noLedger }
    do throws(LedgerError) {
      let head = try LedgerHead(decoding: headBytes)
      let replay = LedgerReplay(log: Array(log.prefix(head.byteCount)))
      if let failure = replay.failure { throw failure }
      guard let state = replay.state else {
        throw .tornLine(entry: 0, byteCount: replay.tornByteCount)
      }
      try head.requirePrefix(of: replay)
      return state
    } catch {
      throw LedgerStoreError.ledger(error)
    }
  }
}
