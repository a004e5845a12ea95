internal import ArgumentParser
internal import Cryptography
internal import Federation
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy
internal import Recommendation
internal import Transport

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Checks a data directory, this machine's limits and the signal the policy leaves.",
    discussion: "Example:\n\n  coordinator doctor --dir shop")

  @OptionGroup var location: DirectoryOption

  func run() async throws {
    let directory = try location.existing()
    var failures: [CommandFailure] = []
    func check(_ title: String, _ body: () throws -> String) {
      do {
        print("[ok]   \(title): \(try body())")
      } catch {
        let failure = CoordinatorFailure.explain(error)
        failures.append(failure)
        print("[FAIL] \(title): \(failure.what): \(failure.why)\n       next: \(failure.next)")
      }
    }
    check("keys") {
      _ = try directory.signingKeys().current()
      _ = try AuthorityDirectory.readPublicKey(directory.enrolmentKey)
      let isHeld = try directory.authority.isHere
      if isHeld { _ = try KeyFile.load(at: directory.authority.key) }
      _ = try TLSIdentity.load(
        certificatePath: directory.tlsCertificate, keyPath: directory.tlsKey,
        nowSeconds: Int64(time(nil)))
      return "coordinator and TLS keys are readable by this user only; the enrolment authority's "
        + (isHeld ? "too, and is here" : "is kept apart")
    }
    check("configuration") {
      let configuration = try CoordinatorConfiguration(
        file: directory.configuration, environment: ProcessEnvironment.all)
      let limit = try configuration.count("maximum-connections")
      try DescriptorLimit.raise(to: limit + 64)
      return "\(limit) connections fit this process's limit of open files"
    }
    check("ledger") {
      let state = try LedgerReader.state(inDirectory: directory.ledger)
      return "\(state.size) entries, epsilon \(Format.decimal(state.epsilonSpent, places: 4)) of "
        + "\(state.policy.epsilonLimit) spent"
    }
    check("policy") { try signal(try directory.readPolicy(), directory) }
    check("disk") {
      var information = statvfs()
      guard statvfs(directory.path, &information) == 0 else {
        throw CommandFailure(
          what: "the disk cannot be examined", why: String(cString: strerror(errno)),
          next: "check --dir", exit: .failure)
      }
      let free = Int(information.f_bavail) * Int(information.f_frsize)
      guard free > 100 << 20 else {
        throw CommandFailure(
          what: "little space is left", why: "\(Format.bytes(free)) are free",
          next: "free space before the next round", exit: .temporary)
      }
      return "\(Format.bytes(free)) free"
    }
    if let first = failures.first { throw ExitCode(first.exit.rawValue) }
  }

  /// Whether the planned noise leaves something to learn from.
  private func signal(
    _ policy: PrivacyPolicy, _ directory: CoordinatorDirectory
  ) throws -> String {
    let digests = try PublicBlobs(reading: directory.publicBlobs)
    guard
      let bytes = try BlobStore(
        on: LocalDisk(directory: directory.blobs, isLocked: false)
      ).load(digests.catalogue)
    else {
      throw FederationError.missingModel(digests.catalogue)
    }
    let catalogue = try Catalogue(decoding: bytes)
    let model = try ModelRegistry.model(
      identifier: policy.model, hyperparameters: policy.hyperparameters)
    let parameters = try model.initialParameters(catalogue: catalogue)
    let dimension = try model.updateDimension(
      stage: 0, parameters: parameters, itemCount: catalogue.count)
    let multiplier = policy.plan[0].noiseMultiplier.doubleValue
    let ratio = Double(policy.targetCohort) / (multiplier * Double(dimension).squareRoot())
    return "round 1, \(Format.count(dimension)) numbers: " + PolicyText.signal(ratio)
  }
}
