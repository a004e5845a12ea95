internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy
internal import Recommendation
internal import Transport

struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Makes a federation: keys, TLS certificate, policy, ledger.",
    discussion: """
      Example:

        coordinator init --dir shop --catalogue catalogue.csv --customers 3613 --epsilon 8

      The catalogue is the shop's public price list, a CSV file with the header code,description.
      It must not depend on any customer. The policy is fixed for the life of the ledger: a new
      budget is a new ledger, and new consent.
      """)

  @OptionGroup var location: DirectoryOption

  @Option(help: "The public price list: CSV with the header code,description.")
  var catalogue: String

  @OptionGroup var vectors: ItemVectorOptions

  @Option(name: .customLong("policy"), help: "A policy file to use instead of the flags below.")
  var policyFile: String?

  @Option(help: "Name of the federation.")
  var name: String = "shop"

  @Option(help: "Model to train: \(ModelRegistry.identifiers.joined(separator: ", ")).")
  var model: String = GramModel.identifier

  @Option(help: "Privacy budget: epsilon per customer, for the life of the ledger.")
  var epsilon: String = "8"

  @Option(help: "Failure probability of the budget.")
  var delta: String = "0.00001"

  @Option(help: "Customers expected; sums are divided by this constant.")
  var customers: Int = 1_000

  @Option(help: "Fewest contributions of a released round; half of --customers by default.")
  var minimumCohort: Int?

  @Option(help: "Most contributions of a round; --customers by default.")
  var maximumCohort: Int?

  @Option(help: "Aggregation mode: \(PrivacyPolicy.modes.joined(separator: ", ")).")
  var mode: String = PolicyTemplate.defaultMode

  @Option(help: "Share of a round's members that may collude with the coordinator (masked modes).")
  var corruptFraction: String = "0.1"

  @Option(help: "Share of a round's members that may drop out (masked modes).")
  var dropoutFraction: String = "0.1"

  @Option(
    help: """
      Correlate the noise of rounds that the model repeats: \
      \(NoiseCorrelation.Strategy.allCases.map(\.rawValue).joined(separator: ", ")). \
      Modes sealed and secagg.
      """)
  var correlatedNoise: NoiseCorrelation.Strategy?

  @Option(help: "Coefficients of the noise's band; --minimum-separation of them by default.")
  var noiseBands: Int?

  @Option(help: "Least distance between two correlated rounds of one customer.")
  var minimumSeparation: Int = 1

  @Option(help: "Most correlated rounds of one customer; what the separation allows by default.")
  var maximumParticipations: Int?

  @Option(help: "Name of an experiment (A/B test) on how devices explore; with --arm.")
  var experiment: String?

  @Option(
    parsing: .singleValue,
    help: "An arm as \"NAME SHARE PLAN\", such as \"explore 50 linucb:1\"; the control first.")
  var arm: [String] = []

  @Option(help: "Part of the budget (of mu squared) that the experiment's round is charged.")
  var experimentBudgetShare: String = Experiment.defaultBudgetShare

  @Option(help: "Longest time of a round, in seconds.")
  var deadline: Int = 120

  @Option(
    help: "Public key of an enrolment authority that is kept apart; made here otherwise.")
  var authorityKey: String?

  @Option(help: "Address and port to accept clients on.")
  var listen: String?

  func validate() throws {
    guard (experiment == nil) == arm.isEmpty else {
      throw ValidationError("--experiment and --arm go together.")
    }
  }

  func run() async throws {
    let target = location.directory
    try refuseExisting(target)
    let catalogue = try CatalogueFile.read(catalogue)
    let features =
      try vectors.features(for: catalogue)
      ?? TextFeatures.vectors(descriptions: catalogue.descriptions)
    let policy = try policyFile.map(PolicyFile.readUsable) ?? makePolicy()
    let authority = try authorityKey.map(AuthorityDirectory.readPublicKey)
    let configuration = try CoordinatorConfiguration(
      file: target.configuration, environment: ProcessEnvironment.all,
      flags: ["listen": listen])

    // Everything is made beside the target and renamed into place: there is never half a directory.
    let draft = CoordinatorDirectory(path: "\(target.path).init-\(getpid())")
    do {
      try make(
        draft, catalogue: catalogue, features: features, policy: policy, authority: authority,
        listen: listen)
      try rename(draft, to: target)
    } catch {
      DurableFile.removeTree(draft.path)
      throw CoordinatorFailure.explain(error)
    }
    try report(target, policy: policy, listen: try configuration.listen())
  }

  private func refuseExisting(_ target: CoordinatorDirectory) throws {
    guard access(target.path, F_OK) != 0 else {
      throw CommandFailure(
        what: "\(target.path) exists", why: "init makes a new federation and never overwrites one",
        next: "choose another --dir, or remove that directory and its ledger yourself",
        exit: .invalidConfiguration)
    }
  }

  private func make(
    _ directory: CoordinatorDirectory, catalogue: Catalogue, features: ItemFeatures,
    policy: PrivacyPolicy, authority: VerifyingKey?, listen: String?
  ) throws {
    for path in [directory.path, directory.keys, directory.blobs, directory.ledger] {
      try DurableFile.makeDirectory(path)
    }
    let coordinatorKey = try SigningKey()
    try KeyFile.create(coordinatorKey, at: directory.coordinatorKey)
    if authority == nil { try directory.authority.create() }
    try AuthorityDirectory.write(
      try authority ?? AuthorityDirectory.readPublicKey(directory.authority.publicKey),
      to: directory.enrolmentKey)
    try TLSIdentity.generate(
      certificatePath: directory.tlsCertificate, keyPath: directory.tlsKey,
      commonName: policy.federation, nowSeconds: Int64(time(nil)))
    try DurableFile.write(Array((policy.json.prettyText + "\n").utf8), to: directory.policy)
    var settings: [String: JSONValue] = [:]
    if let listen { settings["listen"] = .string(listen) }
    try DurableFile.write(
      Array((JSONValue.object(settings).prettyText + "\n").utf8), to: directory.configuration)

    let blobs = BlobStore(on: try LocalDisk(directory: directory.blobs, isLocked: false))
    let digests = PublicBlobs(
      catalogue: try blobs.store(catalogue.encoded()),
      features: try blobs.store(features.encoded()))
    try DurableFile.write(Array(digests.json.prettyText.utf8), to: directory.publicBlobs)
    _ = try RosterStore(path: directory.roster)
    let genesis = GenesisRecord(
      ledgerID: try LedgerID(bytes: SecureRandom.bytes(LedgerID.byteCount)),
      coordinatorKey: coordinatorKey.verifyingKey, policy: policy,
      softwareVersion: ProductVersion.current, createdAtSeconds: Int64(time(nil)),
      enrolmentKeyHeldByCoordinator: authority == nil)
    _ = try LedgerWriter.create(
      on: try LocalDisk(directory: directory.ledger), genesis: genesis,
      signingKey: coordinatorKey, reach: Failpoint(environment: ProcessEnvironment.all).reach)
  }

  private func rename(_ draft: CoordinatorDirectory, to target: CoordinatorDirectory) throws {
    guard Glibc.rename(draft.path, target.path) == 0 else {
      throw CommandFailure(
        what: "cannot make \(target.path)", why: String(cString: strerror(errno)),
        next: "check that its parent directory exists and may be written", exit: .failure)
    }
  }

  private func makePolicy() throws -> PrivacyPolicy {
    let template = PolicyTemplate(
      federation: name, model: model,
      hyperparameters: experiment.map {
        Experiment.hyperparameters(name: $0, arms: arm, budgetShare: experimentBudgetShare)
      } ?? .object([:]), epsilon: epsilon,
      delta: delta, customers: customers,
      minimumCohort: minimumCohort ?? max(2, customers / 2),
      maximumCohort: maximumCohort ?? customers, roundDeadlineSeconds: deadline, mode: mode,
      corruptFraction: corruptFraction, dropoutFraction: dropoutFraction,
      correlation: correlatedNoise.map { strategy in
        NoiseCorrelation(
          strategy: strategy, bandCount: noiseBands, minimumSeparation: minimumSeparation,
          maximumParticipations: maximumParticipations)
      })
    do {
      try ModelRegistry.requireFederated(model)
      let policy = try template.policy()
      try FederationIdentity.requireMaskedRounds(of: policy)
      return policy
    } catch {
      throw CoordinatorFailure.explain(error)
    }
  }

  private func report(
    _ target: CoordinatorDirectory, policy: PrivacyPolicy, listen: (host: String, port: UInt16)
  ) throws {
    let mode = PolicyText.modeSentence(of: policy)
    print(
      """
      made     \(target.path)
      policy   epsilon <= \(policy.epsilonLimit) at delta \(policy.delta) per customer, \
      \(policy.plan.count) planned round(s) of model \(policy.model)
      mode     \(mode)
      keys     \(target.keys): coordinator and TLS keys, readable by this user only
      \(try admission(target))
            coordinator serve --dir \(target.path)      (will listen on \(listen.host):\(listen.port))
      """)
  }

  /// Who admits customers, what that weakens, and how the first tokens are made.
  private func admission(_ target: CoordinatorDirectory) throws -> String {
    guard authorityKey == nil else {
      return """
        admits   the authority \(try AuthorityDirectory.readPublicKey(target.enrolmentKey))

        This coordinator cannot admit customers: others would refuse them.

        Next: coordinator roster address --dir \(target.path) --out address.json
              coordinator authority token --federation address.json ...   (where that key is)
        """
    }
    return """
      admits   whoever holds \(target.authority.key)

      Its holder can fill a round with customers of its own invention, and what a customer's
      privacy owes to the others' noise is gone: this protects against a curious operator, not
      against a malicious one. Where that matters, make the key on another machine, and use
      --authority-key: coordinator authority --help

      Next: coordinator roster token --dir \(target.path) --count 10 --out tokens.txt
      """
  }
}

extension NoiseCorrelation.Strategy: ExpressibleByArgument {}
