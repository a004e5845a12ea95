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
        let block = policy.correlatedNoise(ofPlanned: index)
        // One charge for all of them: they are told once.
        if let block, index != block.firstRound { continue }
        let left = filter.roundsLeft(
          of: try policy.event(ofPlanned: index, fractionBits: bits[index]))
        let noise = "clip norm \(round.clipNorm), noise multiplier \(round.noiseMultiplier)"
        guard let block else {
          show(
            "round \(index + 1)", "\(round.stage): \(noise); \(left) such rounds alone would fit")
          continue
        }
        let rounds = block.planIndices
        show(
          "rounds \(rounds.lowerBound + 1)-\(rounds.upperBound)",
          "\(round.stage) and on: \(noise) of the block's sensitivity, correlated, charged once; "
            + "\(left) such blocks alone would fit; each customer at most "
            + "\(block.rule.maximumParticipations) times, \(block.rule.minimumSeparation) rounds apart"
        )
      }
      show("plan", "spends epsilon \(Format.decimal(epsilon, places: 4)) when trained once")
    }

    private func show(_ label: String, _ text: String) {
      print(label + String(repeating: " ", count: max(1, 12 - label.count)) + text)
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
