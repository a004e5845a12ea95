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
internal import WireProtocol

/// A coordinator's directory, opened for serving: recovered ledger, keys, roster, public blobs.
struct OpenedFederation {
  let directory: CoordinatorDirectory
  let identity: FederationIdentity
  let keys: CoordinatorKeys
  let tls: TLSIdentity
  let ledger: LedgerWriter
  let recovery: LedgerWriter.Recovery
  /// Files removed that a crash between a model's blob and its RELEASE left.
  let orphanCount: Int
  /// Where the directory came from a backup.
  let restoration: Restoration?
  /// What this process counts.
  let metrics: ServeMetrics
  private let storage: DurableStorage
  private let model: any FederatedModel
  private let features: ItemFeatures

  /// - Throws: `CommandFailure`: exit 8 for a damaged ledger, 4 for a wrong one, 75 when another
  ///   coordinator has it open, 5 for a policy that is not the ledger's.
  init(_ directory: CoordinatorDirectory) throws {
    self.directory = directory
    do {
      restoration = try Restoration.read(directory)
      let failpoint = Failpoint(environment: ProcessEnvironment.all)
      let signingKeys = try directory.signingKeys()
      let synchronizations = SynchronizationTimes()
      (ledger, recovery) = try LedgerWriter.open(
        on: TimedDisk(
          try LocalDisk(directory: directory.ledger), observe: { synchronizations.observe($0) }),
        keys: signingKeys, reach: { failpoint.reach($0) })
      // Only now is it known which key is in force.
      keys = CoordinatorKeys(
        coordinator: try signingKeys.current(),
        enrolment: try AuthorityDirectory.readPublicKey(directory.enrolmentKey))
      tls = try TLSIdentity.load(
        certificatePath: directory.tlsCertificate, keyPath: directory.tlsKey,
        nowSeconds: Int64(time(nil)))
      // The ledger's lock is this directory's too.
      let blobs = BlobStore(
        on: try LocalDisk(directory: directory.blobs, isLocked: false), reach: failpoint.reach)
      let policy = ledger.state.policy
      metrics = ServeMetrics(
        ledger: ledger, fractionBits: try FederationIdentity.fractionBits(of: policy),
        synchronizations: synchronizations)
      try Self.requireSamePolicy(directory, policy)
      let digests = try PublicBlobs(reading: directory.publicBlobs)
      guard let catalogue = try blobs.load(digests.catalogue),
        let encodedFeatures = try blobs.load(digests.features)
      else { throw FederationError.missingModel(digests.catalogue) }
      features = try ItemFeatures(decoding: encodedFeatures)
      identity = FederationIdentity(
        ledgerID: ledger.state.genesis.ledgerID.bytes, policy: policy,
        catalogue: try Catalogue(decoding: catalogue), featuresHash: digests.features)
      model = try ModelRegistry.model(
        identifier: policy.model, hyperparameters: policy.hyperparameters)
      storage = DurableStorage(
        ledger: ledger, roster: try RosterStore(path: directory.roster), blobs: blobs)
      let initial = try model.initialParameters(catalogue: identity.catalogue).encoded()
      orphanCount = try storage.removeOrphans(
        keeping: [digests.catalogue, digests.features, SHA256Digest(hashing: initial)])
    } catch {
      throw CoordinatorFailure.explain(error)
    }
  }

  /// The policy file is a copy for people; the ledger holds the policy.
  private static func requireSamePolicy(
    _ directory: CoordinatorDirectory, _ policy: PrivacyPolicy
  ) throws {
    guard try directory.readPolicy() == policy else {
      throw CommandFailure(
        what: "\(directory.policy) is not the policy of this ledger",
        why: "customers consent to the policy that the ledger holds, and to no other",
        next: "restore the file, or put a new policy into the ledger: coordinator policy sign FILE",
        exit: .invalidConfiguration)
    }
  }

  func engine(
    _ configuration: CoordinatorConfiguration, measuresExperiment: Bool
  ) throws -> CoordinatorEngine<SystemNoise> {
    let trainings = try configuration.count("trainings")
    guard model.experiment != nil || !measuresExperiment else {
      throw CommandFailure(
        what: "there is no experiment to measure",
        why: "the policy of this federation defines none",
        next: "leave --measure-experiment out", exit: .invalidConfiguration)
    }
    guard model.experiment == nil || trainings == 1 else {
      throw CommandFailure(
        what: "a federation with an experiment is trained once",
        why: "each training plans the experiment's round, and slates are counted once",
        next: "leave --trainings out", exit: .invalidConfiguration)
    }
    let settings = CoordinatorSettings(
      trainings: trainings,
      gatherSeconds: try configuration.count("gather-seconds"),
      uploadSlots: try configuration.count("upload-slots"),
      uploadSeconds: try configuration.count("upload-seconds"),
      phaseSeconds: try configuration.count("phase-seconds"),
      measuresExperiment: measuresExperiment)
    do {
      return try CoordinatorEngine(
        settings: settings, identity: identity, model: model, features: features, keys: keys,
        storage: storage, noise: SystemNoise(), startedAt: MonotonicTime(milliseconds: 0))
    } catch {
      throw CoordinatorFailure.explain(error)
    }
  }
}
