internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Ledger
internal import Operations
internal import Privacy

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Recomputes what a coordinator claims.",
    discussion: """
      Example:

        tacit audit ledger demo-out/coordinator
        tacit audit nist demo-out/coordinator
        tacit audit dpia demo-out/coordinator > dpia.md
        tacit audit empirical
      """,
    subcommands: [AuditLedger.self, AuditNIST.self, AuditDPIA.self, AuditEmpirical.self])
}

/// The ledger that a command reads, and what others kept of it.
struct LedgerSource: ParsableArguments {
  @Argument(
    help: "A coordinator's directory, its ledger directory, or the file ledger.jsonl in one.")
  var directory: String

  @Option(help: "The policy you consented to, if not the one in the directory.")
  var policy: String?

  @Option(help: "A checkpoint that a client kept; may be repeated.")
  var checkpoint: [String] = []

  @Option(
    help: "A receipt (.tlog-proof) that a client kept, or a directory of them; may be repeated.")
  var receipts: [String] = []

  @Option(
    help: "A key of the coordinator that you know, in hexadecimal: the first or any later one.")
  var key: String?

  @Option(help: "The members, as written by: coordinator roster list --json.")
  var roster: String?

  func evidence() throws -> LedgerAudit.Evidence {
    var evidence = try LedgerEvidence.read(
      directory, policy: policy, checkpoints: checkpoint, receipts: receipts, coordinatorKey: key)
    evidence.members = try roster.map(LedgerEvidence.members)
    return evidence
  }
}

extension AuditCommand {
  struct AuditLedger: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ledger",
      abstract: "Recomputes the spent budget from ledger and policy alone.",
      discussion: """
        Example:

          client receipts --home me --checkpoint > mine.note
          tacit audit ledger shop --checkpoint mine.note

        Exit 0 when consistent, 4 when readable and wrong, 8 when damaged. Without a checkpoint or a
        receipt that the operator does not hold, nobody can show that the tail is all there.
        scripts/verify_ledger.py makes the same checks without any code of this program.
        """)

    @OptionGroup var source: LedgerSource

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let report = LedgerAudit.run(try source.evidence())
      print(json ? report.json.prettyText : AuditText.render(report))
      guard report.verdict.exitCode == 0 else { throw ExitCode(report.verdict.exitCode) }
    }
  }
}

/// Reads what an audit checks.
enum LedgerEvidence {
  private static let largestLog = 1 << 30
  private static let largestFile = 1 << 20
  private static let largestRoster = 1 << 28
  private static let logName = "ledger.jsonl"
  private static let receiptSuffix = ".tlog-proof"

  static func read(
    _ path: String, policy: String? = nil, checkpoints: [String] = [], receipts: [String] = [],
    coordinatorKey: String? = nil
  ) throws -> LedgerAudit.Evidence {
    let isLog = path == logName || path.hasSuffix("/" + logName)
    let directory = isLog ? String(path.dropLast(logName.count)) + "." : path
    var ledger = directory + "/ledger"
    var policyPath = policy
    if try isLog || DurableFile.read("\(ledger)/\(logName)", limit: largestLog) == nil {
      ledger = directory
    } else if policyPath == nil {
      policyPath = directory + "/policy.json"
    }
    guard let log = try DurableFile.read("\(ledger)/\(logName)", limit: largestLog) else {
      throw CommandFailure(
        what: "there is no ledger in \(path)", why: "it holds no \(logName)",
        next: "give a coordinator's directory", exit: .invalidConfiguration)
    }
    return LedgerAudit.Evidence(
      log: log, head: try DurableFile.read(ledger + "/ledger.head", limit: largestFile),
      policyFile: try policyPath.map(canonicalPolicy),
      operatorCheckpoint: try DurableFile.read(ledger + "/ledger.checkpoint", limit: largestFile),
      keptCheckpoints: try checkpoints.map(kept),
      keptReceipts: try receipts.flatMap(receiptFiles).map(kept),
      handovers: try handovers(in: ledger),
      coordinatorKey: try coordinatorKey.map(parseKey))
  }

