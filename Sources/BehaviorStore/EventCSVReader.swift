internal import Glibc

/// Reads behaviour events from a CSV file, one row at a time.
///
/// The form is RFC 4180 with the header `kind,item,time,value,occasion`: UTF-8 (a byte order mark
/// is skipped), lines ended by LF or CRLF, fields quoted with `"` where they hold a comma or a
/// quote, and times as `YYYY-MM-DD HH:MM:SS`. Rows are counted from 1, the header. A class
/// because it owns a file descriptor; used by one thread.
final class EventCSVReader {
  static let header = ["kind", "item", "time", "value", "occasion"]
  static let maximumRowBytes = 4_096

  private static let chunkBytes = 65_536
  private static let numberBytes = Array("0123456789+-.eE".utf8)

  private let path: String
  private let descriptor: Int32
  private var chunk: [UInt8] = []
  private var position = 0
  private(set) var row = 0

  /// - Throws: `unreadableFile`; `invalidRow` if the header is not the expected one.
  init(path: String) throws(BehaviorStoreError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.unreadable(path) }
    try skipByteOrderMark()
    guard try nextRow() == Self.header.map({ Array($0.utf8) }) else {
      throw .invalidRow(
        file: path, row: 1,
        reason: "the header is not " + Self.header.joined(separator: ","))
    }
  }

  deinit {
    close(descriptor)
  }

  /// - Returns: the next event, or nil at the end of the file.
  /// - Throws: `invalidRow` with the row's number and what is wrong with it; `unreadableFile`.
  func next() throws(BehaviorStoreError) -> BehaviorEvent? {
    guard let fields = try nextRow() else { return nil }
    guard fields.count == Self.header.count else {
      throw invalid("it has \(fields.count) fields instead of \(Self.header.count)")
    }
    do throws(BehaviorEventProblem) {
      return try Self.event(fields)
    } catch {
      throw invalid(error.reason)
    }
  }

  private static func event(_ fields: [[UInt8]]) throws(BehaviorEventProblem) -> BehaviorEvent {
    guard let kind = EventKind(rawValue: try text(fields[0], field: "kind")) else {
      throw .unknownKind
    }
    let item = try text(fields[1], field: "item")
    guard let timeSeconds = NaiveTime.seconds(of: try text(fields[2], field: "time")) else {
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

  private func invalid(_ reason: String) -> BehaviorStoreError {
    .invalidRow(file: path, row: row, reason: reason)
  }

  private static func unreadable(_ path: String) -> BehaviorStoreError {
    .unreadableFile(path: path, detail: StoreFile.systemMessage(errno))
  }

  // MARK: - Records

  private enum State {
    case fieldStart, unquoted, quoted, quoteInQuoted
  }

  // RFC 4180 section 2. The last record may end without a line break.
  private func nextRow() throws(BehaviorStoreError) -> [[UInt8]]? {
    guard var byte = try nextByte() else { return nil }
    row += 1
    var fields: [[UInt8]] = []
    var field: [UInt8] = []
    var state = State.fieldStart
    var rowBytes = 0
    while true {
      rowBytes += 1
      guard rowBytes <= Self.maximumRowBytes else {
        throw invalid("it is longer than \(Self.maximumRowBytes) bytes")
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
      case (_, UInt8(ascii: "\n")): return fields + [field]
      case (_, UInt8(ascii: "\r")):
        guard try nextByte() == UInt8(ascii: "\n") else {
          throw invalid("it has a carriage return inside a line")
        }
        return fields + [field]
      case (.quoteInQuoted, _), (.unquoted, UInt8(ascii: "\"")):
        throw invalid("it has a quote that does not enclose a whole field")
      case (.fieldStart, _), (.unquoted, _):
        field.append(byte)
        state = .unquoted
      }
      guard let following = try nextByte() else {
        guard state != .quoted else { throw invalid("its last quote is not closed") }
        return fields + [field]
      }
      byte = following
    }
  }

  private func skipByteOrderMark() throws(BehaviorStoreError) {
    try fill()
    if chunk.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  private func nextByte() throws(BehaviorStoreError) -> UInt8? {
    if position == chunk.count {
      try fill()
      if chunk.isEmpty { return nil }
    }
    defer { position += 1 }
    return chunk[position]
  }

  private func fill() throws(BehaviorStoreError) {
    position = 0
    while true {
      var count = 0
      chunk = [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { buffer, initialized in
        count = read(descriptor, buffer.baseAddress, Self.chunkBytes)
        initialized = max(0, count)
      }
      if count >= 0 { return }
      guard errno == EINTR else { throw Self.unreadable(path) }
    }
  }
}
