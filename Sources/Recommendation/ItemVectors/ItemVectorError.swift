/// Why a file of item vectors cannot be used.
package enum ItemVectorError: Error, Equatable, Sendable {
  /// What there is one row for.
  package enum RowOwner: Sendable {
    /// The lines of the ids file.
    case ids
    /// The items of the catalogue.
    case items
  }

  /// Neither form's first bytes.
  case unknownFormat
  /// The file ends inside a part that it announces.
  case truncated(part: String, needed: Int, available: Int)
  /// Bytes after what the file announces.
  case trailingBytes(Int)
  /// A header that is not what its format says.
  case badHeader(reason: String)
  /// An element type that is not read; `accepted` names those that are.
  case unsupportedType(found: String, accepted: String)
  /// Not two dimensions, or one without extent.
  case badShape([Int])
  /// More than may be read.
  case tooLarge(what: String, actual: Int, limit: Int)
  /// A value that is NaN or infinite.
  case notFinite(row: Int)
  /// Another number of rows than there are items or ids.
  case rowCount(expected: Int, actual: Int, of: RowOwner)
  /// An id that is not UTF-8 text.
  case badID(row: Int)
  /// An id that occurs twice.
  case repeatedID(row: Int)
  /// No id is a code of the catalogue.
  case noKnownID
  /// All rows are zero or alike, so that they tell no item from another.
  case nothingTold
  /// The leading directions of the rows did not converge.
  case numericalFailure(reason: String)
}

extension ItemVectorError: CustomStringConvertible {
  /// What is wrong and what to change.
  package var description: String {
    switch self {
    case .unknownFormat:
      "it is neither .npy nor safetensors; write it as one of them"
    case .truncated(let part, let needed, let available):
      "it ends inside its \(part): \(needed) bytes are announced and \(available) are there"
    case .trailingBytes(let count):
      "\(count) bytes follow what the header announces"
    case .badHeader(let reason):
      "its header is wrong: \(reason)"
    case .unsupportedType(let found, let accepted):
      "its elements are \(found); accepted are \(accepted)"
    case .badShape(let shape):
      "its shape is \(shape); it must be [items, values a vector], both at least 1"
    case .tooLarge(let what, let actual, let limit):
      "\(what): \(actual), at most \(limit) are accepted"
    case .notFinite(let row):
      "row \(row) (from 0) holds a value that is not finite"
    case .rowCount(let expected, let actual, .ids):
      "it has \(actual) rows for \(expected) ids; give the id of every row"
    case .rowCount(let expected, let actual, .items):
      "it has \(actual) rows for \(expected) items of the catalogue; give the ids of the rows if they "
        + "are others"
    case .badID(let row):
      "id \(row) (from 0) is not UTF-8 text"
    case .repeatedID(let row):
      "the id of row \(row) (from 0) occurs before; leave all but one of its rows out"
    case .noKnownID:
      "no id is a code of the catalogue; write one code a line, as the catalogue has it"
    case .nothingTold:
      "its vectors are all zero or all alike"
    case .numericalFailure(let reason):
      "its leading directions cannot be computed: \(reason); write vectors of at most "
        + "\(ItemFeatures.importedDimension) values, which are taken as they are"
    }
  }
}
