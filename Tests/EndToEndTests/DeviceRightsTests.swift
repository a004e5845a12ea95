import CanonicalJSON
import Cryptography
import Foundation
import Glibc
import Testing
import WireProtocol

extension EndToEnd {
  /// What the customer may demand of the device, all of it with the coordinator down unless a test
  /// says otherwise.
  @Suite("The customer's rights") struct DeviceRightsTests {
    private static let canary = "CANARY85123A"
    private static let header = "kind,item,time,value,occasion\n"

    private let shop: Shop
    private var home: String { shop.file("me") }

    /// One enrolled customer; the coordinator is down again.
    init() async throws {
      shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      #expect(try await shop.enrol("me", token: try await shop.token()).code == 0)
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
    }

    private func client(
      _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> Outcome {
      try await run("client", arguments + ["--home", home], environment: environment)
    }

    private func write(_ text: String, to name: String) throws -> String {
      let path = shop.file(name)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      return path
    }

    /// A moment `daysAgo` days before now, as files have it.
    private static func time(daysAgo: Double) -> String {
      let formatter = DateFormatter()
      formatter.locale = Locale(identifier: "en_US_POSIX")
      formatter.timeZone = TimeZone(secondsFromGMT: 0)
      formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
      return formatter.string(from: Date(timeIntervalSinceNow: -86_400 * daysAgo))
    }

    private static func rows(_ count: Int, daysAgo: Double = 1) -> String {
      (0..<count).map {
        "purchase,\(canary)-\($0),\(time(daysAgo: daysAgo)),1,\(canary)-visit-\($0 % 7)\n"
      }.joined()
    }

    /// Every regular file under `directory`, with its bytes.
    private static func files(under directory: String) throws -> [String: Data] {
      var files: [String: Data] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
        var isDirectory: ObjCBool = false
        let path = "\(directory)/\(name)"
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
          !isDirectory.boolValue
        else { continue }
        files[name] = try Data(contentsOf: URL(fileURLWithPath: path))
      }
      return files
    }

    private static func hold(_ needle: Data, in files: [String: Data]) -> [String] {
      files.filter { $0.value.range(of: needle) != nil }.map(\.key).sorted()
    }

    // MARK: - Import

    @Test("a dry run reports every bad row by number, writes nothing and exits 5")
    func dryRun() async throws {
      let bad = try write(
        Self.header + Self.rows(1) + "buy,A,2010-12-01 08:26:00,1,1\nshort\n", to: "bad.csv")
      let before = try Self.files(under: home)
      let checked = try await client("data", "import", "--dry-run", bad)
      #expect(checked.code == 5, "\(checked.errors)")
      #expect(checked.output.contains("row 3: `kind` is not one of"))
      #expect(checked.output.contains("row 4: it has 1 fields instead of 5"))
      #expect(checked.output.contains("1 good rows, 2 bad ones"))
      #expect(try Self.files(under: home) == before)
      let imported = try await client("data", "import", bad)
      #expect(imported.code == 5)
      #expect(imported.errors.contains("Row 3"), "\(imported.errors)")
      #expect(try await client("data", "show").output == "no events\n")

      let good = try write(Self.header + Self.rows(3), to: "good.csv")
      let clean = try await client("data", "import", "--dry-run", good)
      #expect(clean.code == 0 && clean.output.contains("3 good rows, 0 bad ones"))
      #expect(try await client("data", "show").output == "no events\n")
    }

    @Test("an export of one device is an import of another")
    func exportIsPortable() async throws {
      let rows = try write(Self.header + Self.rows(20), to: "mine.csv")
      #expect(try await client("data", "import", rows).output.hasPrefix("imported 20 events"))
      let exported = try await client("data", "export")
      #expect(exported.code == 0, "\(exported.errors)")
      let lines = try exported.output.split(separator: "\n").map {
        try JSONValue.parse(Array($0.utf8))
      }
      let events = lines.filter { $0["table"]?.stringValue == "event" }
      #expect(
        Set(events.compactMap { $0["item"]?.stringValue })
          == Set((0..<20).map { "\(Self.canary)-\($0)" }))
      #expect(lines.first?["table"]?.stringValue == "enrolment")
      let file = try write(exported.output, to: "export.jsonl")
      let again = try await client("data", "import", file)
      #expect(again.output == "imported 0 events; 20 were there already\n", "\(again.errors)")
      let forced = try await client("data", "import", "--format", "csv", file)
      #expect(forced.code == 5 && forced.errors.contains("the header is not"))
    }

