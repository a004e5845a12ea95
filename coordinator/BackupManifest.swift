internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations

/// What a backup holds: every file with its SHA-256, and how far its ledger reaches.
struct BackupManifest {
  static let fileName = "backup.json"
  private static let format: Int64 = 1
  private static let largestFile = 1 << 20

  let madeAtSeconds: Int64
  let ledgerID: String
  /// Entries, and the root of their tree.
  let ledgerSize: Int
  let ledgerRoot: String
  /// Relative paths and digests.
  let files: [String: String]

  var json: JSONValue {
    .object([
      "format": .integer(Self.format), "made_at_seconds": .integer(madeAtSeconds),
      "ledger": .string(ledgerID), "ledger_size": .integer(Int64(ledgerSize)),
      "ledger_root": .string(ledgerRoot), "files": .object(files.mapValues { .string($0) }),
    ])
  }

  init(
    madeAtSeconds: Int64, ledgerID: String, ledgerSize: Int, ledgerRoot: String,
    files: [String: String]
  ) {
    self.madeAtSeconds = madeAtSeconds
    self.ledgerID = ledgerID
    self.ledgerSize = ledgerSize
    self.ledgerRoot = ledgerRoot
    self.files = files
  }

  /// - Throws: `CommandFailure` (exit 5) when `directory` holds no backup, or one of another format.
  init(readingFrom directory: String) throws {
    let path = "\(directory)/\(Self.fileName)"
    guard let bytes = try DurableFile.read(path, limit: Self.largestFile) else {
      throw Self.invalid(directory, "it has no \(Self.fileName)")
    }
    guard let json = try? JSONValue.parse(bytes) else {
      // The reason does not matter: this program writes it, so anything else is damage.
      throw Self.invalid(directory, "\(Self.fileName) is not JSON")
    }
    guard json["format"]?.integerValue == Self.format else {
      throw Self.invalid(directory, "its format is not \(Self.format)")
    }
    guard let made = json["made_at_seconds"]?.integerValue,
      let ledger = json["ledger"]?.stringValue,
      let size = json["ledger_size"]?.integerValue, let root = json["ledger_root"]?.stringValue,
      case .object(let digests) = json["files"]
    else { throw Self.invalid(directory, "\(Self.fileName) lacks a field") }
    self.init(
      madeAtSeconds: made, ledgerID: ledger, ledgerSize: Int(size), ledgerRoot: root,
      files: digests.compactMapValues(\.stringValue))
  }

  /// A path below the backup's directory that cannot lead out of it.
  static func isPlain(_ path: String) -> Bool {
    !path.hasPrefix("/") && !path.split(separator: "/").contains("..") && !path.isEmpty
  }

  private static func invalid(_ directory: String, _ why: String) -> CommandFailure {
    CommandFailure(
      what: "\(directory) is not a usable backup", why: why,
      next: "choose a directory that `coordinator backup` made", exit: .invalidConfiguration)
  }
}
