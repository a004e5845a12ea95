/// The files beside a ledger by which one key hands over to the next: each holds the checkpoint that ends with a KEY
/// entry, signed by the key before and the key after it, for the life of the ledger.
package enum HandoverFile {
  private static let prefix = "key-"
  private static let suffix = ".checkpoint"

  /// The name of the file of KEY entry `entry`.
  package static func name(of entry: Int) -> String { "\(prefix)\(entry)\(suffix)" }

  /// The entry that such a name speaks of; nil for every other name.
  package static func entry(named name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    // Entry 0 is GENESIS.
    guard let entry = Int(name.dropFirst(prefix.count).dropLast(suffix.count)), entry > 0
    else { return nil }
    return Self.name(of: entry) == name ? entry : nil
  }
}
