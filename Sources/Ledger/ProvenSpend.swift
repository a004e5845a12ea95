package import Privacy

/// What a ledger has spent as far as it was proven to somebody who holds no log (rule R3, ruling 16).
///
/// Every CHARGE that was proven counts. A device that was away has not seen all of them: where a
/// proven RELEASE says that more is spent, its word counts, since it can only speak against the
/// coordinator; one that says less is a lie. What comes out depends on which entries were proven,
/// not on the order in which they were.
package struct ProvenSpend: Equatable, Sendable {
  /// Most CHARGE and RELEASE entries that are added up: two for each of 2,048 rounds. A device that
  /// was proven as many takes part in no further round of the ledger, so that what comes after them
  /// need not be known to it, and a coordinator cannot fill it.
  package static let maximumEntries = 4_096

  /// Two machines may round differently; a claim that is lower by no more than this fraction is no lie.
  private static let claimTolerance = 1e-9

  /// What one entry says.
  private struct Step: Equatable {
    enum Content: Equatable {
      case charge(MuSquared, block: BlockPosition?)
      /// `mu_squared_after` of a RELEASE, as it is written.
      case claim(String)
    }

    let entry: Int
    let content: Content
  }

  /// What steps in the order of their entries come to.
  private struct Sum: Equatable {
    /// The block that the newest charge is of, and what was paid for it.
    private struct PaidBlock: Equatable {
      let start: UInt64
      let cost: MuSquared
    }

    var muSquared = MuSquared.zero
    var chargeCount = 0
    private var paidBlock: PaidBlock?

    func hasPaid(_ cost: MuSquared, for block: BlockPosition) -> Bool {
      guard block.round > 0, let paidBlock, paidBlock.start == block.start else { return false }
      return cost <= paidBlock.cost
    }

    mutating func add(_ step: Step) throws(LedgerError) {
      switch step.content {
      case .charge(let charged, let block):
        chargeCount += 1
        // The first CHARGE of a block has paid for the others.
        if let block, hasPaid(charged, for: block) { return }
        muSquared = muSquared + charged
        paidBlock = block.map { PaidBlock(start: $0.start, cost: charged) }
      case .claim(let claim):
        let proven = muSquared.doubleValue
        let tolerance = ProvenSpend.claimTolerance * max(1, proven)
        guard let claimed = Double(claim), claimed.isFinite, claimed >= proven - tolerance else {
          throw .falseClaim(
            entry: step.entry, field: "mu_squared_after", claimed: claim, recomputed: "\(proven)")
        }
        if claimed > proven + tolerance {
          // It was rounded up when it was written: not to refuse what fits exactly, that is taken
          // back.
          muSquared = MuSquared(roundingUp: claimed.nextDown)
        }
      }
    }
  }

  /// By rising entry, each once.
  private var steps: [Step] = []
  private var sum = Sum()

  /// Nothing proven yet.
  package init() {}

  /// The sum of mu squared, a block of correlated noise counted once.
  package var muSquared: MuSquared { sum.muSquared }

  /// How many CHARGE entries were proven.
  package var chargeCount: Int { sum.chargeCount }

  /// Whether a proven CHARGE has paid for the block that `block` is a later round of: the newest one, at no less than
  /// `cost`. Where none was proven, what the block costs is still to be added.
  package func hasPaid(_ cost: MuSquared, for block: BlockPosition) -> Bool {
    sum.hasPaid(cost, for: block)
  }

  /// Whether `maximumEntries` count. What is proven after them is not added up: the sum is then no
  /// longer one to decide by.
  package var isFull: Bool { steps.count >= Self.maximumEntries }

  /// Takes in a proven entry; one that counts already changes nothing, nor does any once `isFull`.
  /// - Throws: `LedgerError.invalidField` for a CHARGE that cannot be charged, `.falseClaim` for a
  ///   RELEASE, this or a later one, that says less than the charges before it; nothing is taken
  ///   then.
  /// - Complexity: O(1) for an entry behind all others, else linear in the entries that count.
  package mutating func add(_ entry: LedgerEntry) throws(LedgerError) {
    guard !isFull else { return }
    let content: Step.Content
    switch entry.record {
    case .charge(let charge):
      content = .charge(try charge.event(entry: entry.index).muSquared, block: charge.block)
    case .release(let release): content = .claim(release.claims.muSquaredAfter)
    default: return
    }
    let step = Step(entry: entry.index, content: content)
    guard let newest = steps.last, newest.entry >= step.entry else {
      try sum.add(step)
      steps.append(step)
      return
    }
    guard let place = steps.firstIndex(where: { $0.entry >= step.entry }),
      steps[place].entry > step.entry
    else { return }
    var all = steps
    all.insert(step, at: place)
    var folded = Sum()
    for step in all { try folded.add(step) }
    (steps, sum) = (all, folded)
  }
}
