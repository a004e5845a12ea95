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
    try acknowledgedFiles(inDirectory: path).state
  }

  /// The bytes of the head file, the part of the log that it acknowledges, and the replay and state of that.
  ///
  /// - Throws: as `state(inDirectory:)`.
  static func acknowledgedFiles(
    inDirectory path: String
  ) throws -> (head: [UInt8], log: [UInt8], replay: LedgerReplay, state: LedgerState) {
    let (head, log) = try acknowledged(inDirectory: path)
    do throws(LedgerError) {
      let replay = LedgerReplay(log: log)
      if let failure = replay.failure { throw failure }
      guard let state = replay.state else {
        throw .tornLine(entry: 0, byteCount: replay.tornByteCount)
      }
      try head.requirePrefix(of: replay)
      return (head.bytes, log, replay, state)
    } catch {
      throw LedgerStoreError.ledger(error)
    }
  }

  private static func acknowledged(
    inDirectory path: String
  ) throws -> (head: LedgerHead, log: [UInt8]) {
    // The head first: the log only grows, so it then reaches at least that far.
    guard
      let headBytes = try DurableFile.read(
        "\(path)/\(LedgerWriter.FileName.head)", limit: largestHead),
      let log = try DurableFile.read(
        "\(path)/\(LedgerWriter.FileName.log)", limit: largestLog)
    else { throw LedgerStoreError.noLedger }
    do throws(LedgerError) {
      let head = try LedgerHead(decoding: headBytes)
      return (head, Array(log.prefix(head.byteCount)))
    } catch {
      throw LedgerStoreError.ledger(error)
    }
  }
}
