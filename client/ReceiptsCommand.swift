internal import ArgumentParser
internal import BehaviorStore
internal import CanonicalJSON
internal import Federation
internal import Operations
internal import Privacy

struct ReceiptsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receipts",
    abstract: "Shows the rounds this device took part in, and its signed checkpoints.",
    discussion: """
      Example:

        client receipts --home me --checkpoint > mine.note
        tacit audit ledger DIR --checkpoint mine.note
      """)

  @OptionGroup var location: HomeOption

  @Flag(help: "Print only the newest checkpoint, as the coordinator signed it.")
  var checkpoint = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let enrolment = try location.enrolment()
    let policy = try enrolment.policy()
    let (rounds, checkpoints) = try location.withStore { store in
      (
        try store.journal(ledgerID: enrolment.ledgerHex),
        try store.checkpoints(ledgerID: enrolment.ledgerHex)
      )
    }
    if checkpoint {
      guard let newest = checkpoints.last else {
        throw CommandFailure(
          what: "there is no checkpoint", why: "this device has not logged in yet",
          next: "client run --home \(location.path)", exit: .invalidConfiguration)
      }
      print(newest.note, terminator: "")
      return
    }
    let spent = rounds.filter { $0.state != .void }.reduce(0) { $0 + $1.mu * $1.mu }
    let epsilon = policy.makeFilter(spentMuSquared: spent).epsilonSpent
    if json {
      let rows: [JSONValue] = rounds.map { round in
        .object([
          "round": .integer(Int64(round.round)), "state": .string(round.state.rawValue),
          "mu": .number(round.mu), "charge": .string(round.charge),
          "update_digest": .string(round.updateDigest),
        ])
      }
      print(
        JSONValue.object([
          "rounds": .array(rows), "epsilon": .number(epsilon),
          "epsilon_limit": .number(policy.epsilonLimit.doubleValue),
          "checkpoints": .integer(Int64(checkpoints.count)),
        ]).prettyText)
      return
    }
    for round in rounds {
      print("round \(round.round)  \(round.state.rawValue)  \(round.charge)")
    }
    print(
      "this device has contributed epsilon \(Format.decimal(epsilon, places: 4)) of "
        + "\(policy.epsilonLimit), by its own count; \(checkpoints.count) checkpoints kept")
  }
}
