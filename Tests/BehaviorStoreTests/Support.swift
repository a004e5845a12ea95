import BehaviorStore
import Cryptography
import Foundation
import Glibc

/// A directory of its own for one test, removed with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array((NSTemporaryDirectory() + "tacit-behavior-XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else { throw POSIXError(.EIO) }
    path = String(cString: made)
  }

  deinit {
    // A directory that stays behind in the temporary folder does no harm to a test.
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String, holding text: String) throws -> String {
    let file = path + "/" + name
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  /// All bytes of all files in it.
  func bytes() throws -> Data {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted().reduce(Data()) {
      $0 + (try Data(contentsOf: URL(fileURLWithPath: path + "/" + $1)))
    }
  }
}

func purchase(
  _ item: String, occasion: String = "536365", atSeconds: Int64 = 1_291_192_560,
  value: Double = 6
) throws -> BehaviorEvent {
  try BehaviorEvent(
    kind: .purchase, item: item, timeSeconds: atSeconds, value: value, occasion: occasion)
}

func entry(round: UInt64, mu: Double = 0.5, policyHash: String = "aa") -> JournalEntry {
  JournalEntry(
    round: round, ledgerID: "0123", policyHash: policyHash, mu: mu, charge: #"{"scale":4096}"#,
    updateDigest: "ff", atSeconds: 1_000,
    terms: JournalEntry.Terms(mode: "sealed", minimumCohort: 4))
}

func permissions(_ path: String) -> mode_t {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
}

/// The key of a device whose identity's seed is 32 times `byte`.
func testKey(_ byte: UInt8 = 7) -> StoreKey {
  guard
    let seed = try? SecretBytes(
      copying: [UInt8](repeating: byte, count: SigningKey.seedByteCount).span),
    let key = try? StoreKey(identity: SigningKey(seed: seed))
  else { preconditionFailure("no guarded memory for a test") }
  return key
}

let csvHeader = "kind,item,time,value,occasion\n"
