/// Why bytes from a peer are not a message of this protocol.
///
/// The connection that carried them is closed; nothing of the message is used.
package enum WireError: Error, Equatable, Sendable {
  case truncated(needed: Int, available: Int)
  case trailingBytes(count: Int)
  case fieldTooLong(actual: Int, limit: Int)
  case unknownMessage(kind: UInt8)
  case unknownValue(field: String, value: UInt64)
  case notUTF8
  case emptyMessage
  case messageTooLong(actual: Int, limit: Int)
}

extension WireError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated(let needed, let available):
      "the message ends early: a field needs \(needed) bytes and \(available) are left"
    case .trailingBytes(let count): "the message has \(count) bytes too many"
    case .fieldTooLong(let actual, let limit):
      "a field declares \(actual) bytes, the limit is \(limit)"
    case .unknownMessage(let kind): "message kind \(kind) is not part of this protocol version"
    case .unknownValue(let field, let value): "field \(field) has the undefined value \(value)"
    case .notUTF8: "a text field is not UTF-8"
    case .emptyMessage: "an empty frame"
    case .messageTooLong(let actual, let limit):
      "the message has \(actual) bytes, the limit is \(limit)"
    }
  }
}
