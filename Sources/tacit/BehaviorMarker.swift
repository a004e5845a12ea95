internal import Cryptography
internal import Glibc
internal import Operations

/// A mark that no one could guess, in one behaviour row of one customer: a view, so that it
/// changes no model. Wherever it turns up, a behaviour row has been.
struct BehaviorMarker: Hashable, Sendable {
  static let prefix = "tacit-marked-row-"
  static let digits = 32

  let text: String

  init() {
    text = Self.prefix + HexCoding.encode(SecureRandom.bytes(Self.digits / 2))
  }

  /// Appends the marked row to a customer's CSV file.
  func addRow(to path: String) throws {
    guard var bytes = try DurableFile.read(path, limit: 1 << 26) else { return }
    bytes += Array("view,85123A,2010-12-01 08:00:00,0,\(text)\n".utf8)
    try DurableFile.replaceUnsynced(bytes, at: path)
  }
}

/// Searches files for marked rows: raw, as hexadecimal of either case, and as base64 at each of
/// its three alignments.
enum MarkerScan {
  struct Result {
    var files = 0
    var bytes = 0
    var found: Set<String> = []
  }

  private static let largestFile = 1 << 30

  /// Searches every file under `directory`.
  static func run(_ directory: String, markers: Set<String>) throws -> Result {
    var result = Result()
    try visit(directory) { path in
      guard let bytes = try DurableFile.read(path, limit: largestFile) else { return }
      result.files += 1
      result.bytes += bytes.count
      result.found.formUnion(find(in: bytes, markers: markers))
    }
    return result
  }

  /// The markers in `bytes`. One that is cut, altered or encoded counts under the name of its
  /// encoding, once a file.
  static func find(in bytes: [UInt8], markers: Set<String>) -> Set<String> {
    var found: Set<String> = []
    let length = BehaviorMarker.prefix.utf8.count + BehaviorMarker.digits
    for start in occurrences(of: Array(BehaviorMarker.prefix.utf8), in: bytes) {
      let text = String(decoding: bytes[start...].prefix(length), as: UTF8.self)
      found.insert(markers.contains(text) ? text : "cut or altered")
    }
    for (name, needle) in encodedPrefixes
    where !occurrences(of: needle, in: bytes).isEmpty {
      found.insert(name)
    }
    return found
  }

  /// What the markers' common prefix looks like when it is encoded: hexadecimal in both cases, and
  /// base64 in both alphabets at each of its three alignments, without the characters that depend
  /// on what stands before and after.
  private static let encodedPrefixes: [(name: String, needle: [UInt8])] = {
    let prefix = Array(BehaviorMarker.prefix.utf8)
    let hex = HexCoding.encode(prefix)
    var encodings = [
      ("hexadecimal", Array(hex.utf8)), ("hexadecimal", Array(hex.uppercased().utf8)),
    ]
    for shift in 0..<3 {
      let whole = Base64URL.encode([UInt8](repeating: 0, count: shift) + prefix).utf8
      let dependent = shift == 0 ? 0 : shift + 1
      let urlSafe = Array(whole.prefix((shift + prefix.count) / 3 * 4).dropFirst(dependent))
      let standard = urlSafe.map { byte in
        byte == UInt8(ascii: "-")
          ? UInt8(ascii: "+") : byte == UInt8(ascii: "_") ? UInt8(ascii: "/") : byte
      }
      encodings += [("base64", urlSafe), ("base64", standard)]
    }
    return encodings
  }()

  /// Where `needle` begins in `bytes`, by the Boyer-Moore-Horspool search.
  private static func occurrences(of needle: [UInt8], in bytes: [UInt8]) -> [Int] {
    guard let last = needle.last, bytes.count >= needle.count else { return [] }
    var shifts = [Int](repeating: needle.count, count: 256)
    for (index, byte) in needle.dropLast().enumerated() {
      shifts[Int(byte)] = needle.count - 1 - index
    }
    return bytes.withUnsafeBufferPointer { bytes in
      var starts: [Int] = []
      var end = needle.count - 1
      while end < bytes.count {
        let byte = bytes[end]
        let start = end - needle.count + 1
        if byte == last, bytes[start...end].elementsEqual(needle) { starts.append(start) }
        end += shifts[Int(byte)]
      }
      return starts
    }
  }

  private static func visit(_ path: String, _ body: (String) throws -> Void) throws {
    var information = stat()
    guard lstat(path, &information) == 0 else { return }
    switch information.st_mode & S_IFMT {
    case S_IFDIR:
      for name in try DirectoryListing.names(in: path) { try visit("\(path)/\(name)", body) }
    case S_IFREG: try body(path)
    default: break
    }
  }
}
