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
      throw LedgerStoreError.wrongKey(
        expected: state.coordinatorKey, found: try files.current().verifyingKey)
    }
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
    let (head, log, state) = try LedgerReader.acknowledgedFiles(inDirectory: source.ledger)
    try put(head, "ledger/\(LedgerWriter.FileName.head)")
    try put(log, "ledger/\(LedgerWriter.FileName.log)")
    // Without them nobody who knows an older key could follow.
    for change in state.keys.changes {
      try copyFile("ledger/\(HandoverFile.name(of: change.entry))")
    }
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
    let manifest = BackupManifest(
      madeAtSeconds: Int64(time(nil)), ledgerID: state.genesis.ledgerID.hex,
      ledgerSize: state.size, ledgerRoot: state.root.hex, files: digests)
    // Last, so that a directory without it is no backup.
    try DurableFile.write(
      Array((manifest.json.prettyText + "\n").utf8), to: "\(draft)/\(BackupManifest.fileName)")
    return manifest
  }
}
