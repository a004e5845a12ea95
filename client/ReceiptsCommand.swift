internal import ArgumentParser
internal import BehaviorStore
internal import CanonicalJSON
internal import Federation
internal import Operations
internal import Privacy

struct ReceiptsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receipts",
    abstract: "Shows the rounds this device took part in, what it refused, and its evidence.",
    discussion: """
      Example:

        client receipts --home me --checkpoint > mine.note
        client receipts --home me --proofs mine
        tacit audit ledger DIR --checkpoint mine.note --receipts mine

      They stay after client data erase, unless it was given --receipts.
      """)

  @OptionGroup var location: HomeOption

  @Flag(help: "Print only the newest checkpoint, as the coordinator signed it.")
  var checkpoint = false

  @Option(help: "Write the entries that the ledger was proven to hold there, as tlog-proof files.")
  var proofs: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let receipts = try receipts()
    if checkpoint {
      guard let newest = receipts.checkpoints.last else {
        throw CommandFailure(
          what: "there is no checkpoint", why: "this device has not logged in yet",
          next: "client run --home \(location.path)", exit: .invalidConfiguration)
      }
      print(newest.note, terminator: "")
      return
    }
    if let proofs { return try write(receipts.proofs, to: proofs) }
    let policy = try receipts.policy()
    let epsilon = try receipts.epsilon()
    if json {
      let rows = receipts.rounds.map(Self.json)
      print(
        JSONValue.object([
          "rounds": .array(rows), "epsilon": .number(epsilon),
          "epsilon_limit": .number(policy.epsilonLimit.doubleValue),
          "checkpoints": .integer(Int64(receipts.checkpoints.count)),
          "proofs": .integer(Int64(receipts.proofs.count)),
          "refusals": .array(receipts.refusals.map(Receipts.json)),
        ]).prettyText)
      return
    }
    for round in receipts.rounds {
      print("round \(round.round)  \(round.state.rawValue)  \(round.charge)")
    }
    for refusal in receipts.refusals {
      let round = refusal.round.map { "round \($0)  " } ?? ""
      print("\(round)refused: \(refusal.reason)")
    }
    print(
      "this device has contributed epsilon \(Format.decimal(epsilon, places: 4)) of "
        + "\(policy.epsilonLimit), by its own count; \(receipts.checkpoints.count) checkpoints and "
        + "\(receipts.proofs.count) proofs kept")
  }

  private func write(_ proofs: [KeptReceipt], to directory: String) throws {
    try DurableFile.makeDirectory(directory)
    for proof in proofs {
      try DurableFile.write(
        Array(proof.text.utf8),
        to: "\(directory)/\(Self.name(of: proof)).tlog-proof")
    }
    print("\(proofs.count) proofs are in \(directory)")
  }

  /// An entry that is of no round, a KEY, goes by its place.
  private static func name(of proof: KeptReceipt) -> String {
    proof.kind == "key" ? "key-\(proof.entry)" : "round-\(proof.round)-\(proof.kind)"
  }

  private static func json(_ round: JournalEntry) -> JSONValue {
    var members: [String: JSONValue] = [
      "round": .integer(Int64(round.round)), "state": .string(round.state.rawValue),
      "mu": .number(round.mu), "charge": .string(round.charge),
      "update_digest": .string(round.updateDigest),
    ]
    if let block = round.block {
      members["block_start"] = .integer(Int64(clamping: block.start))
      members["block_round"] = .integer(Int64(block.round))
    }
    return .object(members)
  }

  /// Of the enrolled device, or of the last one that was erased here.
  private func receipts() throws -> Receipts {
    if try EnrolmentFile.read(location.home.enrolment) == nil,
      let erased = try Receipts.read(location.home.receipts).last
    {
      return erased
    }
    let enrolment = try location.enrolment()
    return try location.withStore(sealed: false) { store in
      try Receipts(enrolment: enrolment, store: store)
    }
  }
}
