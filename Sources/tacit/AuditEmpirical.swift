internal import ArgumentParser
internal import Attacks
internal import CanonicalJSON
internal import Federation
internal import Ledger
internal import Operations
internal import Privacy
internal import Recommendation
internal import SecureAggregation
internal import WireProtocol

extension AuditCommand {
  struct AuditEmpirical: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "empirical",
      abstract: "Measures lower bounds on epsilon with canaries, on simulated cohorts.",
      discussion: """
        Example:

          tacit audit empirical
          tacit audit empirical --policy policy.json --json

        Every planned round is run with the program's own clipping, encoding, sum and sampler on
        simulated customers. Exit 4 if a bound is above what the round is charged: the claim is then
        wrong, with 95 % confidence. A bound below it proves nothing. A directory whose ledger was
        charged with real noise is refused: canaries would spend its customers' budget.
        """)

    @Argument(help: "A simulation's directory, for its policy; without it, the default policy.")
    var directory: String?

    @Option(help: "A policy file instead.")
    var policy: String?

    @Option(help: "Canaries in a cohort.")
    var canaries: Int = 1_000

    @Option(help: "Draws of each side in the mechanism test.")
    var draws: Int = 100_000

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      do {
        try audit()
      } catch let error as AttackError {
        throw CommandFailure(
          what: "the audit cannot be run", why: "\(error)", next: "change that option",
          exit: .usage)
      } catch let error as CommandFailure {
        throw error
      } catch let error as ExitCode {
        throw error
      } catch {
        throw TacitFailure.explain(error)
      }
    }

    private func audit() throws {
      let policy = try audited()
      let rounds = try Self.distinct(AuditedRound.rounds(of: policy))
      var settings = EmpiricalAudit.Settings()
      settings.canaries = canaries
      settings.draws = draws
      let audit = try EmpiricalAudit(settings: settings, roundCount: rounds.count)
      let progress = ProgressReporter.onStandardError(
        title: "auditing", unit: "rounds", total: rounds.count)
      var findings: [EmpiricalAudit.Finding] = []
      for (index, round) in rounds.enumerated() {
        findings += try audit.findings(of: round, seed: UInt64(index + 1)) {
          try Self.mechanism(round, policy: policy)
        }
        progress.update(done: index + 1)
      }
      progress.finish()
      let isWithin = findings.allSatisfy(\.isWithinClaim)
      print(json ? Self.json(findings, policy).prettyText : Self.text(findings, policy))
      if !isWithin { throw ExitCode(ExitStatus.verificationFailed.rawValue) }
    }

    /// The policy to audit; a production ledger is refused.
    private func audited() throws -> PrivacyPolicy {
      if let policy {
        guard let bytes = try DurableFile.read(policy, limit: PrivacyPolicy.longestEncoding) else {
          throw CommandFailure(
            what: "there is no policy file \(policy)", why: "the file does not exist",
            next: "check the path", exit: .invalidConfiguration)
        }
        return try PrivacyPolicy(decoding: bytes)
      }
      guard let directory else {
        return try PolicyTemplate(
          federation: "audit", model: GramModel.identifier, hyperparameters: .object([:]),
          epsilon: "8", delta: "1e-5", customers: 900, minimumCohort: 450, maximumCohort: 900,
          roundDeadlineSeconds: 600, mode: PolicyTemplate.defaultMode
        ).policy()
      }
      let replay = LedgerReplay(log: try LedgerEvidence.read(directory).log)
      guard let state = replay.state else {
        throw CommandFailure(
          what: "the ledger in \(directory) cannot be read",
          why: replay.failure.map { "\($0)" } ?? "it has no valid first entry",
          next: "tacit audit ledger \(directory)", exit: .ledgerDamaged)
      }
      for index in 0..<replay.lineCount {
        let entry = try LedgerEntry(decoding: replay.line(at: index), at: index)
        guard case .charge(let charge) = entry.record, charge.rng == .system else { continue }
        throw CommandFailure(
          what: "\(directory) is a production ledger",
          why: "entry \(index) was charged with the operating system's noise: these are customers, "
            + "and canaries among them would spend their budget",
          next: "audit its policy on a simulated cohort: tacit audit empirical --policy "
            + "\(directory)/policy.json", exit: .usage)
      }
      return state.policy
    }

    /// Rounds that differ in what is charged; a plan may hold the same one many times.
    private static func distinct(_ rounds: [AuditedRound]) -> [AuditedRound] {
      var kept: [AuditedRound] = []
      for round in rounds where !kept.contains(where: { $0.mu == round.mu }) { kept.append(round) }
      return kept
    }

    private static func mechanism(
      _ round: AuditedRound, policy: PrivacyPolicy
    ) throws -> any AuditedMechanism {
      guard policy.mode == "secagg-ddp", let masking = try MaskingPolicy(of: policy) else {
        return CentralMechanism(round, noise: SystemNoise())
      }
      return try ShareMechanism(
        round, parameters: MaskingParameters(cohortSize: policy.targetCohort, policy: masking))
    }

    // MARK: - Output

    private static func title(_ method: EmpiricalAudit.Method) -> String {
      switch method {
      case .mechanism: "draws with and without one customer"
      case .canaryCosine: "canaries in one release"
      case .oneRun: "coin flips and guesses, one run"
      case .twoRounds: "difference of two rounds"
      case .repeated: "two fresh starts, same noise?"
      }
    }

    private static func text(
      _ findings: [EmpiricalAudit.Finding], _ policy: PrivacyPolicy
    ) -> String {
      var table = TextTable(columns: [
        .init("round"), .init("method"), .init("epsilon >=", .right), .init("charged", .right),
        .init(""),
      ])
      for finding in findings {
        table.append([
          finding.stage, title(finding.method),
          Format.decimal(finding.epsilonLowerBound, places: 3),
          Format.decimal(finding.epsilonClaimed, places: 3),
          finding.isWithinClaim ? "ok" : "FAIL",
        ])
      }
      let result =
        findings.allSatisfy(\.isWithinClaim)
        ? "PASS   no charge is refuted   exit 0"
        : "FAIL   a round loses more than it is charged, with 95 % confidence   exit 4"
      return """
        empirical audit, mode \(policy.mode), delta \(policy.delta), simulated customers, \
        the system's noise
        \(table.text())
        All bounds together hold with 95 % confidence. They refute; they never prove.
        RESULT \(result)
        """
    }

    private static func json(
      _ findings: [EmpiricalAudit.Finding], _ policy: PrivacyPolicy
    ) -> JSONValue {
      .object([
        "mode": .string(policy.mode), "delta": .string(policy.delta.description),
        "confidence": .number(0.95), "customers": .string("simulated"),
        "within_claim": .bool(findings.allSatisfy(\.isWithinClaim)),
        "findings": .array(
          findings.map { finding in
            .object([
              "round": .string(finding.stage), "method": .string(finding.method.rawValue),
              "epsilon_lower_bound": finding.epsilonLowerBound.isFinite
                ? .number(finding.epsilonLowerBound) : .null,
              "epsilon_claimed": .number(finding.epsilonClaimed),
              "within_claim": .bool(finding.isWithinClaim),
            ])
          }),
      ])
    }
  }
}
