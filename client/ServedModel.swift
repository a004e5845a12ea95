internal import BehaviorStore
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations
internal import Privacy
internal import Recommendation

/// The model on this device, with what it needs to score: no network is used.
struct ServedModel {
  let recommender: Recommender
  let history: CustomerHistory

  /// - Throws: `CommandFailure` (exit 5) when no model has been fetched yet.
  init(_ location: HomeOption, enrolment: Enrolment, store: BehaviorStore, blobs: String?) throws {
    let directory = BlobDirectory(path: blobs ?? Self.blobsPath(beside: location.path))
    func blob(_ key: String) throws -> [UInt8] {
      guard let hex = try store.setting(key),
        let bytes = try directory.load(try SHA256Digest(hex: hex))
      else {
        throw CommandFailure(
          what: "there is no model on this device", why: "training has not ended here yet",
          next: "join a training: client run --home \(location.path)", exit: .invalidConfiguration)
      }
      return bytes
    }
    let policy = try enrolment.policy()
    let catalogue = try Catalogue(decoding: try blob(ServingSettings.catalogue))
    recommender = Recommender(
      model: try ModelRegistry.model(
        identifier: policy.model, hyperparameters: policy.hyperparameters),
      parameters: try ModelParameters(decoding: try blob(ServingSettings.model)),
      catalogue: catalogue, features: try ItemFeatures(decoding: try blob(ServingSettings.features))
    )
    history = try store.history(catalogueIndex: { catalogue.index(of: $0) })
  }

  /// Simulated customers share the blobs of their process, two directories up.
  private static func blobsPath(beside home: String) -> String {
    let own = home + "/blobs"
    let shared = home + "/../../blobs"
    return (try? DirectoryListing.names(in: own)) == nil ? shared : own
  }
}
