internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations
internal import Privacy
internal import Recommendation

/// Where the coordinator's files are.
struct DirectoryOption: ParsableArguments {
  @Option(name: .customLong("dir"), help: "The coordinator's data directory.")
  var path: String

  var directory: CoordinatorDirectory { CoordinatorDirectory(path: path) }

  /// The keys may lie elsewhere for commands that only read them.
  private var readable: CoordinatorDirectory {
    CoordinatorDirectory(path: path, otherKeys: ProcessEnvironment.value("TACIT_KEY_DIRECTORY"))
  }

  /// - Throws: `CommandFailure` (exit 5) when it is no coordinator's directory.
  func existing() throws -> CoordinatorDirectory {
    guard try DurableFile.read(directory.policy, limit: 1 << 16) != nil else {
      throw CommandFailure(
        what: "\(path) is not a coordinator's directory", why: "it holds no policy.json",
        next: "make one with: coordinator init --dir \(path) --catalogue FILE",
        exit: .invalidConfiguration)
    }
    return readable
  }
}

extension CoordinatorDirectory {
  /// - Throws: `CommandFailure` (exit 5) naming the field that is wrong.
  func readPolicy() throws -> PrivacyPolicy { try PolicyFile.read(policy) }
}

/// The policy file.
enum PolicyFile {
  static func read(_ path: String) throws -> PrivacyPolicy {
    guard let bytes = try DurableFile.read(path, limit: 1 << 16) else {
      throw CommandFailure(
        what: "there is no policy file \(path)", why: "the file does not exist",
        next: "check the path", exit: .invalidConfiguration)
    }
    do {
      return try PrivacyPolicy(decoding: bytes)
    } catch {
      throw CommandFailure(
        what: "\(path) is not a valid policy", why: "\(error)", next: "mend that field",
        exit: .invalidConfiguration)
    }
  }
}

extension PolicyFile {
  /// A policy that a federation may be made from: devices can feed the model, and the plan fits the
  /// budget.
  ///
  /// - Throws: `CommandFailure` (exit 5).
  static func readUsable(_ path: String) throws -> PrivacyPolicy {
    let policy = try read(path)
    let bits: [Int]
    do {
      try ModelRegistry.requireFederated(policy.model)
      _ = try ModelRegistry.model(
        identifier: policy.model, hyperparameters: policy.hyperparameters)
      bits = try FederationIdentity.fractionBits(of: policy)
      try FederationIdentity.requireExperimentRound(of: policy)
      try FederationIdentity.requireMaskedRounds(of: policy)
    } catch {
      throw CommandFailure(
        what: "\(path) cannot be used", why: "\(error)", next: "mend that field",
        exit: .invalidConfiguration)
    }
    let problems = policy.check(fractionBits: bits)
    guard problems.isEmpty else {
      throw CommandFailure(
        what: "\(path) should not be used", why: problems.joined(separator: "; "),
        next: "raise the noise, shorten the plan or change the limit", exit: .invalidConfiguration)
    }
    return policy
  }
}

/// The digests of the public catalogue and item features of a federation.
struct PublicBlobs {
  let catalogue: SHA256Digest
  let features: SHA256Digest

  var json: JSONValue {
    .object(["catalogue": .string(catalogue.hex), "features": .string(features.hex)])
  }

  init(catalogue: SHA256Digest, features: SHA256Digest) {
    self.catalogue = catalogue
    self.features = features
  }

  init(reading path: String) throws {
    do {
      guard let bytes = try DurableFile.read(path, limit: 1 << 16) else {
        throw FederationError.unexpectedMessage("the file is not there")
      }
      let json = try JSONValue.parse(bytes)
      catalogue = try SHA256Digest(hex: json["catalogue"]?.stringValue ?? "")
      features = try SHA256Digest(hex: json["features"]?.stringValue ?? "")
    } catch {
      throw CommandFailure(
        what: "\(path) cannot be read", why: "\(error)",
        next: "restore it from a backup of this directory", exit: .invalidConfiguration)
    }
  }
}
