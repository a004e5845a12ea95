import CanonicalJSON
import Cryptography
import Foundation
import Testing

extension EndToEnd {
  @Suite("An audit of a ledger that was tampered with") struct AuditTests {
    private struct Evidence {
      let shop: Shop
      /// A checkpoint that a client kept.
      let checkpoint: String
      let log: [UInt8]
      let head: [UInt8]

      var logPath: String { shop.ledger }
      var headPath: String { shop.coordinator + "/ledger/ledger.head" }

      init() async throws {
        shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
        try await shop.train(trainings: 2)
        checkpoint = shop.file("kept.note")
        let note = try await run("client", ["receipts", "--home", shop.home(), "--checkpoint"])
        try #require(note.code == 0, "\(note.errors)")
        try Self.write(Array(note.output.utf8), to: checkpoint)
        log = Array(text(of: shop.ledger).utf8)
        head = Array(text(of: shop.coordinator + "/ledger/ledger.head").utf8)
      }

      static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
      }

      func audit() async throws -> Outcome { try await shop.audit(["--checkpoint", checkpoint]) }

      /// The byte range of each entry's line, line feed included.
      var lines: [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        for index in log.indices where log[index] == UInt8(ascii: "\n") {
          ranges.append(start..<index + 1)
          start = index + 1
        }
        return ranges
      }
    }

    /// The tree hash of RFC 9162 s.2.1.1, as an operator who rewrites the head computes it.
    private static func treeRoot(_ lines: ArraySlice<[UInt8]>) -> SHA256Digest {
      guard lines.count > 1 else { return SHA256Digest(hashing: [0] + lines.joined()) }
      var split = 1
      while 2 * split < lines.count { split *= 2 }
      let middle = lines.startIndex + split
      let (left, right) = (treeRoot(lines[..<middle]), treeRoot(lines[middle...]))
      return SHA256Digest(hashing: [1] + left.bytes + right.bytes)
    }

    private static func namesAnEntry(_ outcome: Outcome) -> Bool {
      outcome.output.contains(/RESULT .*see entry [0-9]+/)
    }

    @Test("the ledger as it is passes, complete against a client's checkpoint")
    func untouchedLedgerPasses() async throws {
      let outcome = try await Evidence().audit()
      #expect(outcome.code == 0)
      #expect(outcome.output.contains("complete for its first 8 entries"), "\(outcome.output)")
    }

    @Test(
      "proofs that a client kept are held against the ledger; one of another ledger is not in it")
    func keptProofs() async throws {
      let shop = try await Evidence().shop
      let kept = shop.file("proofs")
      let written = try await run("client", ["receipts", "--home", shop.home(), "--proofs", kept])
      #expect(written.code == 0, "\(written.errors)")
      let names = try FileManager.default.contentsOfDirectory(atPath: kept).sorted()
      #expect(
        names
          == zip(2..., ["offer", "charge", "release", "offer", "charge", "release"]).map {
            "entry-\($0)-\($1).tlog-proof"
          })
      #expect(try await shop.audit(["--receipts", kept]).code == 0)
      let path = kept + "/" + names[1]
      // The hash above the leaf is another one.
      var lines = text(of: path).split(separator: "\n", omittingEmptySubsequences: false)
      lines[3] = lines[4]
      try Evidence.write(Array(lines.joined(separator: "\n").utf8), to: path)
      #expect(try await shop.audit(["--receipts", kept]).code == 4)

