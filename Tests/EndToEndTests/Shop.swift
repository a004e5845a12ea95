import CanonicalJSON
import Foundation
import Glibc
import Testing

/// A tiny federation on disk and the processes of it: a catalogue of 30 items, a few customers
/// with purchases among the first 25, a policy, tokens.
final class Shop: Sendable {
  /// What the policy says.
  struct Terms {
    var customers = 24
    var minimumCohort = 8
    /// Contributions that start a round at once; `customers` by default.
    var targetCohort: Int?
    var epsilon = "8"
    var noiseMultiplier = "50"
    var deadlineSeconds = 60
    var mode = "sealed"
    /// In the masked modes.
    var dropoutFraction = "0.25"
    /// Flags of `coordinator init` that make the policy, instead of the figures above.
    var initFlags: [String] = []
    /// Whether the enrolment authority is kept apart, in a directory of its own.
    var hasAuthorityApart = false
  }

  static let itemCount = 30

  let directory: TemporaryDirectory
  let terms: Terms
  let port: UInt16
  /// The coordinator's data directory.
  let coordinator: String

  /// - Parameter root: where the coordinator's directory is made, if not beside the rest.
  init(_ terms: Terms = Terms(), root: String? = nil) async throws {
    directory = try TemporaryDirectory()
    coordinator = (root ?? directory.path) + "/coordinator"
    self.terms = terms
    port = try freePort()
    try writeCatalogue()
    try writeCustomers()
    try write(policy, to: file("policy.json"))
    var apart: [String] = []
    if terms.hasAuthorityApart {
      let key = try await run("coordinator", ["authority", "init", "--dir", file("authority")])
      try #require(key.code == 0, "\(key.errors)")
      apart = ["--authority-key", file("authority/authority.pub")]
    }
    let made = try await run(
      "coordinator",
      [
        "init", "--dir", coordinator, "--catalogue", file("catalogue.csv"), "--listen",
        "127.0.0.1:\(port)",
      ] + (terms.initFlags.isEmpty ? ["--policy", file("policy.json")] : terms.initFlags) + apart)
    try #require(made.code == 0, "\(made.errors)")
    try await issueTokens(terms.customers, to: tokens)
  }

  func file(_ name: String) -> String { directory.file(name) }

  var clients: String { file("clients") }
  var tokens: String { file("tokens.txt") }
  var ledger: String { coordinator + "/ledger/ledger.jsonl" }

  /// The home of one simulated customer.
  func home(_ customer: Int = 0) -> String { clients + "/customers/" + Self.name(customer) }

  private static func name(_ customer: Int) -> String {
    "c" + String(100 + customer).dropFirst()
  }

  static func code(_ item: Int) -> String { "I" + String(100 + item).dropFirst() }

  private func writeCatalogue() throws {
    let rows = (0..<Self.itemCount).map { "\(Self.code($0)),item \($0) of colour \($0 % 5)" }
    try write("code,description\n" + rows.joined(separator: "\n") + "\n", to: file("catalogue.csv"))
  }

  private func writeCustomers() throws {
    for customer in 0..<terms.customers {
      let rows = (0..<5).map { visit in
        let item = (3 * customer + visit * visit) % 25
        return "purchase,\(Self.code(item)),2011-01-0\(visit + 1) 10:00:00,1,visit-\(visit)"
      }
      let csv = "kind,item,time,value,occasion\n" + rows.joined(separator: "\n") + "\n"
      try write(csv, to: file("data/\(Self.name(customer)).csv"))
    }
  }

