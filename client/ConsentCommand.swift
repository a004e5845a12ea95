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
      let policy = try enrolment.policy()
      try location.withStore { store in
        try store.giveConsent(policyHash: enrolment.policyHash.hex, atSeconds: Int64(time(nil)))
      }
      print(
        """
        agreed to policy \(enrolment.policyHash.hex.prefix(16))..
        epsilon <= \(policy.epsilonLimit) at delta \(policy.delta), mode \(policy.mode)
        \(PolicyText.modeSentence(of: policy))
        Withdraw at any time: client consent withdraw --home \(location.path)
        """)
    }
  }

  struct WithdrawConsent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "withdraw", abstract: "Withdraws the consent; it holds from the next byte on.",
      discussion: "Example:\n\n  client consent withdraw --home me")

    @OptionGroup var location: HomeOption

    func run() async throws {
      let enrolment = try location.enrolment()
      let contributed = try location.withStore { store in
        try store.withdrawConsent(atSeconds: Int64(time(nil)))
        return try store.journal(ledgerID: enrolment.ledgerHex).count
      }
      print("withdrawn: nothing more is sent, beginning with the next byte")
      if contributed > 0 {
        print(
          "\(contributed) contribution(s) already sent cannot be recalled: models made from them "
            + "stay, and what they tell about you is bounded by epsilon")
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
      let status = try location.withStore { store in
        try store.consent(policyHash: enrolment.policyHash.hex)
      }
      if json {
        let fields: [String: JSONValue] = [
          "consent": .bool(status.allows), "policy": .string(enrolment.policyHash.hex),
        ]
        print(JSONValue.object(fields).prettyText)
      } else {
        print(status.allows ? "consent is given" : "no consent: nothing is sent")
      }
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
