internal import Cryptography
internal import Ledger
internal import LedgerStore

/// The ledger that the disk would hold if the machine stopped now and nothing unsynchronized survived.
///
/// Read anew after a crash, and otherwise only from where it was read before: it is looked at for
/// every message.
struct DurableLedgerView {
  private let disk: SimulatedDisk
  private var byteCount = 0
  private(set) var records: [LedgerRecord] = []
  private(set) var tree = MerkleTree()
  /// The head as it was read last: looked at for every message, and another one only after an append.
  private var head: (file: [UInt8], size: Int) = ([], 0)
  /// Entries that a durable head acknowledges.
  private(set) var acknowledgedSize = 0
  private(set) var releasedModels: Set<SHA256Digest> = []

  init(disk: SimulatedDisk) { self.disk = disk }

  mutating func forget() { self = DurableLedgerView(disk: disk) }

  /// Looks again.
  ///
  /// Behind what the head acknowledges a torn write may have left anything, line feeds included: until it is cut off,
  /// and the cut is durable, there are no entries there.
  /// - Throws: `LedgerError` for an acknowledged line that is no entry.
  mutating func refresh() throws(LedgerError) {
    if let file = disk.durableContent(FederationWorld.ledgerPath + LedgerWriter.FileName.head),
      file != head.file
    {
      head = (file, try LedgerHead(decoding: file).size)
    }
    let log = disk.durableContent(FederationWorld.ledgerPath + LedgerWriter.FileName.log) ?? []
    while byteCount < log.count, let end = log[byteCount...].firstIndex(of: UInt8(ascii: "\n")) {
      let entry: LedgerEntry
      do throws(LedgerError) {
        entry = try LedgerEntry(decoding: Array(log[byteCount..<end]), at: records.count)
      } catch {
        guard records.count < head.size else { break }
        throw error
      }
      records.append(entry.record)
      tree.append(entry.hash)
      if case .release(let release) = entry.record { releasedModels.insert(release.modelOut) }
      byteCount = end + 1
    }
    acknowledgedSize = min(head.size, records.count)
  }

  /// Whether an entry of `kind` and `round` is durable and acknowledged.
  func holds(_ kind: LedgerRecordKind, of round: UInt64) -> Bool {
    records.prefix(acknowledgedSize).contains { $0.kind == kind && $0.round == round }
  }

  /// Whether entry `index` is an acknowledged KEY.
  func hasKey(at index: Int) -> Bool {
    index < acknowledgedSize && records[index].kind == .key
  }

  /// The round of the last entry, if that is an acknowledged CHARGE.
  var openCharge: UInt64? {
    guard acknowledgedSize == records.count, case .charge(let charge) = records.last else {
      return nil
    }
    return charge.round
  }
}
