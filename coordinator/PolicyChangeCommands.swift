internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy

extension PolicyCommand {
  struct DiffPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff",
      abstract: "Says which way each change of a policy moves the protection.",
      discussion: """
        Example:

          coordinator policy diff new.json --dir shop
          coordinator policy diff old.json new.json
        """)

    @Argument(help: "The new policy file; or the old one and the new one.")
    var files: [String]

    @Option(name: .customLong("dir"), help: "The directory whose policy the file would replace.")
    var path: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
      guard files.count + (path == nil ? 0 : 1) == 2 else {
        throw ValidationError("Give two policy files, or one and --dir.")
      }
    }

    func run() async throws {
      let paths = (path.map { [CoordinatorDirectory(path: $0).policy] } ?? []) + files
      let difference = PolicyDifference(
        from: try PolicyFile.read(paths[0]), to: try PolicyFile.read(paths[1]))
      if json {
        print(
          JSONValue.object([
            "changes": difference.json, "weaker": .bool(difference.isWeaker),
            "fixed_fields": .array(difference.fixedFields.map(JSONValue.string)),
          ]).prettyText)
      } else {
        print(PolicyChangeText.table(difference))
      }
    }
  }

  struct SignPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sign",
      abstract: "Puts a new policy into the ledger, under the coordinator's signature.",
      discussion: """
        Example:

          coordinator policy sign new.json --dir shop --accept-weaker

        The coordinator must be stopped. The budget goes on and is not reset. Devices join no round
        under the new policy until their customers agree to it: client consent give.
        """)

    @Argument(help: "The new policy file.")
    var file: String

    @OptionGroup var location: DirectoryOption

    @Flag(help: "Sign although the policy protects less in some field.")
    var acceptWeaker = false

    func run() async throws {
      let directory = try location.existing()
      let policy = try PolicyFile.readUsable(file)
      do {
        let (ledger, _) = try LedgerWriter.open(
          on: try LocalDisk(directory: directory.ledger),
          keys: try directory.signingKeys())
        let difference = PolicyDifference(from: ledger.state.policy, to: policy)
        if difference.changes.isEmpty, try directory.readPolicy() != policy {
          // Signed before a crash: only the copy for people is missing.
          try write(policy, to: directory)
          return print("entry \(ledger.state.policyChange?.entry ?? 0) holds this policy already")
        }
        try requireSignable(difference)
        let position = try ledger.append(
          .policy(PolicyRecord(policy: policy, replacing: ledger.state.policyHash)))
        let checkpoint = try ledger.checkpoint()
        try write(policy, to: directory)
        print(
          """
          \(PolicyChangeText.table(difference))
          entry \(position.index): policy \(ledger.state.policyHash.hex)
          signed by a checkpoint of \(checkpoint.size) entries; \
          epsilon \(Format.decimal(ledger.state.epsilonSpent, places: 4)) of \
          \(policy.epsilonLimit) is spent, and stays spent
          Devices join again once their customers agree: client consent give
          """)
      } catch {
        throw CoordinatorFailure.explain(error)
      }
    }

    private func write(_ policy: PrivacyPolicy, to directory: CoordinatorDirectory) throws {
      try DurableFile.write(Array((policy.json.prettyText + "\n").utf8), to: directory.policy)
    }

    private func requireSignable(_ difference: PolicyDifference) throws {
      guard !difference.changes.isEmpty else {
        throw CommandFailure(
          what: "nothing was signed", why: "\(file) is the policy in force",
          next: "change a field first", exit: .usage)
      }
      guard difference.fixedFields.isEmpty else {
        throw CommandFailure(
          what: "nothing was signed",
          why: "a federation keeps its \(difference.fixedFields.joined(separator: ", ")) for life",
          next: "make a new federation: coordinator init --policy \(file)",
          exit: .invalidConfiguration)
      }
      guard acceptWeaker || !difference.isWeaker else {
        throw CommandFailure(
          what: "nothing was signed", why: "the policy protects less: \(difference.summary)",
          next: "read it again; then add --accept-weaker, and ask every customer again",
          exit: .usage)
      }
    }
  }
}

/// A change of policy as a table.
enum PolicyChangeText {
  static func table(_ difference: PolicyDifference) -> String {
    guard !difference.changes.isEmpty else { return "the policies are the same" }
    var table = TextTable(columns: [
      .init("field"), .init("before"), .init("after"), .init("direction"),
    ])
    for change in difference.changes {
      table.append([change.field, change.before, change.after, change.direction.rawValue])
    }
    return table.text()
      + (difference.isWeaker ? "weaker: needs a signed entry and new consent" : "not weaker")
  }
}
