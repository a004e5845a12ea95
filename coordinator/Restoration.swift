internal import CanonicalJSON
internal import Operations

/// What a directory keeps of its restoration from a backup.
struct Restoration {
  private static let largestFile = 1 << 16

  let restoredAtSeconds: Int64
  let madeAtSeconds: Int64
  let ledgerSize: Int
  /// Sizes of the checkpoints and receipts that the backup was held against.
  let evidenceSizes: [Int]

  var json: JSONValue {
    .object([
      "restored_at_seconds": .integer(restoredAtSeconds),
      "backup_made_at_seconds": .integer(madeAtSeconds),
      "ledger_size": .integer(Int64(ledgerSize)),
      "compared_with_sizes": .array(evidenceSizes.map { .integer(Int64($0)) }),
      "not_known": .string(sentence),
    ])
  }

  /// What it leaves unknown, for a person.
  var sentence: String {
    let evidence =
      evidenceSizes.max().map { "held against evidence of \(Format.count($0)) entries" }
      ?? "held against no checkpoint or receipt"
    return "from a backup of \(Format.count(ledgerSize)) entries, \(evidence). Not known: whether "
      + "rounds were charged after the backup. If so, customers who saw them refuse this ledger, "
      + "and its budget figure is too low."
  }

  /// - Returns: nil for a directory that was never restored.
  static func read(_ directory: CoordinatorDirectory) throws -> Restoration? {
    guard let bytes = try DurableFile.read(directory.restoration, limit: largestFile) else {
      return nil
    }
    let json = try? JSONValue.parse(bytes)
    guard let json, let restored = json["restored_at_seconds"]?.integerValue,
      let made = json["backup_made_at_seconds"]?.integerValue,
      let size = json["ledger_size"]?.integerValue,
      case .array(let sizes) = json["compared_with_sizes"]
    else {
      throw CommandFailure(
        what: "\(directory.restoration) cannot be read", why: "it is not what `restore` writes",
        next: "restore again from the backup into a new directory", exit: .invalidConfiguration)
    }
    return Restoration(
      restoredAtSeconds: restored, madeAtSeconds: made, ledgerSize: Int(size),
      evidenceSizes: sizes.compactMap { $0.integerValue.map(Int.init) })
  }
}
