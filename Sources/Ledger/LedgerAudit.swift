internal import CanonicalJSON
package import Cryptography
internal import Privacy

/// Checks a ledger with nothing but its files, the policy and what others kept.
///
/// It needs no key of the operator and trusts no claim in the log: spend is recomputed from every CHARGE.
package struct LedgerAudit {
  /// A checkpoint, or a receipt, that someone other than the operator kept.
  package struct KeptCheckpoint: Equatable, Sendable {
    /// Who kept it, for the report: a file name or a client number.
    package let holder: String
    /// The signed note, or the `tlog-proof`.
    package let text: [UInt8]

    /// What was kept, and by whom.
    package init(holder: String, text: [UInt8]) {
      self.holder = holder
      self.text = text
    }
  }

  /// What there is to check.
  package struct Evidence: Sendable {
    /// The log file.
    package var log: [UInt8]
    /// The head file; nil if there is none.
    package var head: [UInt8]?
    /// The policy as its reader consented to it, canonical JSON; nil to trust the one in GENESIS.
    package var policyFile: [UInt8]?
    /// The newest checkpoint in the operator's own directory; nil if there is none.
    package var operatorCheckpoint: [UInt8]?
    /// Checkpoints that the operator does not hold.
    package var keptCheckpoints: [KeptCheckpoint]
    /// Receipts that the operator does not hold.
    package var keptReceipts: [KeptCheckpoint]
    /// The files that hand over from one key to the next, all that there are, by the entry in their names.
    package var handovers: [Int: [UInt8]]
    /// A coordinator key that the auditor knows from elsewhere; nil to trust the one in GENESIS.
    package var coordinatorKey: VerifyingKey?
    /// The members who may take part now, as `coordinator roster list` has them; nil if they are not shown.
    package var members: RosterCommitment?

    /// The log, and whatever else there is.
    package init(
      log: [UInt8], head: [UInt8]?, policyFile: [UInt8]? = nil, operatorCheckpoint: [UInt8]? = nil,
      keptCheckpoints: [KeptCheckpoint] = [], keptReceipts: [KeptCheckpoint] = [],
      handovers: [Int: [UInt8]] = [:], coordinatorKey: VerifyingKey? = nil,
      members: RosterCommitment? = nil
    ) {
      self.log = log
      self.head = head
      self.policyFile = policyFile
      self.operatorCheckpoint = operatorCheckpoint
      self.keptCheckpoints = keptCheckpoints
      self.keptReceipts = keptReceipts
      self.handovers = handovers
      self.coordinatorKey = coordinatorKey
      self.members = members
    }
  }

  let evidence: Evidence
  let replay: LedgerReplay
  private var findings: [LedgerAuditReport.Finding] = []
  private var severity: LedgerError.Severity?
  private var entryAtFault: Int?
  private var completeThrough: Int?

  private init(_ evidence: Evidence) {
    self.evidence = evidence
    replay = LedgerReplay(log: evidence.log)
  }

  /// Runs every check; a failed one does not stop the others.
  package static func run(_ evidence: Evidence) -> LedgerAuditReport {
    var audit = LedgerAudit(evidence)
    audit.checkEntries()
    audit.checkHead()
    if let state = audit.replay.state {
      audit.checkPolicy(against: state)
      audit.checkPolicyChange(of: state)
      audit.checkKeys(of: state)
      audit.checkRoster(against: state)
      audit.checkRounds(of: state)
      audit.checkCheckpoints(against: state)
      audit.stateLimits(of: state)
    }
    return audit.report
  }

  private var report: LedgerAuditReport {
    let verdict: LedgerAuditReport.Verdict =
      switch severity {
      case nil: .consistent(completeThrough: completeThrough)
      case .wrong: .wrong(entry: entryAtFault)
      case .damaged: .damaged(entry: entryAtFault)
      }
    return LedgerAuditReport(
      findings: findings, verdict: verdict, ledgerID: replay.state?.genesis.ledgerID,
      size: replay.state?.size ?? 0, rounds: replay.state?.rounds ?? .init(),
      spend: replay.state.map(LedgerAuditReport.Spend.init(of:)))
  }

  mutating func add(
    _ status: LedgerAuditReport.Finding.Status, _ title: String, _ detail: String,
    entry: Int? = nil
  ) {
    findings.append(.init(status: status, title: title, detail: detail, entry: entry))
  }

  /// Notes a failed check. The verdict is `damaged` if any is, and names the entry of the first:
  /// what comes later, such as a head that no longer fits, follows from it.
  mutating func fail(_ title: String, _ error: LedgerError, detail: String? = nil) {
    add(.fail, title, detail ?? error.description, entry: error.entry)
    if severity != .damaged { severity = error.severity }
    entryAtFault = entryAtFault ?? error.entry
  }
}

// MARK: - The checks

extension LedgerAudit {
  private mutating func checkEntries() {
    let title = "entries and hash chain"
    if let failure = replay.failure {
      let blamed = located(failure)
      fail(title, blamed)
    } else if let state = replay.state {
      add(.ok, title, "\(state.size) entries readable, each names the hash of the one before")
    } else {
      fail(title, .tornLine(entry: 0, byteCount: replay.tornByteCount))
    }
  }

