import CanonicalJSON
import Cryptography
import Privacy
import Testing

@testable import Ledger

/// The fast reader must accept nothing that the strict one refuses, and read nothing otherwise.
@Suite struct CanonicalLineTests {
  private func lines() throws -> [[UInt8]] { try LedgerText.sample(LedgerFixture()).lines }

  private func strict(_ line: [UInt8], _ index: Int) -> LedgerEntry? {
    do {
      return try LedgerEntry(strictlyDecoding: line, at: index)
    } catch {
      return nil
    }
  }

  private func fast(_ line: [UInt8], _ index: Int) -> (SHA256Digest, LedgerRecord)? {
    var reader = CanonicalLine()
    return reader.read(line, at: index)
  }

  /// - Returns: whether the fast reader accepted.
  private func compare(_ line: [UInt8], _ index: Int, _ comment: Comment) -> Bool {
    guard let (previous, record) = fast(line, index) else { return false }
    let entry = strict(line, index)
    #expect(entry?.previous == previous && entry?.record == record, comment)
    return true
  }

  @Test("every round's lines are read fast, and as the strict reader reads them") func accepted()
    throws
  {
    for (index, line) in try lines().enumerated() where index > 0 {
      #expect(compare(line, index, "entry \(index)"))
    }
    // GENESIS holds a policy of free form.
    #expect(try fast(lines()[0], 0) == nil)
  }

  @Test(
    "whatever single byte is put anywhere, the fast reader accepts only what the strict one does")
  func substituted() throws {
    let interesting = Array("0129aefz\"\\{},:.-+e \n\u{7F}".utf8) + [0, 0x1F, 0x80, 0xC3, 0xFF]
    for (index, line) in try lines().enumerated() where index > 0 {
      for offset in line.indices {
        let flips = (0..<8).map { line[offset] ^ 1 << UInt8($0) }
        for byte in flips + interesting {
          var changed = line
          changed[offset] = byte
          _ = compare(changed, index, "entry \(index), byte \(offset) becomes \(byte)")
        }
      }
    }
  }

  @Test("nor what is inserted, dropped or doubled") func insertedAndDropped() throws {
    for (index, line) in try lines().enumerated() where index > 0 {
      for offset in line.indices {
        var dropped = line
        dropped.remove(at: offset)
        _ = compare(dropped, index, "entry \(index) without byte \(offset)")
        for byte in Array("0 9\"\\,}-.".utf8) + [line[offset]] {
          var longer = line
          longer.insert(byte, at: offset)
          _ = compare(longer, index, "entry \(index), \(byte) before byte \(offset)")
        }
        #expect(fast(Array(line[..<offset]), index) == nil)
      }
      #expect(fast(line + line, index) == nil && fast(line, index + 1) == nil)
    }
  }

  @Test("the largest integer is read, the next one and a leading zero are not") func integers() {
    for (text, value) in [
      ("0", 0), ("9007199254740991", 9_007_199_254_740_991), ("10", 10),
    ] {
      var scanner = LineScanner(Array(text.utf8))
      #expect(scanner.integer() == value && scanner.isWhole)
    }
    for text in ["9007199254740992", "00", "01", "", "-1", "99999999999999999"] {
      var scanner = LineScanner(Array(text.utf8))
      _ = scanner.integer()
      #expect(!scanner.isWhole, "\(text)")
    }
  }

  @Test("a round's lines with other texts and extremes are read alike") func extremes() throws {
    let previous = SHA256Digest(hashing: [1])
    let limit = UInt64(JSONValue.safeIntegers.upperBound)
    let reasons = ["x", String(repeating: "~", count: 200), "a\u{7F}b", "ü", "\"", "a\\b"]
    let records: [LedgerRecord] =
      reasons.map { .void(VoidRecord(round: limit, reason: $0)) }
      + [.burned(BurnedRecord(round: limit, chargeIndex: 0))]
    var fastCount = 0
    for record in records {
      let entry = try LedgerEntry(index: 7, previous: previous, record: record)
      if compare(entry.line, 7, "\(record)") { fastCount += 1 }
      #expect(try LedgerEntry(decoding: entry.line, at: 7) == entry)
    }
    #expect(fastCount == 3)
  }
}
