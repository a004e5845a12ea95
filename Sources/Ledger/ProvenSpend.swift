package import Privacy

/// What a ledger has spent as far as it was proven to somebody who holds no log (rule R3, ruling 16).
///
/// Every CHARGE that was proven counts. A device that was away has not seen all of them: where a proven RELEASE says that
/// more is spent, its word counts, since it can only speak against the coordinator; one that says less is a lie.
package struct ProvenSpend: Equatable, Sendable {
  /// Two machines may round differently; a claim that is lower by no more than this fraction is no lie.
  private static let claimTolerance = 1e-9

  /// The sum of mu squared, a block of correlated noise counted once.
  package private(set) var muSquared = MuSquared.zero
  /// How many CHARGE entries were proven.
  package private(set) var chargeCount = 0
  private var newestEntry = -1
  private var paidBlock: UInt64?

  /// Nothing proven yet.
  package init() {}

  /// Takes in a proven entry; one at or before the newest that counted changes nothing.
  /// - Throws: `LedgerError.invalidField` for a CHARGE that cannot be charged, `.falseClaim`; nothing is taken then.
  package mutating func add(_ entry: LedgerEntry) throws(LedgerError) {
    guard entry.index > newestEntry else { return }
    switch entry.record {
    case .charge(let charge):
      let event = try charge.event(entry: entry.index)
      // The first CHARGE of a block has paid for the others.
      let isPaid = charge.block.map { $0.round > 0 && $0.start == paidBlock } ?? false
      if !isPaid { muSquared = muSquared + event.muSquared }
      paidBlock = charge.block?.start
      chargeCount += 1
    case .release(let release):
      let claim = release.claims.muSquaredAfter
      let proven = muSquared.doubleValue
      guard let claimed = Double(claim), claimed.isFinite,
        claimed >= proven - Self.claimTolerance * max(1, proven)
      else {
        throw .falseClaim(
          entry: entry.index, field: "mu_squared_after", claimed: claim, recomputed: "\(proven)")
      }
      if claimed > proven + Self.claimTolerance * max(1, proven) {
        // It was rounded up when it was written: not to refuse what fits exactly, that is taken back.
        muSquared = MuSquared(roundingUp: claimed.nextDown)
      }
    default: return
    }
    newestEntry = entry.index
  }
}
