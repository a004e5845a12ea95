internal import Cryptography
internal import LedgerStore

/// A stand-in for the coordinator's key files, on a simulated disk, under the names that the executable gives them.
///
/// The executable's own `SigningKeyFiles` and `KeyFile` do not run in the simulator: they are calls of a real file system. What
/// is simulated is their contract, `SigningKeyStore`, and a crash of it at each step; not the second name that keeps the
/// old key until it is wiped, not the wiping, and not what a real disk keeps of either. Those are tested by `KeyFileTests`, and
/// by killing `coordinator key rotate` at each of its steps.
struct SimulatedKeys: SigningKeyStore {
  static let path = "keys/"
  static let currentName = "coordinator.key"
  private static let nextName = "coordinator.key.next"

  private let disk: SimulatedDirectory

  /// - Parameter key: planted as the current one, durably.
  init(on disk: SimulatedDisk, holding key: SigningKey) throws {
    self.disk = disk.directory("keys")
    disk.plant(Self.path + Self.currentName, try Self.seed(of: key))
  }

  func current() throws -> SigningKey {
    guard let key = try key(Self.currentName) else {
      throw DiskError(operation: "open", name: Self.currentName, errorNumber: 2)
    }
    return key
  }

  func prepared() throws -> SigningKey? { try key(Self.nextName) }

  func prepare() throws -> SigningKey {
    let key = try SigningKey()
    try disk.create(Self.nextName, holding: try Self.seed(of: key))
    try disk.synchronize(Self.nextName)
    try disk.synchronizeDirectory()
    return key
  }

  func promote() throws {
    guard let next = try key(Self.nextName) else { return }
    let temporary = Self.currentName + ".tmp"
    try disk.create(temporary, holding: try Self.seed(of: next))
    try disk.synchronize(temporary)
    try disk.rename(temporary, to: Self.currentName)
    try disk.synchronizeDirectory()
    // Only now: a crash of this disk may keep one half of a rename.
    try clean()
  }

  func clean() throws {
    guard try disk.read(Self.nextName) != nil else { return }
    try disk.remove(Self.nextName)
    try disk.synchronizeDirectory()
  }

  /// - Returns: nil where there is no whole one, as a crash leaves it that was never used.
  private func key(_ name: String) throws -> SigningKey? {
    guard var seed = try disk.read(name), seed.count == SigningKey.seedByteCount else { return nil }
    return try SigningKey(seed: SecretBytes(wiping: &seed))
  }

  static func seed(of key: SigningKey) throws -> [UInt8] {
    try key.seed.withBytes { bytes in (0..<bytes.count).map { bytes[$0] } }
  }
}
