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
    let (head, log) = try acknowledged(inDirectory: path)
    do throws(LedgerError) {
      let replay = LedgerReplay(log: log)
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

  /// The kind of entry that ended each round, up to the head.
  ///
  /// - Throws: as `state(inDirectory:)`.
  static func closings(inDirectory path: String) throws -> [UInt64: LedgerRecordKind] {
    let (_, log) = try acknowledged(inDirectory: path)
    var closings: [UInt64: LedgerRecordKind] = [:]
    do throws(LedgerError) {
      for (index, line) in log.split(separator: UInt8(ascii: "\n")).enumerated() {
        let record = try LedgerEntry(decoding: Array(line), at: index).record
        if let round = record.closedRound { closings[round] = record.kind }
      }
    } catch {
      throw LedgerStoreError.ledger(error)
    }
    return closings
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
