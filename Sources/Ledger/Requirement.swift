/// Compares one field of one entry with what it must be.
struct Requirement {
  let entry: Int

  func equal<Value: Equatable>(
    _ field: String, _ expected: Value, _ found: Value
  ) throws(LedgerError) {
    guard expected == found else {
      throw .mismatch(entry: entry, field: field, expected: "\(expected)", found: "\(found)")
    }
  }

  func contained(
    _ field: String, in accepted: ClosedRange<Int>, _ found: Int
  ) throws(LedgerError) {
    guard accepted.contains(found) else {
      throw .mismatch(
        entry: entry, field: field, expected: "\(accepted.lowerBound) to \(accepted.upperBound)",
        found: "\(found)")
    }
  }
}
