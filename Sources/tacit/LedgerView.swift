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
  private let replay: LedgerReplay

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
    self.replay = replay
  }

  /// The parameters of the newest release.
  func releasedParameters() throws -> ModelParameters {
    try parameters(state.latestRelease?.modelOut)
  }

  /// The newest release of the experiment's round; nil before it.
  func experimentRelease() throws -> (round: UInt64, parameters: ModelParameters)? {
    var measured: UInt64?
    var release: ReleaseRecord?
    for index in 0..<replay.lineCount {
      switch try LedgerEntry(decoding: replay.line(at: index), at: index).record {
      case .offer(let offer): measured = offer.stage == ExperimentModel.stage ? offer.round : nil
      case .release(let record) where record.round == measured: release = record
      default: break
      }
    }
    return try release.map { ($0.round, try parameters($0.modelOut)) }
  }

  private func parameters(_ digest: SHA256Digest?) throws -> ModelParameters {
    guard let digest, let bytes = try BlobDirectory(path: directory + "/blobs").load(digest)
    else {
      throw CommandFailure(
        what: "no model was released", why: "the ledger has no RELEASE whose blob is there",
        next: "see the coordinator's log", exit: .failure)
    }
    return try ModelParameters(decoding: bytes)
  }
}
