internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Makes a coordinator's directory from a backup, held against newer evidence.",
    discussion: """
      Example:

        coordinator restore --from /backup/shop-monday --dir shop --checkpoint kept.note

      A backup cannot say what was charged after it. Give every newer checkpoint or receipt there
      is (`client receipts --checkpoint` prints one): if the backup is older than any of them, its
      budget figure is too low and nothing is restored (exit 4). What stays unknown is recorded in
      the directory and shown by `status`. Customers hold checkpoints of their own, and refuse a
      ledger that went back.
      """)

  @OptionGroup var location: DirectoryOption

  @Option(help: "A directory that `coordinator backup` made.")
  var from: String

  @Option(help: "A signed checkpoint to hold the backup against; may be repeated.")
  var checkpoint: [String] = []

  @Option(help: "A receipt (tlog-proof) to hold the backup against; may be repeated.")
  var receipt: [String] = []

  private static let largestFile = 1 << 30
  private static let largestEvidence = 1 << 20

  func run() async throws {
    let target = location.directory
    guard access(target.path, F_OK) != 0 else {
      throw CommandFailure(
        what: "\(target.path) exists",
        why: "restore never overwrites a directory: its ledger may "
          + "be newer than the backup",
        next: "move it away, and give its ledger.checkpoint as "
          + "--checkpoint", exit: .invalidConfiguration)
    }
    let manifest = try BackupManifest(readingFrom: from)
    try checkFiles(manifest)
    let replay = try replayedLedger(manifest)
    let sizes = try evidenceSizes(replay)
    let restoration = Restoration(
      restoredAtSeconds: Int64(time(nil)), madeAtSeconds: manifest.madeAtSeconds,
      ledgerSize: manifest.ledgerSize, evidenceSizes: sizes)
    let draft = "\(target.path).restore-\(getpid())"
    do {
      try copy(manifest, to: CoordinatorDirectory(path: draft), restoration)
      guard Glibc.rename(draft, target.path) == 0 else {
        throw CommandFailure(
          what: "cannot make \(target.path)", why: String(cString: strerror(errno)),
          next: "check that its parent directory may be written", exit: .failure)
      }
    } catch {
      DurableFile.removeTree(draft)
      throw CoordinatorFailure.explain(error)
    }
    print(
      """
      made     \(target.path): \(Format.count(manifest.ledgerSize)) ledger entries
      unknown  \(restoration.sentence)

      Next: tacit audit ledger \(target.path) --checkpoint FILE
            coordinator serve --dir \(target.path)
      """)
  }

  private func checkFiles(_ manifest: BackupManifest) throws {
    for (name, digest) in manifest.files.sorted(by: { $0.key < $1.key }) {
      let bytes =
        BackupManifest.isPlain(name)
        ? try DurableFile.read("\(from)/\(name)", limit: Self.largestFile) : nil
      guard let bytes, SHA256Digest(hashing: bytes).hex == digest else {
        throw CommandFailure(
          what: "\(from)/\(name) is not what was backed up",
          why: "it is missing, or its SHA-256 is not the manifest's",
          next: "use another backup", exit: .ledgerDamaged)
      }
    }
  }

  private func replayedLedger(_ manifest: BackupManifest) throws -> LedgerReplay {
    do {
      let (_, _, replay, state) = try LedgerReader.acknowledgedFiles(
        inDirectory: "\(from)/ledger")
      guard state.size == manifest.ledgerSize, state.root.hex == manifest.ledgerRoot else {
        throw LedgerStoreError.ledger(
          .headMismatch(
            entry: state.size - 1, field: "root", expected: manifest.ledgerRoot,
            found: state.root.hex))
      }
      return replay
    } catch {
      throw CoordinatorFailure.explain(error)
    }
  }

  /// - Returns: the sizes of the trees that the evidence is about, all of which the backup reaches.
  /// - Throws: `CommandFailure` (exit 4) where it does not, or where it is another ledger.
  private func evidenceSizes(_ replay: LedgerReplay) throws -> [Int] {
    try checkpoint.map { path in
      try size(of: try Checkpoint(parsing: try evidence(path)), path: path, replay)
    }
      + receipt.map { path in
        let receipt = try LedgerReceipt(parsing: try evidence(path))
        return try size(of: receipt.checkpoint, path: path, replay)
      }
  }

  private func evidence(_ path: String) throws -> [UInt8] {
    guard let bytes = try DurableFile.read(path, limit: Self.largestEvidence) else {
      throw CommandFailure(
        what: "there is no file \(path)", why: "it does not exist", next: "check the path",
        exit: .invalidConfiguration)
    }
    return bytes
  }

  private func size(of checkpoint: Checkpoint, path: String, _ replay: LedgerReplay) throws -> Int {
    do throws(LedgerError) {
      guard let state = replay.state else { throw .headMissing(entry: 0) }
      // Its key may be one that the backup does not know yet; a longer ledger is refused whoever signed it.
      if checkpoint.ledgerID == state.genesis.ledgerID, checkpoint.size > replay.lineCount {
        throw .shorterThanCheckpoint(entry: replay.lineCount, checkpointSize: checkpoint.size)
      }
      try checkpoint.verify(
        ledgerID: state.genesis.ledgerID, key: state.keys.key(ofSize: checkpoint.size))
      try checkpoint.requirePrefix(of: replay, limit: replay.lineCount)
      return checkpoint.size
    } catch .shorterThanCheckpoint(let entries, let signed) {
      throw CommandFailure(
        what: "the backup is older than \(path): it has \(entries) entries of \(signed)",
        why: "at least \(signed - entries) entries were lost with the directory, charges perhaps "
          + "among them; a coordinator that went on from here would spend their budget twice, and "
          + "every customer who saw the newer ledger would refuse it",
        next: "find a newer backup; without one, begin a new federation with new consent: "
          + "coordinator init", exit: .verificationFailed)
    } catch {
      throw CommandFailure(
        what: "the backup is not the ledger of \(path)", why: "\(error)",
        next: "check that both belong to one federation", exit: .verificationFailed)
    }
  }

  private func copy(
    _ manifest: BackupManifest, to draft: CoordinatorDirectory, _ restoration: Restoration
  ) throws {
    for path in [
      draft.path, draft.keys, draft.ledger, draft.blobs, draft.authority.path,
    ] {
      try DurableFile.makeDirectory(path)
    }
    for name in manifest.files.keys.sorted() {
      guard let bytes = try DurableFile.read("\(from)/\(name)", limit: Self.largestFile) else {
        continue
      }
      try DurableFile.write(bytes, to: "\(draft.path)/\(name)")
    }
    try DurableFile.write(
      Array((restoration.json.prettyText + "\n").utf8), to: draft.restoration)
  }
}
