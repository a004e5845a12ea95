internal import CanonicalJSON
internal import Cryptography

/// Walks over one line of known form. After the first mismatch it stands still and every value is a
/// placeholder, so that a caller asks `isWhole` once, at the end.
struct LineScanner {
  private let line: [UInt8]
  private var offset = 0
  private var isMatching = true

  init(_ line: [UInt8]) { self.line = line }

  /// Whether everything matched and nothing is left.
  var isWhole: Bool { isMatching && offset == line.count }

  /// Whether `text` comes next.
  func begins(with text: [UInt8]) -> Bool {
    guard isMatching, line.count - offset >= text.count else { return false }
    for position in text.indices where line[offset + position] != text[position] { return false }
    return true
  }

  /// Passes over fixed text.
  mutating func skip(_ text: [UInt8]) {
    guard begins(with: text) else { return fail() }
    offset += text.count
  }

  /// An integer from 0 to 2^53 - 1 as JSON's canonical form has it, without a leading zero.
  mutating func integer() -> Int {
    guard isMatching else { return 0 }
    let start = offset
    var value = 0
    while offset < line.count, case let digit = line[offset] &- UInt8(ascii: "0"), digit < 10,
      offset - start < 16
    {
      value = 10 * value + Int(digit)
      offset += 1
    }
    let digitCount = offset - start
    let isCanonical = digitCount == 1 || (digitCount > 1 && line[start] != UInt8(ascii: "0"))
    guard isCanonical, value <= JSONValue.safeIntegers.upperBound else {
      fail()
      return 0
    }
    return value
  }

  /// Printable ASCII without quotes or backslashes, up to the next quote, which is left.
  mutating func string(lengths: ClosedRange<Int> = 0...LedgerEntry.maximumLineBytes) -> String {
    guard isMatching else { return "" }
    let start = offset
    while offset < line.count, Self.isPlain(line[offset]) { offset += 1 }
    guard lengths.contains(offset - start) else {
      fail()
      return ""
    }
    return String(decoding: line[start..<offset], as: UTF8.self)
  }

  /// 64 lower-case hexadecimal digits.
  mutating func digest() -> SHA256Digest {
    guard isMatching, line.count - offset >= 2 * SHA256Digest.byteCount else {
      fail()
      return LedgerEntry.genesisPrevious
    }
    var bytes = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
    var invalid: UInt8 = 0
    for position in bytes.indices {
      let high = Self.digit(line[offset + 2 * position])
      let low = Self.digit(line[offset + 2 * position + 1])
      invalid |= high | low
      bytes[position] = high << 4 | low & 15
    }
    offset += 2 * SHA256Digest.byteCount
    guard invalid < 16 else {
      fail()
      return LedgerEntry.genesisPrevious
    }
    do {
      return try SHA256Digest(bytes: bytes)
    } catch {
      preconditionFailure("32 bytes are not a SHA-256 digest")
    }
  }

  private mutating func fail() { isMatching = false }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// The value of a digit, or 255.
  private static func digit(_ byte: UInt8) -> UInt8 { digits[Int(byte)] }

  private static let digits: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 256)
    for (value, byte) in "0123456789abcdef".utf8.enumerated() { table[Int(byte)] = UInt8(value) }
    return table
  }()
}
