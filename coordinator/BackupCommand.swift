internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copies a coordinator's directory to another one, also while it serves.",
    discussion: """
      Example:

        coordinator backup --dir shop --out /backup/shop-monday

      Holds the keys unless --without-keys is given: keep it as you keep those. A backup is older
      than the ledger as soon as the next round is charged; see: coordinator restore --help
      """)

  @OptionGroup var location: DirectoryOption

  @Option(help: "The directory to make; it must not exist.")
  var out: String

  @Flag(help: "Leave the signing and TLS keys out.")
  var withoutKeys = false

  private static let largestFile = 1 << 30

  func run() async throws {
    let source = try location.existing()
    guard access(out, F_OK) != 0 else {
      throw CommandFailure(
        what: "\(out) exists", why: "a backup never overwrites another one",
        next: "choose another --out", exit: .invalidConfiguration)
    }
    let draft = "\(out).backup-\(getpid())"
    let manifest: BackupManifest
    do {
      // Two different signing keys stop a start, so they are not what is copied.
      if !withoutKeys { _ = try source.signingKeys() }
      manifest = try copy(source, to: draft)
      guard Glibc.rename(draft, out) == 0 else {
        throw CommandFailure(
          what: "cannot make \(out)", why: String(cString: strerror(errno)),
          next: "check that its parent directory may be written", exit: .failure)
      }
    } catch {
      DurableFile.removeTree(draft)
      throw CoordinatorFailure.explain(error)
    }
    print(
      """
      made     \(out): \(Format.count(manifest.files.count)) files\(withoutKeys ? ", no keys" : ", keys included")
      ledger   \(Format.count(manifest.ledgerSize)) entries, root \(manifest.ledgerRoot.prefix(16))

      Next: coordinator restore --from \(out) --dir DIR
      """)
  }

  /// A rotation between the ledger and the keys would leave a backup that cannot be opened.
  private func requireKey(of state: LedgerState, in draft: CoordinatorDirectory) throws {
    guard try KeyFile.exists(at: draft.coordinatorKey) else { return }
    let files = SigningKeyFiles(draft.coordinatorKey)
    let keys = [try files.current(), try files.prepared()]
    guard keys.contains(where: { $0?.verifyingKey == state.coordinatorKey }) else {
      throw Self.rotating(
        "no key that was copied is that of the ledger that was copied, \(state.coordinatorKey)")
    }
  }

  /// What devices that know only an older key follow by; without it the ledger does not open.
  private func handover(
    _ change: CheckpointKeys.Change, of state: LedgerState, _ tree: MerkleTree, in path: String
  ) throws -> [UInt8] {
    let text = try DurableFile.read(path, limit: Self.largestFile)
    if text == nil, change.entry == state.size - 1 {
      throw Self.rotating(
        "entry \(change.entry) of the ledger names a new key, and the checkpoint that both keys sign "
          + "is not there yet")
    }
    do throws(LedgerError) {
      guard let text else { throw .handoverMissing(entry: change.entry) }
      _ = try state.handover(at: change.entry, reading: text, in: tree)
      return text
    } catch {
      throw LedgerStoreError.ledger(error)
    }
  }

  private static func rotating(_ why: String) -> CommandFailure {
    CommandFailure(
      what: "the signing key is being replaced", why: why,
      next: "run it again; a replacement that was cut short is ended by: coordinator key rotate",
      exit: .temporary)
  }

  private func copy(_ source: CoordinatorDirectory, to draft: String) throws -> BackupManifest {
    for path in ["", "/keys", "/ledger", "/blobs", "/authority"] {
      try DurableFile.makeDirectory(draft + path)
    }
    var digests: [String: String] = [:]
    func put(_ bytes: [UInt8], _ name: String) throws {
      try DurableFile.write(bytes, to: "\(draft)/\(name)")
      digests[name] = SHA256Digest(hashing: bytes).hex
    }
    func copyFile(_ name: String) throws {
      guard
        let bytes = try DurableFile.read("\(source.path)/\(name)", limit: Self.largestFile)
      else { return }
      try put(bytes, name)
    }
    // The checkpoint first, then the head, then the log: each is at least as far as the one before.
    let checkpoint = "ledger/\(LedgerWriter.FileName.checkpoint)"
    try copyFile(checkpoint)
    let (head, log, replay, state) = try LedgerReader.acknowledgedFiles(
      inDirectory: source.ledger)
    try put(head, "ledger/\(LedgerWriter.FileName.head)")
    try put(log, "ledger/\(LedgerWriter.FileName.log)")
    // A roster row that is newer than the log is one more customer; an older one would lose a customer.
    let roster = try RosterStore(path: source.roster)
    try roster.copy(to: "\(draft)/roster.sqlite")
    if let bytes = try DurableFile.read("\(draft)/roster.sqlite", limit: Self.largestFile) {
      digests["roster.sqlite"] = SHA256Digest(hashing: bytes).hex
    }
    for name in try DirectoryListing.names(in: source.blobs) where !name.contains(".tmp") {
      try copyFile("blobs/\(name)")
    }
    for name in [
      "policy.json", "config.json", "public.json", "tls.cert.pem", "authority.pub", "restored.json",
    ] { try copyFile(name) }
    if !withoutKeys {
      for name in try DirectoryListing.names(in: source.keys) { try copyFile("keys/\(name)") }
      try requireKey(of: state, in: CoordinatorDirectory(path: draft))
      // Where it is not kept apart: its key, and which numbers it has given out.
      if access(source.authority.path, F_OK) == 0 {
        for name in try DirectoryListing.names(in: source.authority.path) where name != "lock" {
          try copyFile("authority/\(name)")
        }
      }
    }
    // After the keys: the one in force took its place only when what hands over to it was stored.
    for change in state.keys.changes {
      let name = "ledger/\(HandoverFile.name(of: change.entry))"
      try put(try handover(change, of: state, replay.tree, in: "\(source.path)/\(name)"), name)
    }
    let manifest = BackupManifest(
      madeAtSeconds: Int64(time(nil)), ledgerID: state.genesis.ledgerID.hex,
      ledgerSize: state.size, ledgerRoot: state.root.hex, files: digests)
    // Last, so that a directory without it is no backup.
    try DurableFile.write(
      Array((manifest.json.prettyText + "\n").utf8), to: "\(draft)/\(BackupManifest.fileName)")
    return manifest
  }
}
