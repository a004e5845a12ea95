internal import DelimitedText

/// A policy as a table: the probability of showing each item at each position.
///
/// Columns `item`, `probability`, and where present `position` and `campaign`; others are passed over.
package struct OpenBanditPolicyTable: Equatable, Sendable {
  /// Row-major [positions, items], each row of sum 1 within ``tolerance``.
  package let probabilities: [[Double]]

  /// How far the probabilities of a position may be from 1 in sum: tables are rounded to a few digits.
  package static let tolerance = 1e-6
  private static let maximumBytes = 256 << 20

  /// - Parameters:
  ///   - path: a CSV file with a header line.
  ///   - campaign: the rows to take, where the table has that column; nil takes the only one.
  /// - Throws: `DatasetError.badHeader`, `.badRow`, `.unsuitable`, `.empty`, `.unreadable`, `.tooLarge`.
  package static func read(
    _ path: String, campaign: String?
  ) throws(DatasetError) -> OpenBanditPolicyTable {
    try decode(
      try FileAccess.read(path, limit: maximumBytes),
      file: String(path.split(separator: "/").last ?? Substring(path)), campaign: campaign)
  }

  /// - Throws: as ``read(_:campaign:)``.
  package static func decode(
    _ bytes: [UInt8], file: String, campaign: String?
  ) throws(DatasetError) -> OpenBanditPolicyTable {
    var table = DatasetTable(file: file, bytes: bytes, separator: .comma)
    guard let header = try table.next() else { throw .empty(file: file) }
    guard let itemColumn = header.firstIndex(of: "item"),
      let probabilityColumn = header.firstIndex(of: "probability")
    else {
      throw .badHeader(file: file, reason: "the columns item and probability are needed")
    }
    let positionColumn = header.firstIndex(of: "position")
    let campaignColumn = header.firstIndex(of: "campaign")
    var entries: [Int: [Int: Double]] = [:]
    var campaigns: Set<String> = []
    while let fields = try table.next() {
      if fields == [""] { continue }
      guard fields.count == header.count else {
        throw table.bad("\(fields.count) fields where the header has \(header.count)")
      }
      if let campaignColumn {
        if let campaign, fields[campaignColumn] != campaign { continue }
        campaigns.insert(fields[campaignColumn])
      }
      guard let item = OpenBanditRows.wholeNumber(fields[itemColumn]),
        item < OpenBanditLog.maximumItems,
        let position = positionColumn.map({ OpenBanditRows.wholeNumber(fields[$0]) }) ?? 0
      else { throw table.bad("item or position is not a whole number from 0") }
      guard let probability = Double(fields[probabilityColumn]),
        probability >= 0, probability <= 1
      else { throw table.bad("probability is not a number from 0 to 1") }
      guard entries[position, default: [:]].updateValue(probability, forKey: item) == nil else {
        throw table.bad("item \(item) has a probability at this position already")
      }
    }
    guard campaigns.count <= 1 else {
      throw .unsuitable(
        file: file,
        reason: "it has the campaigns \(campaigns.sorted().joined(separator: ", ")); "
          + "choose one with --campaign")
    }
    guard !entries.isEmpty else { throw .empty(file: file) }
    return try OpenBanditPolicyTable(entries, file: file)
  }

  private init(_ entries: [Int: [Int: Double]], file: String) throws(DatasetError) {
    let itemCount = (entries.values.compactMap { $0.keys.max() }.max() ?? 0) + 1
    probabilities = try entries.sorted { $0.key < $1.key }.map {
      (position, row) throws(DatasetError) in
      // In the order of the items: the sum of a dictionary's values changes from run to run.
      let probabilities = (0..<itemCount).map { row[$0] ?? 0 }
      let sum = probabilities.reduce(0, +)
      guard abs(sum - 1) <= Self.tolerance else {
        throw .unsuitable(
          file: file, reason: "the probabilities at position \(position) have the sum \(sum), not 1"
        )
      }
      return probabilities
    }
  }
}
