internal import BehaviorStore
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations
internal import Privacy

/// What one enrolled device contributed, by its own count, and the coordinator's signed checkpoints:
/// from the store while it is enrolled, from a file after an erase. It names no item and no event.
struct Receipts: Equatable {
  let clientID: UInt32
  /// The ledger's identifier, in hexadecimal.
  let ledgerID: String
  /// The policy's bytes as they were agreed to, as text.
  let policyText: String
  let rounds: [JournalEntry]
  private(set) var checkpoints: [KeptCheckpoint]
  let decisions: [ConsentDecision]
  /// Entries of the ledger that were proven to this device.
  private(set) var proofs: [KeptReceipt]
  /// What this device did not go along with, oldest first.
  private(set) var refusals: [Refusal]

  /// Reads them from the store of an enrolled device; no key is needed.
  init(enrolment: Enrolment, store: BehaviorStore) throws {
    clientID = enrolment.clientID
    ledgerID = enrolment.ledgerHex
    policyText = String(decoding: enrolment.policyBytes, as: UTF8.self)
    rounds = try store.journal(ledgerID: ledgerID)
    checkpoints = try store.checkpoints(ledgerID: ledgerID)
    decisions = try store.consentHistory()
    proofs = try store.receipts(ledgerID: ledgerID)
    refusals = try store.refusals(ledgerID: ledgerID)
  }

  /// - Throws: `PrivacyError` if the policy's text is damaged.
  func policy() throws -> PrivacyPolicy { try PrivacyPolicy(decoding: Array(policyText.utf8)) }

  /// What the rounds that were not called off come to.
  func epsilon() throws -> Double {
    let spent = rounds.filter { $0.state != .void }.spentMuSquared
    return try policy().makeFilter(spentMuSquared: spent).epsilonSpent
  }

  func isOfSameDevice(as other: Receipts) -> Bool {
    clientID == other.clientID && ledgerID == other.ledgerID
  }
}

// MARK: - The file

extension Receipts {
  private static let format: Int64 = 1
  private static let largestFile = 1 << 26

  /// The receipts of the devices that were erased in this home, oldest first.
  /// - Throws: `CommandFailure` (exit 5) when the file is damaged.
  static func read(_ path: String) throws -> [Receipts] {
    guard let bytes = try DurableFile.read(path, limit: largestFile) else { return [] }
    let json = try? JSONValue.parse(bytes, limit: largestFile)
    guard let json, json["format"]?.integerValue == format,
      let devices = json["devices"]?.arrayValue
    else { throw damaged(path) }
    return try devices.map { device in
      guard let receipts = Receipts(json: device) else { throw damaged(path) }
      return receipts
    }
  }

  /// Writes no more than `read` takes: of too much, the first devices lose their proofs, then what
  /// they refused and all checkpoints but the newest, and at last the first devices go. An erase
  /// must not fail for what a coordinator has shown.
  static func write(_ devices: [Receipts], to path: String) throws {
    var devices = devices
    var bytes = file(of: devices)
    while bytes.count > largestFile, !devices.isEmpty {
      if let first = devices.firstIndex(where: { !$0.proofs.isEmpty }) {
        devices[first].proofs = []
      } else if let first = devices.firstIndex(where: \.hasMoreThanItsRounds) {
        devices[first].refusals = []
        devices[first].checkpoints = Array(devices[first].checkpoints.suffix(1))
      } else {
        devices.removeFirst()
      }
      bytes = file(of: devices)
    }
    try DurableFile.write(bytes, to: path)
  }

  private var hasMoreThanItsRounds: Bool { !refusals.isEmpty || checkpoints.count > 1 }

  private static func file(of devices: [Receipts]) -> [UInt8] {
    let json = JSONValue.object([
      "format": .integer(format), "devices": .array(devices.map(\.json)),
    ])
    return Array((json.prettyText + "\n").utf8)
  }

  private static func damaged(_ path: String) -> CommandFailure {
    CommandFailure(
      what: "\(path) cannot be read", why: "it does not hold receipts of this format",
      next: "restore it, or remove it", exit: .invalidConfiguration)
  }

  var json: JSONValue {
    .object([
      "client_id": .integer(Int64(clientID)), "ledger_id": .string(ledgerID),
      "policy": .string(policyText), "rounds": .array(rounds.map(Self.json)),
      "checkpoints": .array(
        checkpoints.map { checkpoint in
          .object([
            "size": .string(String(checkpoint.size)), "note": .string(checkpoint.note),
            "at_seconds": .integer(checkpoint.atSeconds),
          ])
        }),
      "consent": .array(
        decisions.map { decision in
          .object([
            "given": .bool(decision.given), "policy_hash": .string(decision.policyHash),
            "at_seconds": .integer(decision.atSeconds),
          ])
        }),
      "proofs": .array(
        proofs.map { proof in
          .object([
            "entry": .integer(Int64(proof.entry)), "round": .string(String(proof.round)),
            "kind": .string(proof.kind), "text": .string(proof.text),
          ])
        }),
      "refusals": .array(refusals.map(Self.json)),
    ])
  }

