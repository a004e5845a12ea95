internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Shows the spent budget, the rounds, the roster and a live server.",
    discussion: """
      Example:

        coordinator status --dir shop --watch

      Reads the files only, so it works beside a running coordinator and without one.
      """)

  @OptionGroup var location: DirectoryOption

  @Flag(help: "Print one JSON object; with --watch, one a line.")
  var json = false

  @Flag(help: "Repeat every second until interrupted.")
  var watch = false

  func run() async throws {
    let directory = try location.existing()
    let terminal = Terminal.standardOutput()
    let screen = StatusWatch(clears: terminal.canRedraw)
    while true {
      let status = try Self.read(directory)
      if json {
        print(watch ? Self.line(status) : status.prettyText)
      } else {
        screen.show(StatusScreen(status).lines, repeats: watch)
      }
      guard watch else { return }
      // A reader at the other end of a pipe waits for each line.
      fflush(nil)
      try await Task.sleep(for: .seconds(1))
    }
  }

  private static func line(_ json: JSONValue) -> String {
    String(decoding: json.canonicalBytes, as: UTF8.self)
  }

  private static func read(_ directory: CoordinatorDirectory) throws -> JSONValue {
    let state: LedgerState
    let counts: (members: Int, openTokens: Int?)
    do {
      state = try LedgerReader.state(inDirectory: directory.ledger)
      counts = try RosterStore(path: directory.roster).counts(
        issued: try directory.authority.batches(of: state.genesis.ledgerID),
        now: Int64(time(nil)))
    } catch {
      throw CoordinatorFailure.explain(error)
    }
    let policy = state.policy
    var fields: [String: JSONValue] = [
      "federation": .string(policy.federation), "ledger": .string(state.genesis.ledgerID.hex),
      "mode": .string(policy.mode), "mode_sentence": .string(PolicyText.modeSentence(of: policy)),
      "epsilon_spent": .number(state.epsilonSpent),
      "epsilon_limit": .number(policy.epsilonLimit.doubleValue),
      "delta": .number(policy.delta.doubleValue), "entries": .integer(Int64(state.size)),
      "head": .string(state.root.hex), "last_round": .integer(Int64(state.lastRound)),
      "rounds_released": .integer(Int64(state.rounds.released)),
      "rounds_void": .integer(Int64(state.rounds.void)),
      "rounds_burned": .integer(Int64(state.rounds.burned)),
      "planned_rounds": .integer(Int64(policy.plan.count)),
      "members": .integer(Int64(counts.members)),
      "open_tokens": counts.openTokens.map { .integer(Int64($0)) } ?? .null,
      "model": state.latestRelease.map { .string($0.modelOut.hex) } ?? .null,
      "live": LiveStatus.read(directory.status) ?? .null,
    ]
    var disk = statvfs()
    if statvfs(directory.path, &disk) == 0 {
      fields["disk_free_bytes"] = .integer(Int64(disk.f_bavail) * Int64(disk.f_frsize))
    }
    if let restoration = try Restoration.read(directory) {
      fields["restored"] = .string(restoration.sentence)
    }
    let bits = try FederationIdentity.fractionBits(of: policy)
    let next = state.nextPlanIndex
    let event = try policy.event(ofPlanned: next, fractionBits: bits[next])
    fields["rounds_left"] = .integer(Int64(state.roundsLeft(of: event)))
    return .object(fields)
  }
}

/// Prints one screen after another: in place on a terminal, with a blank line between them elsewhere.
private struct StatusWatch {
  let clears: Bool

  func show(_ lines: [String], repeats: Bool) {
    let text = lines.joined(separator: "\n")
    guard repeats else { return print(text) }
    // Home, each line cleared to its end, then what is left of the screen.
    let inPlace = lines.map { $0 + "\u{1B}[K" }.joined(separator: "\n")
    print(
      clears
        ? "\u{1B}[H" + inPlace + "\n\u{1B}[KCtrl-C quits\u{1B}[J" : text + "\n")
  }
}