    // MARK: - Encryption

    @Test("no file of the device holds an item's name, and without its key it tells nothing")
    func filesAreSealed() async throws {
      let rows = try write(Self.header + Self.rows(200), to: "mine.csv")
      #expect(try await client("data", "import", rows).code == 0)
      let needle = Data(Self.canary.utf8)
      #expect(
        Self.hold(needle, in: ["mine.csv": try Data(contentsOf: URL(fileURLWithPath: rows))]) == [
          "mine.csv"
        ])
      #expect(Self.hold(needle, in: try Self.files(under: home)).isEmpty)
      #expect(try await client("data", "export").output.contains(Self.canary))

      try FileManager.default.moveItem(atPath: home + "/identity.key", toPath: shop.file("key"))
      let blind = try await client("data", "export")
      #expect(blind.code == 4, "\(blind.errors)")
      #expect(!blind.output.contains(Self.canary))
      // What needs no key goes on working.
      #expect(try await client("consent", "withdraw").code == 0)
      #expect(try await client("consent", "status").code == 0)
      #expect(try await client("receipts").code == 0)

      try Data(repeating: 1, count: 32).write(to: URL(fileURLWithPath: home + "/identity.key"))
      #expect(chmod(home + "/identity.key", 0o600) == 0)
      let wrong = try await client("data", "show")
      #expect(wrong.code == 4 && wrong.errors.contains("under the key of another device"))
    }

    // MARK: - Retention

    @Test("rows older than the retention go at import, at run and when it is shortened")
    func retention() async throws {
      let shown = try await client("data", "retention", "show", "--json")
      #expect(try JSONValue.parse(Array(shown.output.utf8))["days"]?.integerValue == 365)
      let rows = Self.rows(2, daysAgo: 400) + Self.rows(3, daysAgo: 100) + Self.rows(5, daysAgo: 2)
      let file = try write(Self.header + rows, to: "mine.csv")
      let imported = try await client("data", "import", file)
      #expect(imported.code == 0)
      #expect(imported.errors.contains("removed 2 events"), "\(imported.errors)")
      #expect(try await client("data", "show", "--latest", "0").output == "purchase  8\n")

      let longer = try await client("data", "retention", "set", "--days", "366")
      #expect(longer.code == 5 && longer.errors.contains("the policy's 365"), "\(longer.errors)")
      let shorter = try await client("data", "retention", "set", "--days", "30")
      #expect(shorter.code == 0)
      #expect(shorter.errors.contains("removed 3 events"), "\(shorter.errors)")
      #expect(try await client("data", "show", "--latest", "0").output == "purchase  5\n")

      // A moment of the past makes the device replay a log: nothing of it is too old then.
      let replayed = try await client(
        "data", "retention", "set", "--days", "policy", "--today", Self.time(daysAgo: 90))
      #expect(replayed.code == 0, "\(replayed.errors)")
      #expect(try await client("data", "import", file).output.hasPrefix("imported 5 events"))
      #expect(
        try await client("data", "retention", "set", "--today", "2999-01-01 00:00:00").code == 5)
      #expect(try await client("data", "retention", "set", "--days", "30").code == 0)
      let clock = try await client("data", "retention", "set", "--today", "clock")
      #expect(clock.errors.contains("removed 3 events"), "\(clock.errors)")
    }

    @Test("client run removes what has become too old, before anything else")
    func retentionAtRun() async throws {
      // Six hours are left of the thirty days; in a zone that is fourteen hours ahead none is.
      let rows = Self.header + Self.rows(4, daysAgo: 29.75) + Self.rows(1, daysAgo: 10)
      let file = try write(rows, to: "mine.csv")
      #expect(try await client("data", "retention", "set", "--days", "30").code == 0)
      let imported = try await client("data", "import", file, environment: ["TZ": "UTC0"])
      #expect(imported.output.hasPrefix("imported 5 events") && imported.errors.isEmpty)
      let here = try await client("run", environment: ["TZ": "UTC0"])
      #expect(here.code == 7 && !here.errors.contains("removed"), "\(here.errors)")
      let ahead = try await client("run", environment: ["TZ": "EAST-14"])
      #expect(ahead.code == 7 && ahead.errors.contains("removed 4 events"), "\(ahead.errors)")
      #expect(try await client("data", "show", "--latest", "0").output == "purchase  1\n")
    }

    // MARK: - Consent

    @Test("consent is given, shown and withdrawn without the coordinator, bound to the policy")
    func consent() async throws {
      func status(_ environment: [String: String] = [:]) async throws -> JSONValue {
        let shown = try await client("consent", "status", "--json", environment: environment)
        #expect(shown.code == 0, "\(shown.errors)")
        return try JSONValue.parse(Array(shown.output.utf8))
      }
      #expect(try await status()["state"]?.stringValue == "never")
      #expect(try await client("consent", "give").code == 0)
      let given = try await status(["TACIT_OPT_OUT": "1"])
      #expect(given["state"]?.stringValue == "given" && given["consent"] == .bool(true))
      #expect(given["opted_out"] == .bool(true))
      #expect(given["policy"]?.stringValue?.count == 64)
      let withdrawn = try await client("consent", "withdraw")
      #expect(withdrawn.output.contains("masked or sealed, cannot be recalled"))
      #expect(try await status()["state"]?.stringValue == "withdrawn")

      // Another policy in the enrolment: the consent was not to this one.
      #expect(try await client("consent", "give").code == 0)
      let path = home + "/enrolment.json"
      let changed = text(of: path).replacingOccurrences(
        of: #"\"retention_days\":365"#, with: #"\"retention_days\":364"#)
      #expect(changed != text(of: path))
      try Data(changed.utf8).write(to: URL(fileURLWithPath: path))
      #expect(try await status()["state"]?.stringValue == "given-for-another-policy")
      #expect(try await client("run").code == 7)
    }

    // MARK: - Erase

    @Test("after an erase no byte of an event, an item's name or a key is in the device's folder")
    func erase() async throws {
      let rows = try write(Self.header + Self.rows(300), to: "mine.csv")
      #expect(try await client("data", "import", rows).code == 0)
      let before = try Self.files(under: home)
      let seed = try #require(before["identity.key"])
      let sealed = try #require(before["store/behavior.sqlite"])
      let credential = try JSONValue.parse(Array(text(of: home + "/enrolment.json").utf8))[
        "credential"]?.stringValue
      #expect(seed.count == 32)
      #expect(try await client("data", "erase").code == 2)
      #expect(try Self.files(under: home) == before, "without --yes nothing is erased")

      let erased = try await client("data", "erase", "--yes")
      #expect(erased.code == 0, "\(erased.errors)")
      for promise in ["cannot be undone", "models already released stay", "revoke client "] {
        #expect(erased.output.contains(promise), "\(erased.output)")
      }
      let after = try Self.files(under: home)
      #expect(Set(after.keys) == ["receipts.json"])
      let needles = [
        Data(Self.canary.utf8), seed, Data(seed.prefix(16)),
        Data(HexCoding.encode(Array(seed)).utf8), Data((credential ?? "?").utf8),
        Data("SQLite format 3".utf8), sealed.suffix(64),
      ]
      for needle in needles { #expect(Self.hold(needle, in: after).isEmpty) }

      #expect(try await client("data", "show").code == 5)
      #expect(try await client("run").code == 5)
      #expect(try await client("consent", "give").code == 5)
      #expect(try await client("data", "erase", "--yes", "--receipts").code == 0)
      #expect(try Self.files(under: home).isEmpty)
      #expect(try await client("data", "erase", "--yes").code == 5, "there is nothing left")
    }

    @Test("an erase keeps the receipts of a contribution, which still audit the ledger")
    func receiptsSurvive() async throws {
      let server = try await shop.serve()
      let customers = try shop.simulate()
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      let mine = ["--home", shop.home()]
      let before = try await run("client", ["receipts", "--json"] + mine)
      let note = try await run("client", ["receipts", "--checkpoint"] + mine)
      #expect(before.output.contains("\"round\": 1"), "\(before.output)")
      #expect(Self.hold(Data("visit-1".utf8), in: try Self.files(under: shop.home())).isEmpty)

      let erased = try await run("client", ["data", "erase", "--yes"] + mine)
      #expect(erased.code == 0, "\(erased.errors)")
      #expect(erased.output.contains("kept: the record of 1 contribution(s)"), "\(erased.output)")
      let after = try Self.files(under: shop.home())
      #expect(Set(after.keys) == ["receipts.json"])
      for item in 0..<Shop.itemCount {
        #expect(Self.hold(Data("\"\(Shop.code(item))\"".utf8), in: after).isEmpty)
      }
      #expect(try await run("client", ["receipts", "--json"] + mine).output == before.output)
      #expect(try await run("client", ["receipts", "--checkpoint"] + mine).output == note.output)
      let exported = try await run("client", ["data", "export"] + mine)
      #expect(exported.output.contains("\"erasedDevice\""), "\(exported.output)\(exported.errors)")
      let kept = try write(note.output, to: "kept.note")
      #expect(try await shop.audit(["--checkpoint", kept]).code == 0)
    }

    @Test("receipts of earlier devices that are too large lose what can be spared")
    func eraseBesideLargeReceipts() async throws {
      let limit = 1 << 26
      func receipts(padding: Int) -> String {
        let reason = String(repeating: "r", count: 1 << 20)
        let refusal = #"{"at_seconds":1,"reason":""# + reason + #""}"#
        let refusals = Array(repeating: refusal, count: 63).joined(separator: ",")
        return #"{"devices":[{"checkpoints":[],"client_id":77,"consent":[],"ledger_id":"00","#
          + #""policy":""# + String(repeating: "p", count: padding)
          + #"","proofs":[],"refusals":["# + refusals + #"],"rounds":[]}],"format":1}"#
      }
      let shortest = receipts(padding: 0).utf8.count
      _ = try write(receipts(padding: limit - shortest), to: "me/receipts.json")
      let erased = try await client("data", "erase", "--yes")
      #expect(erased.code == 0, "\(erased.errors)")
      let left = try #require(try Self.files(under: home)["receipts.json"])
      #expect(left.count <= limit)
      let devices = try JSONValue.parse(Array(left), limit: limit)["devices"]?.arrayValue ?? []
      #expect(devices.count == 2 && devices[0]["client_id"]?.integerValue == 77)
      #expect(devices[0]["refusals"]?.arrayValue?.isEmpty == true)
      #expect(try await client("receipts", "--json").code == 0)
    }

    @Test("receipts that cannot be read are put aside, and keep nobody from erasing")
    func eraseBesideUnreadableReceipts() async throws {
      _ = try write("not receipts", to: "me/receipts.json")
      let erased = try await client("data", "erase", "--yes")
      #expect(erased.code == 0, "\(erased.errors)")
      #expect(erased.output.contains("put aside"), "\(erased.output)")
      let left = try Self.files(under: home)
      #expect(Set(left.keys) == ["receipts.json", "receipts.unreadable"])
      #expect(left["receipts.unreadable"] == Data("not receipts".utf8))
      #expect(try await client("receipts", "--json").code == 0)
      #expect(try await client("data", "erase", "--yes", "--receipts").code == 0)
      #expect(try Self.files(under: home).isEmpty)
    }

    @Test("a damaged store and a missing key do not keep anyone from erasing")
    func eraseDamaged() async throws {
      let rows = try write(Self.header + Self.rows(50), to: "mine.csv")
      #expect(try await client("data", "import", rows).code == 0)
      try FileManager.default.removeItem(atPath: home + "/identity.key")
      try Data(repeating: 0x5A, count: 9_000).write(
        to: URL(fileURLWithPath: home + "/store/behavior.sqlite"))
      #expect(chmod(home + "/store/behavior.sqlite", 0o600) == 0)
      let erased = try await client("data", "erase", "--yes")
      #expect(erased.code == 0, "\(erased.errors)")
      #expect(erased.output.contains("not kept"), "\(erased.output)")
      #expect(try Self.files(under: home).isEmpty)
    }
  }
}
