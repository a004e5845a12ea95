internal import Cryptography
internal import Federation
internal import Ledger
internal import Operations
internal import Privacy
internal import Recommendation

/// What a coordinator's directory says in public: its ledger and its released model.
struct LedgerView {
  let state: LedgerState
  private let directory: String

  var policy: PrivacyPolicy { state.policy }

  /// - Throws: `CommandFailure` (exit 8) when there is no valid ledger.
  init(_ directory: String) throws {
    self.directory = directory
    let log = try DurableFile.read("\(directory)/ledger/ledger.jsonl", limit: 1 << 30) ?? []
    let replay = LedgerReplay(log: log)
    guard let state = replay.state, replay.failure == nil else {
      throw CommandFailure(
        what: "the ledger in \(directory) cannot be read",
        why: replay.failure.map { "\($0)" } ?? "it has no valid first entry",
        next: "tacit audit ledger \(directory)", exit: .ledgerDamaged)
    }
    self.state = state
  }

  /// The parameters of the newest release.
  func releasedParameters() throws -> ModelParameters {
    guard let digest = state.latestRelease?.modelOut,
      let bytes = try BlobDirectory(path: directory + "/blobs").load(digest)
    else {
      throw CommandFailure(
        what: "no model was released", why: "the ledger has no RELEASE whose blob is there",
        next: "see the coordinator's log", exit: .failure)
    }
    return try ModelParameters(decoding: bytes)
  }
}