  /// A broken chain between two lines is blamed on the one that its other neighbour, or the head,
  /// no longer matches.
  private func located(_ failure: LedgerError) -> LedgerError {
    guard case .brokenChain(let entry, let expected, let found) = failure, entry > 0 else {
      return failure
    }
    let isLaterLineIntact =
      namedHash(of: entry) == replay.chainHash(at: entry) || doesHeadFit(found, at: entry - 1)
    return isLaterLineIntact
      ? .changedEntry(entry: entry - 1, expected: found, found: expected) : failure
  }

  /// The hash of line `index` that the line after it names; nil if there is none or it cannot be read.
  private func namedHash(of index: Int) -> SHA256Digest? {
    guard index + 1 < replay.lineCount else { return nil }
    do {
      return try LedgerEntry(decoding: replay.line(at: index + 1), at: index + 1).previous
    } catch {
      // The head may still tell which of the two lines was changed.
      return nil
    }
  }

  /// Whether the head is that of these lines, had line `index` the hash `hash`.
  private func doesHeadFit(_ hash: SHA256Digest, at index: Int) -> Bool {
    do {
      guard let head = try evidence.head.map(LedgerHead.init(decoding:)),
        index < head.size, head.size <= replay.lineCount
      else { return false }
      guard replay.format > 1 else {
        // The head then names the last line only.
        return index == head.size - 2 && replay.root(ofSize: head.size) == head.root
      }
      let proof = replay.tree.inclusionProof(of: index, inTreeOfSize: head.size)
      try proof.requireLeaf(hash, under: head.root)
      return true
    } catch {
      // Neither neighbour can be believed: the report then names the later line.
      return false
    }
  }

  private mutating func checkHead() {
    let title = "head"
    guard let file = evidence.head else {
      return fail(title, .headMissing(entry: max(0, replay.lineCount - 1)))
    }
    do {
      let head = try LedgerHead(decoding: file)
      try head.requirePrefix(of: replay)
      add(.ok, title, "the ledger begins with the \(head.size) entries that the head names")
      checkTail(after: head)
    } catch {
      fail(title, error)
    }
  }

  private mutating func checkTail(after head: LedgerHead) {
    let byteCount = evidence.log.count - head.byteCount
    guard byteCount > 0 else { return }
    add(
      .warn, "tail",
      "\(byteCount) bytes follow the head, as a crash leaves them; whole entries among them are "
        + "counted as spent, and the next start keeps or cuts them", entry: head.size)
  }

  private mutating func checkPolicy(against state: LedgerState) {
    let title = "policy"
    guard var file = evidence.policyFile else {
      return add(
        .notProven, title,
        "no policy file was given; the ledger was checked against the policy in entry "
          + "\(state.policyChange?.entry ?? 0), \(state.policyHash.hex)")
    }
    if file.last == UInt8(ascii: "\n") { file.removeLast() }
    let hash = SHA256Digest(hashing: file)
    let entry = state.policyChange?.entry ?? 0
    guard hash != state.policyHash else {
      return add(.ok, title, "entry \(entry) holds the given policy, \(hash.hex)")
    }
    let reason =
      state.policyChange.flatMap { change in
        change.previousHash == hash
          ? "the given policy was replaced: \(change.difference.summary)" : nil
      }
      ?? "the given policy is not that of entry \(entry): "
      + Self.difference(between: file, and: state.policy.json)
    fail(
      title,
      .mismatch(entry: entry, field: "policy", expected: hash.hex, found: state.policyHash.hex),
      detail: reason)
  }

  private mutating func checkPolicyChange(of state: LedgerState) {
    guard let change = state.policyChange else { return }
    add(
      .warn, "policy change",
      "\(change.difference.summary); every customer's consent is to be asked for again, and the "
        + "budget went on", entry: change.entry)
  }

  private static func difference(between file: [UInt8], and policy: JSONValue) -> String {
    guard let inLedger = policy.objectValue else { return "entry 0 holds no object" }
    let given: [String: JSONValue]
    do {
      guard let object = try JSONValue.parse(file).objectValue else {
        return "the file holds no object"
      }
      given = object
    } catch {
      return "the file is not readable: \(error)"
    }
    let names = Set(given.keys).union(inLedger.keys).filter {
      given[$0]?.canonicalBytes != inLedger[$0]?.canonicalBytes
    }
    return names.isEmpty
      ? "the file is not in canonical form"
      : "they differ in " + names.sorted().joined(separator: ", ")
  }