      // Written again, what is there stays; a file that would have to be replaced is refused before any is written.
      let again = ["receipts", "--home", shop.home(), "--proofs", kept]
      try FileManager.default.removeItem(atPath: kept + "/" + names[5])
      let refused = try await run("client", again)
      #expect(refused.code == 5 && refused.errors.contains(path), "\(refused.errors)")
      #expect(text(of: path) == lines.joined(separator: "\n"))
      #expect(!FileManager.default.fileExists(atPath: kept + "/" + names[5]))
      try FileManager.default.removeItem(atPath: path)
      #expect(try await run("client", again).code == 0)
      #expect(try await run("client", again).code == 0)
      #expect(try await shop.audit(["--receipts", kept]).code == 0)
    }

    @Test("the list of members is that of the ledger, by both verifiers; another one is not")
    func membersAreThoseOfTheLedger() async throws {
      let shop = try await Evidence().shop
      let list = try await shop.members()
      #expect(try shop.entries()[1]["body"]?["size"]?.integerValue == 3)
      for (text, code) in [(list, Int32(0)), (list.replacing("\"id\": 2", with: "\"id\": 7"), 4)] {
        try Evidence.write(Array(text.utf8), to: shop.file("members.json"))
        let outcome = try await shop.audit(["--roster", shop.file("members.json")])
        #expect(outcome.code == code, "\(outcome.output)")
        #expect(outcome.output.contains(code == 0 ? "[ok] roster" : "[fail] roster"))
      }
    }

    @Test(
      "a byte of the ledger changed (each 7th of one entry, each 101st of the rest) exits 4 or 8 and names an entry"
    )
    func changedLedgerByteIsFound() async throws {
      let evidence = try await Evidence()
      let release = evidence.lines[4]
      // `LedgerTamperingTests` flips every bit of every entry, without a process for each.
      let sampled = Set(stride(from: 0, to: evidence.log.count, by: 101))
        .union(stride(from: release.lowerBound, to: release.upperBound, by: 7)).sorted()
      for offset in sampled {
        var changed = evidence.log
        changed[offset] ^= 1 << UInt8(offset % 7)
        try Evidence.write(changed, to: evidence.logPath)
        let outcome = try await evidence.audit()
        #expect([4, 8].contains(outcome.code), "byte \(offset): exit \(outcome.code)")
        #expect(Self.namesAnEntry(outcome), "byte \(offset): \(outcome.output)")
      }
    }

    @Test("a changed byte inside one entry is blamed on that entry or the one after it")
    func blameIsNear() async throws {
      let evidence = try await Evidence()
      for (entry, line) in evidence.lines.enumerated() {
        var changed = evidence.log
        changed[line.lowerBound + line.count / 3] ^= 1
        try Evidence.write(changed, to: evidence.logPath)
        let outcome = try await evidence.audit()
        let match = outcome.output.firstMatch(of: /see entry ([0-9]+)/)
        let blamed = match.flatMap { Int($0.output.1) }
        #expect(blamed == entry || blamed == entry + 1, "entry \(entry): \(outcome.output)")
      }
    }

    @Test("a byte of the head changed, each seventh one: exit 4 or 8")
    func changedHeadByteIsFound() async throws {
      let evidence = try await Evidence()
      for offset in stride(from: 0, to: evidence.head.count, by: 7) {
        var changed = evidence.head
        changed[offset] ^= 1 << UInt8(offset % 7)
        try Evidence.write(changed, to: evidence.headPath)
        let outcome = try await evidence.audit()
        #expect([4, 8].contains(outcome.code), "byte \(offset): exit \(outcome.code)")
        #expect(outcome.output.contains("[fail] head"), "byte \(offset): \(outcome.output)")
      }
    }

    @Test(
      "a dropped tail with a rewritten head fails against a checkpoint that a client kept")
    func droppedTailIsFoundByTheClient() async throws {
      let evidence = try await Evidence()
      let dropped = evidence.lines.count - 1
      let tail = evidence.lines[dropped]
      let kept = evidence.lines[..<dropped].map { Array(evidence.log[$0].dropLast()) }
      let head = JSONValue.object([
        "bytes": .integer(Int64(tail.lowerBound)), "size": .integer(Int64(dropped)),
        "root": .string(Self.treeRoot(kept[...]).hex),
      ])
      try Evidence.write(Array(evidence.log[..<tail.lowerBound]), to: evidence.logPath)
      try Evidence.write(head.canonicalBytes + [UInt8(ascii: "\n")], to: evidence.headPath)
      try FileManager.default.removeItem(
        atPath: evidence.shop.coordinator + "/ledger/ledger.checkpoint")

      let alone = try await evidence.shop.audit()
      #expect(alone.code == 0, "no evidence outside the operator's hands: \(alone.output)")
      #expect(alone.output.contains("completeness not proven"))
      let outcome = try await evidence.audit()
      #expect([4, 8].contains(outcome.code), "exit \(outcome.code): \(outcome.output)")
      #expect(outcome.output.contains("entry \(dropped)"), "\(outcome.output)")
    }

    @Test("an entry dropped from the middle is found and named")
    func droppedEntryIsFound() async throws {
      let evidence = try await Evidence()
      for (dropped, line) in evidence.lines.enumerated().dropFirst() {
        var changed = evidence.log
        changed.removeSubrange(line)
        try Evidence.write(changed, to: evidence.logPath)
        let outcome = try await evidence.audit()
        #expect([4, 8].contains(outcome.code), "entry \(dropped): exit \(outcome.code)")
        #expect(outcome.output.contains("entry \(dropped)"), "\(outcome.output)")
      }
    }

    @Test("a swapped policy is found: exit 4, and the first entry is named")
    func swappedPolicyIsFound() async throws {
      let evidence = try await Evidence()
      let path = evidence.shop.coordinator + "/policy.json"
      let swapped = text(of: path).replacing("\"8\"", with: "\"7.5\"")
      #expect(swapped != text(of: path))
      try Evidence.write(Array(swapped.utf8), to: path)
      let outcome = try await evidence.audit()
      #expect(outcome.code == 4, "exit \(outcome.code)")
      #expect(outcome.output.contains("see entry 0"), "\(outcome.output)")
      let server = try await evidence.shop.serve(waits: false)
      #expect(try await server.exitCode() == 5, "\(server.errors)")
    }

    @Test("a coordinator does not start on a ledger shorter than its head: exit 8")
    func shortLedgerIsNotServed() async throws {
      let evidence = try await Evidence()
      try Evidence.write(Array(evidence.log.dropLast(40)), to: evidence.logPath)
      let server = try await evidence.shop.serve(waits: false)
      #expect(try await server.exitCode() == 8, "\(server.errors)")
      #expect(
        text(of: evidence.logPath).utf8.count == evidence.log.count - 40, "nothing is repaired")
    }
  }
}
