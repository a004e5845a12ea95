internal import Recommendation

/// Reads behaviour events from a CSV file, one row at a time.
///
/// The form is RFC 4180 with the header `kind,item,time,value,occasion`: UTF-8 (a byte order mark
/// is skipped), lines ended by LF or CRLF, fields quoted with `"` where they hold a comma or a
/// quote, and times as `YYYY-MM-DD HH:MM:SS`. Rows are counted from 1, the header.
final class EventCSVReader: EventReader {
  static let header = ["kind", "item", "time", "value", "occasion"]
  static let maximumRowBytes = 4_096

  private static let numberBytes = Array("0123456789+-.eE".utf8)

  private let source: ByteSource
  private var row = 0

  /// - Throws: `unreadableFile`; `invalidRow` if the header is not the expected one.
  init(path: String) throws(BehaviorStoreError) {
    source = try ByteSource(path: path)
    guard case .fields(let header) = try nextRecord(),
      header == Self.header.map({ Array($0.utf8) })
    else {
      throw .invalidRow(
        file: path, row: 1,
        reason: "the header is not " + Self.header.joined(separator: ","))
    }
  }

  func next() throws(BehaviorStoreError) -> EventRow? {
    switch try nextRecord() {
    case nil: return nil
    case .malformed(let reason): return .bad(row: row, reason: reason)
    case .fields(let fields):
      guard fields.count == Self.header.count else {
        let reason = "it has \(fields.count) fields instead of \(Self.header.count)"
        return .bad(row: row, reason: reason)
      }
      do throws(BehaviorEventProblem) {
        return .event(try Self.event(fields))
      } catch {
        return .bad(row: row, reason: error.reason)
      }
    }
  }

  private static func event(_ fields: [[UInt8]]) throws(BehaviorEventProblem) -> BehaviorEvent {
    guard let kind = EventKind(rawValue: try text(fields[0], field: "kind")) else {
      throw .unknownKind
    }
    let item = try text(fields[1], field: "item")
    guard let timeSeconds = CalendarTime.seconds(try text(fields[2], field: "time")) else {
      throw .timeNotNaive
    }
    // `Double` alone would also read "0x1p3", "inf" and "nan".
    let number = try text(fields[3], field: "value")
    guard number.utf8.allSatisfy(numberBytes.contains),
      let value = Double(number)
    else { throw .valueNotFinite }
    return try BehaviorEvent(
      kind: kind, item: item, timeSeconds: timeSeconds, value: value,
      occasion: try text(fields[4], field: "occasion"))
  }

  private static func text(
    _ bytes: [UInt8], field: String
  ) throws(BehaviorEventProblem) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .textNotPrintable(field: field)
    }
    return text
  }

  // MARK: - Records

  private enum Record {
    case fields([[UInt8]])
    case malformed(reason: String)
  }

  private enum State {
    case fieldStart, unquoted, quoted, quoteInQuoted
  }

  // RFC 4180 section 2. The last record may end without a line break. After a malformed record the
  // next one begins with the next line.
  private func nextRecord() throws(BehaviorStoreError) -> Record? {
    guard var byte = try source.next() else { return nil }
    row += 1
    var fields: [[UInt8]] = []
    var field: [UInt8] = []
    var state = State.fieldStart
    var rowBytes = 0
    while true {
      rowBytes += 1
      guard rowBytes <= Self.maximumRowBytes else {
        return try malformed("it is longer than \(Self.maximumRowBytes) bytes", at: byte)
      }
      switch (state, byte) {
      case (.quoted, UInt8(ascii: "\"")): state = .quoteInQuoted
      case (.quoted, _): field.append(byte)
      case (.quoteInQuoted, UInt8(ascii: "\"")):
        field.append(byte)
        state = .quoted
      case (.fieldStart, UInt8(ascii: "\"")): state = .quoted
      case (_, UInt8(ascii: ",")):
        fields.append(field)
        field = []
        state = .fieldStart
      case (_, UInt8(ascii: "\n")): return .fields(fields + [field])
      case (_, UInt8(ascii: "\r")):
        let following = try source.next()
        guard following == UInt8(ascii: "\n") else {
          return try malformed("it has a carriage return inside a line", at: following)
        }
        return .fields(fields + [field])
      case (.quoteInQuoted, _), (.unquoted, UInt8(ascii: "\"")):
        return try malformed("it has a quote that does not enclose a whole field", at: byte)
      case (.fieldStart, _), (.unquoted, _):
        field.append(byte)
        state = .unquoted
      }
      guard let following = try source.next() else {
        return state == .quoted
          ? .malformed(reason: "its last quote is not closed") : .fields(fields + [field])
      }
      byte = following
    }
  }

  /// - Parameter byte: the last one that was read; nil at the end of the file.
  private func malformed(
    _ reason: String, at byte: UInt8?
  ) throws(BehaviorStoreError) -> Record {
    if let byte, byte != UInt8(ascii: "\n") { try source.skipLine() }
    return .malformed(reason: reason)
  }
}
