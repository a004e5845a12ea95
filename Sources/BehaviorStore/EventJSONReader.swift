internal import CanonicalJSON
internal import Recommendation

/// Reads behaviour events from JSON lines, one object a line: `kind`, `item`, `time` and `occasion`
/// are texts in the form of the CSV columns of these names, `value` is a number. Other keys are
/// ignored; an empty line is passed over. Lines are counted from 1.
final class EventJSONReader: EventReader {
  /// An export also has lines that hold a model's bytes.
  static let maximumLineBytes = 1 << 20

  private static let nestingLimit = 8

  private let source: ByteSource
  private var row = 0

  /// - Throws: `unreadableFile`.
  init(path: String) throws(BehaviorStoreError) {
    source = try ByteSource(path: path)
  }

  func next() throws(BehaviorStoreError) -> EventRow? {
    guard var byte = try source.next() else { return nil }
    row += 1
    var line: [UInt8] = []
    while byte != UInt8(ascii: "\n") {
      guard line.count < Self.maximumLineBytes else {
        try source.skipLine()
        return .bad(row: row, reason: "it is longer than \(Self.maximumLineBytes) bytes")
      }
      line.append(byte)
      guard let following = try source.next() else { break }
      byte = following
    }
    return parsed(line)
  }

  private func parsed(_ line: [UInt8]) -> EventRow {
    if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) { return .other }
    // Two of one key are an error too, so the parser's order cannot choose between them.
    guard
      case .object(let fields)? = try? JSONValue.parse(
        line, limit: Self.maximumLineBytes, depth: Self.nestingLimit)
    else { return .bad(row: row, reason: "it is not a JSON object with each key once") }
    if let table = fields["table"], table != .string("event") { return .other }
    do throws(BehaviorEventProblem) {
      return .event(try Self.event(fields))
    } catch {
      return .bad(row: row, reason: error.reason)
    }
  }

  private static func event(
    _ fields: [String: JSONValue]
  ) throws(BehaviorEventProblem) -> BehaviorEvent {
    func text(_ field: String) throws(BehaviorEventProblem) -> String {
      guard let text = fields[field]?.stringValue else { throw .textMissing(field: field) }
      return text
    }
    guard let kind = EventKind(rawValue: try text("kind")) else { throw .unknownKind }
    guard let timeSeconds = CalendarTime.seconds(try text("time")) else { throw .timeNotNaive }
    guard let value = fields["value"]?.numberValue else { throw .valueNotFinite }
    return try BehaviorEvent(
      kind: kind, item: try text("item"), timeSeconds: timeSeconds, value: value,
      occasion: try text("occasion"))
  }
}
