import Foundation
import Recommendation
import Testing

@testable import Datasets

/// The tables of `Parquet/make_tables.py`, written by Apache Arrow.
@Suite("ParquetFile")
struct ParquetFileTests {
  private static func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: folder.appendingPathComponent("Parquet/\(name).parquet")))
  }

  @Test(
    "every column comes out as it was written, in runs or plain, compressed or not",
    arguments: ["dictionary", "plain"])
  func columns(name: String) throws {
    let table = try ParquetFile(Self.bytes(name), file: name)
    #expect(table.rowCount == 300)
    #expect(try table.integers("number") == (0..<300).map { Int64($0 * $0 - 50) })
    #expect(try table.numbers("amount") == (0..<300).map { Double($0) / 4 })
    #expect(try table.texts("text") == (0..<300).map { $0 % 7 == 0 ? nil : "name \($0 % 5)" })
    let first = try #require(CalendarTime.seconds("2017-01-01 11:53:26"))
    #expect(try table.seconds("time") == (0..<300).map { first + Int64($0) * 3600 })
  }

  @Test("a column that is missing, of another type, or compressed in another way is an error")
  func unreadable() throws {
    let table = try ParquetFile(Self.bytes("plain"), file: "plain")
    #expect(throws: DatasetError.self) { try table.integers("nothing") }
    #expect(throws: DatasetError.self) { try table.integers("amount") }
    let other = try ParquetFile(Self.bytes("zstd"), file: "zstd")
    #expect(throws: DatasetError.self) { try other.integers("number") }
  }

  @Test("a cut file is an error wherever it is cut")
  func cut() throws {
    let whole = try Self.bytes("dictionary")
    for count in stride(from: 0, to: whole.count, by: 97) {
      #expect(throws: DatasetError.self) {
        try ParquetFile(Array(whole.prefix(count)), file: "cut")
      }
    }
  }

  @Test("a changed byte gives values or an error of the file, and never stops the process")
  func changed() throws {
    let whole = try Self.bytes("dictionary")
    var errors = 0
    for place in whole.indices {
      for mask: UInt8 in [0xFF, 0x01, 0x80] {
        var bytes = whole
        bytes[place] ^= mask
        do throws(DatasetError) {
          let table = try ParquetFile(bytes, file: "changed")
          guard table.rowCount <= 1_000 else { continue }
          _ = try table.texts("text")
          _ = try table.seconds("time")
          _ = try table.integers("number")
        } catch {
          errors += 1
        }
      }
    }
    #expect(errors > whole.count / 10)
  }

  @Test("a Snappy block with literals and overlapping copies, by hand")
  func snappy() throws {
    // "ab", then a copy of 7 bytes from 2 back (kind 1), then 2 bytes from 4 back (kind 2).
    let block: [UInt8] = [11, 0x04, 0x61, 0x62, 0x0D, 0x02, 0x06, 0x04, 0x00]
    var cursor = ParquetCursor(file: "made", bytes: block, range: 0..<block.count)
    #expect(try Snappy.decompress(&cursor, count: 11) == Array("abababababa".utf8))
    var outside = ParquetCursor(file: "made", bytes: [4, 0x00, 0x61, 0x01, 0x02], range: 0..<5)
    #expect(throws: DatasetError.self) { try Snappy.decompress(&outside, count: 4) }
  }

  @Test("a block that claims more than its bytes can make is refused before memory is taken for it")
  func snappyClaim() throws {
    // 2^25 in 4 bytes of length, and nothing else: they make no more than 128.
    let block: [UInt8] = [0x80, 0x80, 0x80, 0x10]
    var cursor = ParquetCursor(file: "made", bytes: block, range: 0..<block.count)
    #expect(
      throws: DatasetError.damaged(file: "made", offset: 0, reason: "a block claims too much")
    ) { try Snappy.decompress(&cursor, count: 1 << 25) }
  }

  /// A field of Thrift's compact protocol: 32-bit, 64-bit numbers are both a zigzag.
  private static func field(_ header: UInt8, _ value: Int) -> [UInt8] {
    var (bytes, rest) = ([header], UInt64(value) << 1)
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F | 0x80))
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  @Test("a file claims 2^22 rows, and no more")
  func rowClaim() throws {
    func file(claiming rows: Int) -> [UInt8] {
      // Field 2, a schema without columns; field 3, the rows; field 4, no row groups.
      let footer: [UInt8] =
        [0x29, 0x0C] + Self.field(0x16, rows) + [0x19, 0x0C, 0]
      return Array("PAR1".utf8) + footer + [UInt8(footer.count), 0, 0, 0] + Array("PAR1".utf8)
    }
    let most = ParquetFile.largestRowCount
    #expect(most == 1 << 22)
    #expect(try ParquetFile(file(claiming: most), file: "made").rowCount == most)
    let error = #expect(throws: DatasetError.self) {
      try ParquetFile(file(claiming: most + 1), file: "made")
    }
    guard case .damaged(_, _, "the footer lacks a schema, rows or row groups") = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("a page claims 2^25 bytes and 2^22 rows, and no more", arguments: [0, 1])
  func pageClaim(over: Int) throws {
    func problem(size: Int, rows: Int) -> String? {
      // Type, size and stored size of a page; field 5, its rows and their plain encoding.
      let header: [UInt8] =
        Self.field(0x15, 0) + Self.field(0x15, size) + Self.field(0x15, 0) + [0x2C]
        + Self.field(0x15, rows) + Self.field(0x15, 0) + [0, 0]
      var cursor = ParquetCursor(file: "made", bytes: header, range: 0..<header.count)
      do throws(DatasetError) {
        _ = try ParquetPage(&cursor, codec: 0)
      } catch .damaged(_, _, let reason) {
        return reason
      } catch {
        Issue.record("\(error)")
      }
      return nil
    }
    let (bytes, rows) = (ParquetFile.largestPageBytes, ParquetFile.largestRowCount)
    #expect(bytes == 1 << 25)
    // What is not over the limit is looked at, and found not to be as long as it says.
    #expect(
      problem(size: bytes + over, rows: 1)
        == (over == 0 ? "a page has two sizes" : "a page has no sizes"))
    #expect(
      problem(size: 1, rows: rows + over)
        == (over == 0 ? "a page has two sizes" : "a page is of a kind that is not read here"))
  }

  @Test("a structure holds 65,536 values, counted with those of its lists, and no more")
  func structureSize() throws {
    func structure(listing count: Int) throws -> ThriftValue {
      // Field 1, a list (9) of booleans (1), its length as a number; then the end.
      var bytes: [UInt8] = [0x19, 0xF1]
      bytes += [UInt8(count & 0x7F | 0x80), UInt8(count >> 7 & 0x7F | 0x80), UInt8(count >> 14)]
      bytes += [UInt8](repeating: 1, count: count) + [0]
      var cursor = ParquetCursor(file: "made", bytes: bytes, range: 0..<bytes.count)
      return try ThriftValue.structure(&cursor)
    }
    // The list is a value too.
    let most = ThriftValue.largestCount - 1
    #expect(try structure(listing: most)[1]?.list?.count == most)
    #expect(
      throws: DatasetError.damaged(
        file: "made", offset: 5 + most, reason: "a structure has over 65536 values")
    ) { try structure(listing: most + 1) }
  }
}