  private mutating func checkRoster(against state: LedgerState) {
    let title = "roster"
    guard let roster = state.roster else {
      guard let members = evidence.members else { return }
      return fail(
        title,
        .mismatch(
          entry: state.size - 1, field: "size", expected: "\(members.size)", found: "no roster"))
    }
    let record = roster.record
    guard let members = evidence.members else {
      return add(
        .notProven, title,
        "\(record.members.size) members under hash \(record.members.hash.hex); the list was not given "
          + "(--roster)", entry: roster.entry)
    }
    if members == record.members {
      add(
        .ok, title,
        "change \(record.epoch): the given list is that of the \(members.size) members who may take "
          + "part", entry: roster.entry)
    } else {
      fail(
        title,
        .mismatch(
          entry: roster.entry, field: "roster_hash", expected: members.hash.hex,
          found: record.members.hash.hex))
    }
  }

  private mutating func checkRounds(of state: LedgerState) {
    let rounds = state.rounds
    let title = "rounds"
    if replay.failure == nil {
      add(
        .ok, title,
        "\(rounds.charged) charged as the policy plans (noise, clip, mode, unit, cohort), "
          + "\(rounds.released) released once each, \(rounds.burned) burned, \(rounds.void) void")
      add(
        .ok, "budget",
        "every charge fits the limit, and every claim of spend is what the ledger gives")
    } else {
      add(.notProven, title, "only the \(state.size) entries before the fault were counted")
    }
    if case .charged(let charge, let index) = state.phase {
      add(
        .warn, "open round",
        "round \(charge.round) is charged and has no output yet; it counts as spent", entry: index)
    }
    if let entry = state.firstSeededCharge {
      fail(
        "noise source",
        .mismatch(entry: entry, field: "rng", expected: "system", found: "seeded"),
        detail: "entry \(entry) charges seeded noise: this is a simulation, and epsilon "
          + "protects nobody")
    }
  }

  private mutating func checkCheckpoints(against state: LedgerState) {
    if let text = evidence.operatorCheckpoint {
      _ = checkCheckpoint(text, title: "operator's checkpoint", against: state)
    }
    for kept in evidence.keptCheckpoints {
      if let size = checkCheckpoint(
        kept.text, title: "checkpoint kept by \(kept.holder)", against: state)
      {
        completeThrough = max(completeThrough ?? 0, size)
      }
    }
    for kept in evidence.keptReceipts {
      if let size = checkReceipt(kept, against: state) {
        completeThrough = max(completeThrough ?? 0, size)
      }
    }
    let title = "completeness"
    if let size = completeThrough {
      add(.ok, title, "no entry before \(size) was dropped or replaced")
    } else {
      add(
        .notProven, title,
        "no checkpoint was given that the operator does not hold, so a dropped tail or a "
          + "rewritten ledger would not show")
    }
  }

  /// The size of the checkpoint if it is this ledger's and the ledger begins with it.
  private mutating func checkCheckpoint(
    _ text: [UInt8], title: String, against state: LedgerState
  ) -> Int? {
    do {
      let checkpoint = try Checkpoint(parsing: text)
      try checkpoint.verify(
        ledgerID: state.genesis.ledgerID,
        key: key(ofSize: checkpoint.size, in: state))
      try checkpoint.requirePrefix(of: replay)
      add(.ok, title, "signed, and the ledger begins with its \(checkpoint.size) entries")
      return checkpoint.size
    } catch {
      fail(title, error)
      return nil
    }
  }

  /// The size of the receipt's checkpoint if both are this ledger's and the log has the receipt's entry.
  private mutating func checkReceipt(
    _ kept: KeptCheckpoint, against state: LedgerState
  ) -> Int? {
    let title = "receipt kept by \(kept.holder)"
    do {
      let receipt = try LedgerReceipt(parsing: kept.text)
      let entry = try receipt.verify(
        ledgerID: state.genesis.ledgerID,
        key: key(ofSize: receipt.checkpoint.size, in: state))
      try receipt.checkpoint.requirePrefix(of: replay)
      // The tree of the checkpoint has one leaf at that place, and the log's tree is that tree.
      add(
        .ok, title,
        "signed, and entry \(entry.index) of the ledger is its \(entry.record.kind.rawValue)",
        entry: entry.index)
      return receipt.checkpoint.size
    } catch {
      fail(title, error)
      return nil
    }
  }

  private mutating func stateLimits(of state: LedgerState) {
    if state.genesis.enrolmentKeyHeldByCoordinator {
      add(
        .warn, "enrolment key",
        "the operator also admits customers, which weakens every promise that depends on who "
          + "takes part", entry: 0)
    }
    add(
      .notProven, "noise",
      "a ledger shows that noise was charged, not that it was drawn; that someone took part, and "
        + "how many did, is not protected")
  }
}

extension LedgerAuditReport.Spend {
  fileprivate init(of state: LedgerState) {
    let filter = state.filter
    epsilonLimit = filter.epsilonLimit
    delta = filter.delta + state.reservedDelta
    muSquared = filter.spentMuSquared
    epsilonAgainstNone = filter.epsilonSpent
    epsilonAgainstAnotherNonNegative = filter.epsilonSpent(oneHistoryAgainstAnother: .acute)
    epsilonAgainstAnother = filter.epsilonSpent(oneHistoryAgainstAnother: .unrestricted)
  }
}
