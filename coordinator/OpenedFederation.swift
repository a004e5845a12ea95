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
  private let storage: FileStorage
  private let model: any FederatedModel

  /// - Throws: `CommandFailure`: exit 8 for a damaged ledger, 4 for a wrong one, 75 when another
  ///   coordinator has it open, 5 for a policy that is not the ledger's.
  init(_ directory: CoordinatorDirectory) throws {
    self.directory = directory
    do {
      let coordinatorKey = try KeyFile.load(at: directory.coordinatorKey)
      keys = CoordinatorKeys(
        coordinator: coordinatorKey,
        enrolment: try AuthorityDirectory.readPublicKey(directory.enrolmentKey))
      tls = try TLSIdentity.load(
        certificatePath: directory.tlsCertificate, keyPath: directory.tlsKey,
        nowSeconds: Int64(time(nil)))
      let failpoint = Failpoint(environment: ProcessEnvironment.all)
      (ledger, recovery) = try LedgerWriter.open(
        on: try LocalDisk(directory: directory.ledger), signingKey: coordinatorKey,
        reach: { failpoint.reach($0) })
      let blobs = BlobDirectory(path: directory.blobs)
      let policy = ledger.state.policy
      try Self.requireSamePolicy(directory, policy)
      let digests = try PublicBlobs(reading: directory.publicBlobs)
      guard let catalogue = try blobs.load(digests.catalogue),
        try blobs.load(digests.features) != nil
      else { throw FederationError.missingModel(digests.catalogue) }
      identity = FederationIdentity(
        ledgerID: ledger.state.genesis.ledgerID.bytes, policy: policy,
        catalogue: try Catalogue(decoding: catalogue), featuresHash: digests.features)
      model = try ModelRegistry.model(
        identifier: policy.model, hyperparameters: policy.hyperparameters)
      storage = FileStorage(
        ledger: ledger, ledgerDirectory: directory.ledger,
        roster: try RosterStore(path: directory.roster), blobs: blobs, failpoint: failpoint)
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
    _ configuration: CoordinatorConfiguration
  ) throws -> CoordinatorEngine<SystemNoise> {
    let settings = CoordinatorSettings(
      trainings: try configuration.count("trainings"),
      gatherSeconds: try configuration.count("gather-seconds"),
      uploadSlots: try configuration.count("upload-slots"),
      uploadSeconds: try configuration.count("upload-seconds"),
      phaseSeconds: try configuration.count("phase-seconds"))
    do {
      return try CoordinatorEngine(
        settings: settings, identity: identity, model: model, keys: keys, storage: storage,
        noise: SystemNoise(), startedAt: MonotonicTime(milliseconds: 0))
    } catch {
      throw CoordinatorFailure.explain(error)
    }
  }
}