  private func write(_ text: String, to path: String) throws {
    let parent = URL(fileURLWithPath: path).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  private var masking: String {
    terms.mode == "sealed"
      ? "" : #""corrupt_fraction": "0.1", "dropout_fraction": "\#(terms.dropoutFraction)","#
  }

  private var policy: String {
    """
    {"delta": "0.00001", "epsilon_limit": "\(terms.epsilon)", "federation": "corner-shop",
     "filter": "gdp", "format": 1, "hyperparameters": {}, "maximum_cohort": 64,
     "minimum_cohort": \(terms.minimumCohort), "mode": "\(terms.mode)", \(masking)
     "model": "popularity",
     "plan": [{"clip_norm": "1", "noise_multiplier": "\(terms.noiseMultiplier)",
               "stage": "popularity"}],
     "relation": "zero-out", "retention_days": 365,
     "round_deadline_seconds": \(terms.deadlineSeconds),
     "target_cohort": \(terms.targetCohort ?? terms.customers), "unit": "user"}
    """
  }

  func issueTokens(_ count: Int, to path: String) async throws {
    let issued = try await run(
      "coordinator", try await issuing() + ["--count", "\(count)", "--out", path])
    try #require(issued.code == 0, "\(issued.errors)")
  }

  /// The command that issues tokens, whoever may.
  private func issuing() async throws -> [String] {
    guard terms.hasAuthorityApart else { return ["roster", "token", "--dir", coordinator] }
    let address = file("address.json")
    let written = try await run(
      "coordinator", ["roster", "address", "--dir", coordinator, "--out", address])
    try #require(written.code == 0, "\(written.errors)")
    return ["authority", "token", "--dir", file("authority"), "--federation", address]
  }

  /// One fresh token as text.
  func token() async throws -> String {
    let issued = try await run("coordinator", try await issuing())
    try #require(issued.code == 0, "\(issued.errors)")
    return issued.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  // MARK: - Processes

  /// Starts `coordinator serve` and waits until it listens, unless it is to stop before that.
  func serve(
    trainings: Int = 1, exitWhenTrained: Bool = true, measuresExperiment: Bool = false,
    environment: [String: String] = [:],
    waits: Bool = true
  ) async throws -> ChildProcess {
    let child = try ChildProcess(
      "coordinator",
      ["serve", "--dir", coordinator, "--trainings", "\(trainings)"]
        + (exitWhenTrained ? ["--exit-when-trained"] : [])
        + (measuresExperiment ? ["--measure-experiment"] : []),
      environment: ["TACIT_GATHER_SECONDS": "1"].merging(environment) { $1 })
    if waits { try await child.prints("listen   127.0.0.1:\(port)") }
    return child
  }

  /// Starts `client simulate` for all customers, or some.
  func simulate(
    users: Int? = nil, skip: Int = 0, patience: Int = 60, environment: [String: String] = [:]
  ) throws -> ChildProcess {
    try ChildProcess(
      "client",
      [
        "simulate", "--home", clients, "--data", file("data"), "--tokens", tokens, "--users",
        "\(users ?? terms.customers - skip)", "--skip", "\(skip)", "--consent", "--patience",
        "\(patience)",
      ], environment: environment)
  }

  /// One whole training with every customer.
  func train(trainings: Int = 1, measuresExperiment: Bool = false) async throws {
    let server = try await serve(
      trainings: trainings, measuresExperiment: measuresExperiment)
    let customers = try simulate()
    try #require(try await server.exitCode() == 0, "\(server.errors)")
    try #require(try await customers.exitCode() == 0, "\(customers.errors)")
  }

  /// Enrols one customer of `client run`, without consent.
  func enrol(_ home: String, token: String) async throws -> Outcome {
    try await run("client", ["enrol", "--home", file(home), token])
  }

  /// Enrols one customer and gives its consent.
  func enrolWithConsent(_ home: String) async throws {
    let enrolled = try await enrol(home, token: try await token())
    try #require(enrolled.code == 0, "\(enrolled.errors)")
    let consent = try await run("client", ["consent", "give", "--home", file(home)])
    try #require(consent.code == 0, "\(consent.errors)")
  }

  // MARK: - What can be seen from outside

  func status() async throws -> JSONValue {
    let shown = try await run("coordinator", ["status", "--dir", coordinator, "--json"])
    try #require(shown.code == 0, "\(shown.errors)")
    return try JSONValue.parse(Array(shown.output.utf8))
  }

  func epsilonSpent() async throws -> Double {
    try #require(try await status()["epsilon_spent"]?.numberValue)
  }

  func audit(_ extra: [String] = []) async throws -> Outcome {
    try await run("tacit", ["audit", "ledger", coordinator] + extra)
  }

  /// What `scripts/verify_ledger.py`, which shares no code with the executables, says of the ledger.
  func verify(_ extra: [String] = []) throws -> (code: Int32, report: JSONValue) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["python3", Executables.packageRoot + "/scripts/verify_ledger.py", coordinator, "--json"]
      + extra
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, try JSONValue.parse(Array(bytes)))
  }

  /// The ledger's entries in order.
  func entries() throws -> [JSONValue] {
    try text(of: ledger).split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
  }

  /// The kind and round of each entry after the first, such as "offer 1"; ROSTER entries, which
  /// come when members do, are left out.
  func story() throws -> [String] {
    try entries().dropFirst().compactMap { entry in
      let round = entry["body"]?["round"]?.integerValue ?? -1
      let kind = entry["kind"]?.stringValue ?? "?"
      return kind == "roster" ? nil : "\(kind) \(round)"
    }
  }

  func members() async throws -> String {
    try await run("coordinator", ["roster", "list", "--dir", coordinator, "--json"]).output
  }
}
