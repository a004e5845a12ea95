internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations
internal import Privacy

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Shows, checks, compares or replaces a policy.",
    discussion: "Example:\n\n  coordinator policy show --dir shop",
    subcommands: [
      ShowPolicyCommand.self, CheckPolicyCommand.self, DiffPolicyCommand.self,
      SignPolicyCommand.self,
    ])
}

extension PolicyCommand {
  struct ShowPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Prints the policy of a federation in words or as JSON.",
      discussion: "Example:\n\n  coordinator policy show --dir shop")

    @OptionGroup var location: DirectoryOption

    @Flag(help: "Print the policy file itself.")
    var json = false

    func run() async throws {
      let policy = try location.existing().readPolicy()
      if json {
        print(policy.json.prettyText)
        return
      }
      let bits = try FederationIdentity.fractionBits(of: policy)
      let epsilon = try policy.plannedEpsilon(fractionBits: bits)
      let filter = policy.makeFilter()
      print(
        """
        federation  \(policy.federation)
        hash        \(SHA256Digest(hashing: policy.canonicalBytes).hex)
        mode        \(PolicyText.modeSentence(of: policy))
        budget      epsilon <= \(policy.epsilonLimit) at delta \(policy.delta), unit \
        \(policy.unit.rawValue), relation \(policy.relation.rawValue)
        cohort      at least \(policy.minimumCohort), at most \(policy.maximumCohort); sums are \
        divided by \(policy.targetCohort)
        model       \(policy.model)
        """)
      if let experiment = PolicyText.experimentSentence(of: policy) { print(experiment) }
      for (index, round) in policy.plan.enumerated() {
        let event = try policy.event(ofPlanned: index, fractionBits: bits[index])
        print(
          "round \(index + 1)     \(round.stage): clip norm \(round.clipNorm), noise multiplier "
            + "\(round.noiseMultiplier); \(filter.roundsLeft(of: event)) such rounds alone would fit"
        )
      }
      print("plan        spends epsilon \(Format.decimal(epsilon, places: 4)) when trained once")
    }
  }

  struct CheckPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Checks a policy file before a federation is made from it.",
      discussion: "Example:\n\n  coordinator policy check policy.json")

    @Argument(help: "The policy file.")
    var file: String

    func run() async throws {
      let policy = try PolicyFile.readUsable(file)
      print("\(file) is valid: \(policy.plan.count) planned round(s) fit the budget")
    }
  }
}
