/// A row that is not what its table should have.
package struct DelimitedTextError: Error, Equatable, Sendable {
  package let file: String
  /// Counted from 1, the first line of the file.
  package let row: Int
  /// What is wrong, without the row's values.
  package let reason: String

  package init(file: String, row: Int, reason: String) {
    self.file = file
    self.row = row
    self.reason = reason
  }
}

extension DelimitedTextError: CustomStringConvertible {
  package var description: String { "row \(row) of \(file): \(reason)" }
}
