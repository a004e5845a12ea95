internal import BehaviorStore
internal import Cryptography
internal import Federation
internal import Glibc
internal import Operations

/// Erases a device. The identity key goes first: with it every sealed value becomes unreadable, in
/// the store and in any copy of it. Each step can be repeated, so that an erase that was cut short
/// is finished by running it again.
struct Erasure {
  /// What became of the record of contributions.
  enum ReceiptsOutcome: Equatable {
    /// - Parameter putAside: whether there was one of earlier devices that could not be read.
    case kept(count: Int, putAside: Bool)
    case removed
    /// The store that held them could not be read.
    case unreadable
  }

  let home: ClientHome
  let keepsReceipts: Bool

  /// - Returns: what is left, and who the device was, if that was known.
  /// - Throws: `CommandFailure`: exit 5 when there is nothing to erase, or what names the file that
  ///   could not be erased.
  func run() throws -> (receipts: ReceiptsOutcome, enrolment: Enrolment?) {
    let files = [
      home.identityKey, home.enrolment, home.store, home.blobs, home.receipts,
      home.unreadableReceipts,
    ]
    guard files.contains(where: Self.exists) else {
      throw CommandFailure(
        what: "nothing was erased", why: "\(home.path) holds nothing of a customer",
        next: "check --home", exit: .invalidConfiguration)
    }
    // A damaged enrolment must not keep anyone from erasing.
    let enrolment = try? EnrolmentFile.read(home.enrolment)
    let receipts = try settleReceipts(of: enrolment)
    try Self.overwriteAndRemove(home.identityKey)
    try eraseStore()
    DurableFile.removeTree(home.blobs)
    try Self.overwriteAndRemove(home.enrolment)
    for leftover in try leftovers() { try Self.overwriteAndRemove("\(home.path)/\(leftover)") }
    try Self.flush(home.path)
    return (receipts, enrolment)
  }

  private func settleReceipts(of enrolment: Enrolment?) throws -> ReceiptsOutcome {
    guard keepsReceipts else {
      try Self.overwriteAndRemove(home.receipts)
      try Self.overwriteAndRemove(home.unreadableReceipts)
      return .removed
    }
    let earlier = try earlierReceipts()
    var kept = earlier ?? []
    if BehaviorStore.exists(in: home.store), let enrolment {
      do {
        let store = try BehaviorStore.open(directory: home.store, key: nil)
        let receipts = try Receipts(enrolment: enrolment, store: store)
        try store.close()
        kept.removeAll { $0.isOfSameDevice(as: receipts) }
        kept.append(receipts)
        try Receipts.write(kept, to: home.receipts)
      } catch let error as BehaviorStoreError {
        // Busy or out of descriptors: a later try can still read them.
        guard error.exitCode != ExitStatus.temporary.rawValue else { throw error }
        return .unreadable
      }
    }
    return .kept(count: kept.last?.rounds.count ?? 0, putAside: earlier == nil)
  }

  /// What earlier devices of this home contributed; nil where that cannot be read and was put aside:
  /// it must not keep anyone from erasing, nor be overwritten.
  private func earlierReceipts() throws -> [Receipts]? {
    do {
      return try Receipts.read(home.receipts)
    } catch let failure as CommandFailure where failure.exit == .invalidConfiguration {
      guard rename(home.receipts, home.unreadableReceipts) == 0 else {
        throw Self.failure("cannot rename", home.receipts)
      }
      return nil
    }
  }

  /// Empties the store first, so that a process that has it open finds neither consent nor rows,
  /// then removes it. A damaged store cannot be emptied and is overwritten all the same.
  private func eraseStore() throws {
    guard Self.exists(home.store) else { return }
    if BehaviorStore.exists(in: home.store) {
      do throws(BehaviorStoreError) {
        let store = try BehaviorStore.open(directory: home.store, key: nil)
        try store.erase(.everything)
        try store.close()
      } catch {
        guard error.exitCode != ExitStatus.temporary.rawValue else { throw error }
      }
    }
    try BehaviorStore.destroy(directory: home.store)
  }

  /// What an interrupted write of this program may have left beside its files.
  private func leftovers() throws -> [String] {
    try DirectoryListing.names(in: home.path).filter { name in
      ["identity.key", "enrolment.json"].contains { name.hasPrefix($0 + ".tmp-") }
    }
  }

  private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Overwrites the bytes in place before the name goes: what a file system that copies on write,
  /// a snapshot or a backup keeps is out of reach.
  private static func overwriteAndRemove(_ path: String) throws {
    let descriptor = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return }
      throw failure("cannot open", path)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("cannot examine", path) }
    let zeros = [UInt8](repeating: 0, count: Int(status.st_size))
    guard write(descriptor, zeros, zeros.count) == zeros.count, fsync(descriptor) == 0 else {
      throw failure("cannot overwrite", path)
    }
    guard unlink(path) == 0 else { throw failure("cannot remove", path) }
  }

  private static func flush(_ directory: String) throws {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot open", directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("cannot sync", directory) }
  }

  private static func failure(_ what: String, _ path: String) -> CommandFailure {
    CommandFailure(
      what: "\(what) \(path)", why: String(cString: strerror(errno)),
      next: "make it writable for this user and erase again", exit: .failure)
  }
}
