/// What can go wrong while a data set is read, imported, fetched or split.
///
/// Row errors name the file, the row and the column, never the value: a value may be a customer's.
package enum DatasetError: Error, Equatable, Sendable {
  /// The file cannot be read; `reason` is the system's.
  case unreadable(path: String, reason: String)
  /// The file is larger than this reader accepts.
  case tooLarge(path: String, bytes: Int, limit: Int)
  /// A binary file does not decode; `offset` is the byte at which that was seen.
  case damaged(file: String, offset: Int, reason: String)
  /// The first line of a table does not name the columns that are needed.
  case badHeader(file: String, reason: String)
  /// Row `row` (1 is the first line of the file, header included) is not valid.
  case badRow(file: String, row: Int, reason: String)
  /// The table has no rows.
  case empty(file: String)
  /// The rows are readable, and the catalogue they make is not acceptable.
  case unsuitable(file: String, reason: String)
  /// A data file that comes with the program is in none of the places it may be.
  case shippedFileMissing(file: String, searched: [String])
  /// The output directory exists and holds something; nothing was written.
  case outputNotEmpty(path: String)
  /// A data set of this name is kept already.
  case nameTaken(name: String, path: String)
  /// The output cannot be written; `reason` is the system's. Nothing is left behind.
  case unwritable(path: String, reason: String)
  /// A downloaded file is not the one that was expected. It was removed.
  case checksumMismatch(file: String, expected: String, actual: String)
  /// A program that was started failed; `status` is its exit code, or nil when it did not run.
  case commandFailed(command: String, status: Int32?, reason: String)
  /// The request makes no sense: more customers than there are, an id that is no file name.
  case invalidRequest(reason: String)
}

extension DatasetError: CustomStringConvertible {
  /// One sentence for a person: what happened, and what to do where that is known.
  package var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read \(path): \(reason)"
    case .tooLarge(let path, let bytes, let limit):
      "\(path) has \(bytes) bytes; at most \(limit) are accepted"
    case .damaged(let file, let offset, let reason):
      "\(file) is damaged at byte \(offset): \(reason)"
    case .badHeader(let file, let reason):
      "\(file), row 1: \(reason)"
    case .badRow(let file, let row, let reason):
      "\(file), row \(row): \(reason)"
    case .empty(let file):
      "\(file) has no rows"
    case .unsuitable(let file, let reason):
      "\(file) cannot be used: \(reason)"
    case .shippedFileMissing(let file, let searched):
      "\(file) was not found in \(searched.joined(separator: ", ")); "
        + "set TACIT_DATA to the directory that holds it"
    case .outputNotEmpty(let path):
      "\(path) is not empty; name a new directory or empty this one"
    case .nameTaken(let name, let path):
      "there is a data set \(name) already; choose another name, or remove \(path)"
    case .unwritable(let path, let reason):
      "cannot write \(path): \(reason)"
    case .checksumMismatch(let file, let expected, let actual):
      "\(file) has SHA-256 \(actual), expected \(expected); it was removed, try again"
    case .commandFailed(let command, let status, let reason):
      "\(command) failed\(status.map { " with status \($0)" } ?? ""): \(reason)"
    case .invalidRequest(let reason):
      reason
    }
  }
}