  static func json(_ refusal: Refusal) -> JSONValue {
    var members: [String: JSONValue] = [
      "reason": .string(refusal.reason), "at_seconds": .integer(refusal.atSeconds),
    ]
    members["round"] = refusal.round.map { .string(String($0)) }
    members["evidence"] = refusal.evidence.map { .string($0.refused) }
    members["held"] = refusal.evidence?.held.map { .string($0) }
    members["convicts"] = refusal.evidence.map { .bool($0.convicts) }
    return .object(members)
  }

  // Numbers that may exceed what JSON holds exactly are texts.
  private static func json(_ round: JournalEntry) -> JSONValue {
    var members: [String: JSONValue] = [
      "round": .string(String(round.round)), "policy_hash": .string(round.policyHash),
      "mu": .number(round.mu), "charge": .string(round.charge),
      "update_digest": .string(round.updateDigest), "at_seconds": .integer(round.atSeconds),
      "state": .string(round.state.rawValue),
    ]
    if let block = round.block {
      members["block_start"] = .string(String(block.start))
      members["block_round"] = .integer(Int64(block.round))
    }
    return .object(members)
  }

  private init?(json: JSONValue) {
    guard let id = json["client_id"]?.integerValue.flatMap(UInt32.init(exactly:)),
      let ledger = json["ledger_id"]?.stringValue, let policy = json["policy"]?.stringValue,
      let rounds = json["rounds"]?.arrayValue, let notes = json["checkpoints"]?.arrayValue,
      let decided = json["consent"]?.arrayValue
    else { return nil }
    clientID = id
    ledgerID = ledger
    policyText = policy
    self.rounds = rounds.compactMap { Self.round($0, ledgerID: ledger) }
    checkpoints = notes.compactMap { note in
      guard let size = note["size"]?.stringValue.flatMap(UInt64.init),
        let text = note["note"]?.stringValue, let at = note["at_seconds"]?.integerValue
      else { return nil }
      return KeptCheckpoint(ledgerID: ledger, size: size, note: text, atSeconds: at)
    }
    decisions = decided.compactMap { decision in
      guard let given = decision["given"]?.boolValue,
        let hash = decision["policy_hash"]?.stringValue,
        let at = decision["at_seconds"]?.integerValue
      else { return nil }
      return ConsentDecision(given: given, policyHash: hash, atSeconds: at)
    }
    // Files of earlier versions have neither.
    let proven = json["proofs"]?.arrayValue ?? []
    let refused = json["refusals"]?.arrayValue ?? []
    proofs = proven.compactMap { proof in
      guard let entry = proof["entry"]?.integerValue.flatMap(Int.init(exactly:)),
        let round = proof["round"]?.stringValue.flatMap(UInt64.init),
        let kind = proof["kind"]?.stringValue, let text = proof["text"]?.stringValue
      else { return nil }
      return KeptReceipt(entry: entry, round: round, kind: kind, text: text)
    }
    refusals = refused.compactMap { refusal in
      guard let reason = refusal["reason"]?.stringValue,
        let at = refusal["at_seconds"]?.integerValue
      else { return nil }
      return Refusal(
        round: refusal["round"]?.stringValue.flatMap(UInt64.init), reason: reason,
        evidence: refusal["evidence"]?.stringValue.map { refused in
          Refusal.Evidence(
            refused: refused, held: refusal["held"]?.stringValue,
            convicts: refusal["convicts"]?.boolValue ?? false)
        }, atSeconds: at)
    }
    guard self.rounds.count == rounds.count, checkpoints.count == notes.count,
      decisions.count == decided.count, proofs.count == proven.count,
      refusals.count == refused.count
    else { return nil }
  }

  private static func round(_ json: JSONValue, ledgerID: String) -> JournalEntry? {
    guard let round = json["round"]?.stringValue.flatMap(UInt64.init),
      let hash = json["policy_hash"]?.stringValue, let mu = json["mu"]?.numberValue,
      let charge = json["charge"]?.stringValue, let digest = json["update_digest"]?.stringValue,
      let at = json["at_seconds"]?.integerValue,
      let state = json["state"]?.stringValue.flatMap(RoundState.init(rawValue:))
    else { return nil }
    let start = json["block_start"]?.stringValue.flatMap(UInt64.init)
    let place = json["block_round"]?.integerValue.flatMap(Int.init(exactly:))
    let block = start.flatMap { start in
      place.map { JournalEntry.Block(start: start, round: $0) }
    }
    return JournalEntry(
      round: round, ledgerID: ledgerID, policyHash: hash, mu: mu, charge: charge,
      updateDigest: digest, atSeconds: at, state: state, block: block)
  }
}
