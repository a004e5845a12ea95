internal import ArgumentParser
internal import BehaviorStore
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Glibc
internal import Operations
internal import Privacy

struct ConsentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consent",
    abstract: "Gives, withdraws or shows the consent to take part.",
    discussion: "Example:\n\n  client consent give --home me",
    subcommands: [GiveConsent.self, WithdrawConsent.self, ConsentStatusCommand.self])
}

extension ConsentCommand {
  struct GiveConsent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "give", abstract: "Agrees to the policy of the federation.",
      discussion: "Example:\n\n  client consent give --home me")

    @OptionGroup var location: HomeOption

    func run() async throws {
      let enrolment = try location.enrolment()
      let proposed = try ProposedPolicy(for: location.home, enrolment: enrolment)
      let policy = try proposed?.policy ?? enrolment.policy()
      let hash = proposed?.hash ?? enrolment.policyHash
      try location.withStore(sealed: false) { store in
        try store.giveConsent(policyHash: hash.hex, atSeconds: Int64(time(nil)))
      }
      if let proposed {
        try proposed.adopt(in: location.home, enrolment: enrolment)
        print("the new policy differs from the one before in:\n\(proposed.text)")
      }
      print(
        """
        agreed to policy \(hash.hex.prefix(16))..
        epsilon <= \(policy.epsilonLimit) at delta \(policy.delta), mode \(policy.mode)
        \(PolicyText.modeSentence(of: policy))
        Withdraw at any time: client consent withdraw --home \(location.path)
        """)
      if let experiment = PolicyText.experimentSentence(of: policy) { print(experiment) }
    }
  }

  struct WithdrawConsent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "withdraw", abstract: "Withdraws the consent; it holds from the next byte on.",
      discussion: "Example:\n\n  client consent withdraw --home me")

    @OptionGroup var location: HomeOption

    func run() async throws {
      let enrolment = try location.enrolment()
      let contributed = try location.withStore(sealed: false) { store in
        try store.withdrawConsent(atSeconds: Int64(time(nil)))
        return try store.journal(ledgerID: enrolment.ledgerHex).count
      }
      print(
        """
        withdrawn: nothing more is sent, beginning with the next byte
        A contribution already sent, masked or sealed, cannot be recalled.
        """)
      if contributed > 0 {
        print(
          "\(contributed) contribution(s) were sent: models made from them stay, and what they tell "
            + "about you is bounded by epsilon")
      }
    }
  }

  struct ConsentStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "status", abstract: "Shows whether consent to the policy is stored.",
      discussion: "Example:\n\n  client consent status --home me")

    @OptionGroup var location: HomeOption

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let enrolment = try location.enrolment()
      let proposed = try ProposedPolicy(for: location.home, enrolment: enrolment)
      let status = try location.withStore(sealed: false) { store in
        try store.consent(policyHash: enrolment.policyHash.hex)
      }
      if json {
        var fields =
          ConsentDocument.json(status, policyHash: enrolment.policyHash).objectValue ?? [:]
        fields["proposed_policy"] = proposed.map { .string($0.hash.hex) } ?? .null
        fields["changes"] = proposed?.difference.json ?? .array([])
        print(JSONValue.object(fields).prettyText)
        return
      }
      print(status.allows ? "consent is given" : "no consent: nothing is sent")
      print("policy \(enrolment.policyHash.hex)")
      if let experiment = try PolicyText.experimentSentence(of: enrolment.policy()) {
        print(experiment)
      }
      if case .givenForAnotherPolicy(let other) = status {
        print("the consent that was given is to policy \(other)")
      }
      if let proposed {
        print(
          """
          the coordinator signed another policy, \(proposed.hash.hex):
          \(proposed.text)
          No round is joined under it. To agree: client consent give --home \(location.path)
          """)
      }
      if OptOut.isSet { print("\(OptOut.variable) is set: nothing is contributed in any case") }
    }
  }
}

/// Consent as JSON, for the command and the page.
enum ConsentDocument {
  static func json(_ status: ConsentStatus, policyHash: SHA256Digest) -> JSONValue {
    .object([
      "consent": .bool(status.allows), "policy": .string(policyHash.hex),
      "state": .string(status.name),
      "since_seconds": status.sinceSeconds.map { .integer($0) } ?? .null,
      "opted_out": .bool(OptOut.isSet),
    ])
  }
}

extension ConsentStatus {
  fileprivate var name: String {
    switch self {
    case .never: "never"
    case .given: "given"
    case .withdrawn: "withdrawn"
    case .givenForAnotherPolicy: "given-for-another-policy"
    }
  }

  fileprivate var sinceSeconds: Int64? {
    switch self {
    case .given(let atSeconds), .withdrawn(let atSeconds): atSeconds
    case .never, .givenForAnotherPolicy: nil
    }
  }
}

extension Enrolment {
  /// The ledger's identity as stores write it.
  var ledgerHex: String {
    ledgerID.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
