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
    repeat {
      let status = try Self.read(directory)
      print(json ? (watch ? Self.line(status) : status.prettyText) : Self.text(status))
      if watch {
        try await Task.sleep(for: .seconds(1))
        if !json { print("") }
      }
    } while watch
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
    let bits = try FederationIdentity.fractionBits(of: policy)
    let next = state.nextPlanIndex
    let event = try policy.event(ofPlanned: next, fractionBits: bits[next])
    fields["rounds_left"] = .integer(Int64(state.filter.roundsLeft(of: event)))
    return .object(fields)
  }

  private static func text(_ status: JSONValue) -> String {
    func number(_ key: String) -> Int { Int(status[key]?.integerValue ?? 0) }
    func text(_ key: String) -> String { status[key]?.stringValue ?? "" }
    func real(_ key: String) -> String {
      Format.decimal(status[key]?.numberValue ?? 0, places: 4)
    }
    var lines = [
      "\(text("federation"))   ledger \(text("ledger"))",
      "mode    \(text("mode_sentence"))",
      "budget  epsilon \(real("epsilon_spent")) of \(real("epsilon_limit")) spent, per customer; "
        + "\(number("rounds_left")) more round(s) of the next kind fit; it never resets",
      "rounds  \(number("rounds_released")) released of \(number("planned_rounds")) planned, "
        + "\(number("rounds_void")) void (free), \(number("rounds_burned")) burned (charged); "
        + "last id \(number("last_round"))",
      "roster  \(Format.count(number("members"))) members, "
        + "\(Format.count(number("open_tokens"))) open tokens",
      "ledger  \(Format.count(number("entries"))) entries, head \(text("head").prefix(16))",
    ]
    if let live = status["live"], let pid = live["pid"]?.integerValue {
      var line = "live    process \(pid), \(live["connected"]?.integerValue ?? 0) members connected"
      if let round = live["round"], let id = round["round"]?.integerValue {
        line += "; round \(id) \(round["stage"]?.stringValue ?? ""): "
        line += "\(round["contributed"]?.integerValue ?? 0) of "
        line += "\(round["joined"]?.integerValue ?? 0) contributed"
      }
      lines.append(line)
    } else {
      lines.append("live    no coordinator is serving this directory")
    }
    return lines.joined(separator: "\n")
  }
}