  /// All files by which one key hands over to the next: the audit holds them to the KEY entries of its replay.
  private static func handovers(in ledger: String) throws -> [Int: [UInt8]] {
    var found: [Int: [UInt8]] = [:]
    for name in try DirectoryListing.names(in: ledger) {
      guard let entry = HandoverFile.entry(named: name) else { continue }
      found[entry] = try required("\(ledger)/\(name)")
    }
    return found
  }

  private static func kept(_ path: String) throws -> LedgerAudit.KeptCheckpoint {
    LedgerAudit.KeptCheckpoint(holder: path, text: try required(path))
  }

  /// The file itself, or the receipts in the directory.
  private static func receiptFiles(_ path: String) throws -> [String] {
    guard !path.hasSuffix(receiptSuffix) else { return [path] }
    return try DirectoryListing.names(in: path).filter { $0.hasSuffix(receiptSuffix) }
      .map { "\(path)/\($0)" }
  }

  /// The file is laid out for people; what is hashed is its canonical form.
  private static func canonicalPolicy(_ path: String) throws -> [UInt8] {
    let bytes = try required(path)
    guard let policy = try? PrivacyPolicy(decoding: bytes) else {
      // Not a policy at all: the audit compares the bytes as they are, and says so.
      return bytes
    }
    return policy.canonicalBytes
  }

  private static func required(_ path: String, limit: Int = largestFile) throws -> [UInt8] {
    guard let bytes = try DurableFile.read(path, limit: limit) else {
      throw CommandFailure(
        what: "there is no file \(path)", why: "the file does not exist", next: "check the path",
        exit: .invalidConfiguration)
    }
    return bytes
  }

  /// Those of a list of members who may take part.
  static func members(_ path: String) throws -> RosterCommitment {
    do {
      let list = try JSONValue.parse(
        try required(path, limit: largestRoster), limit: largestRoster)
      guard let rows = list["members"]?.arrayValue else { throw UnreadableRow() }
      return RosterCommitment(
        members: try rows.compactMap { row in
          guard let number = row["id"]?.integerValue, let id = UInt32(exactly: number),
            let key = row["identity_key"]?.stringValue, let revoked = row["revoked"]?.boolValue,
            let excluded = row["excluded"]?.boolValue
          else { throw UnreadableRow() }
          return revoked || excluded
            ? nil : (id, try VerifyingKey(bytes: HexCoding.decode(key)).bytes)
        })
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure(
        what: "\(path) is not a list of members", why: "\(error)",
        next: "write it with: coordinator roster list --dir DIR --json",
        exit: .invalidConfiguration)
    }
  }

  private struct UnreadableRow: Error, CustomStringConvertible {
    let description = "a row lacks id, identity_key, revoked or excluded"
  }

  private static func parseKey(_ hex: String) throws -> VerifyingKey {
    do {
      return try VerifyingKey(bytes: try HexCoding.decode(hex))
    } catch {
      throw CommandFailure(
        what: "--key is not a public key", why: "\(error)",
        next: "give 64 hexadecimal digits", exit: .usage)
    }
  }
}

/// An audit as a person reads it.
enum AuditText {
  static func render(_ report: LedgerAuditReport) -> String {
    var lines = report.findings.map { finding in
      "[\(finding.status.rawValue)] \(finding.title): \(finding.detail)"
        + (finding.entry.map { " (entry \($0))" } ?? "")
    }
    let rounds = report.rounds
    lines.append(
      "rounds  \(rounds.charged) charged: \(rounds.released) released, \(rounds.burned) burned; "
        + "\(rounds.void) void, free")
    if let spend = report.spend {
      lines.append(
        "spent   epsilon \(Format.decimal(spend.epsilonAgainstNone, places: 4)) of "
          + "\(Format.decimal(spend.epsilonLimit, places: 4)) at delta "
          + "\(ExactDecimal(roundingUp: spend.delta, significantDigits: 6)): your data "
          + "against none")
      lines.append(
        "        epsilon \(Format.decimal(spend.epsilonAgainstAnother, places: 4)): one history "
          + "against another, for any updates; "
          + "\(Format.decimal(spend.epsilonAgainstAnotherNonNegative, places: 4)) where no two have "
          + "a negative inner product")
    }
    lines.append(
      "not proven here: that noise was really added. In mode sealed that rests on the coordinator.")
    lines.append("RESULT  \(report.verdict.sentence)")
    return lines.joined(separator: "\n")
  }
}
