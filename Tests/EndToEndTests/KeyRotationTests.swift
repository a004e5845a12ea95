import CanonicalJSON
import Foundation
import Glibc
import LedgerStore
import Testing

extension EndToEnd {
  /// `coordinator key rotate`, between two trainings and killed at every step of its own.
  @Suite("A signing key that is replaced") struct KeyRotationTests {
    private static let steps =
      LedgerFailpoint.keyFileNames + LedgerFailpoint.appendSteps.map { "key-\($0)" }
      + LedgerFailpoint.handoverNames

    private func keyInForce(_ shop: Shop) async throws -> String {
      let shown = try await run(
        "coordinator", ["key", "show", "--dir", shop.coordinator, "--json"])
      #expect(shown.code == 0, "\(shown.errors)")
      return try #require(JSONValue.parse(Array(shown.output.utf8))["key"]?.stringValue)
    }

    private func keyFiles(_ shop: Shop) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: shop.coordinator + "/keys")
        .filter { $0.hasPrefix("coordinator") }.sorted()
    }

    @Test("devices follow, train on, and whoever knows the old key can verify all of it")
    func rotates() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      try await shop.train()
      let old = try await keyInForce(shop)
      let seed = try Data(
        contentsOf: URL(fileURLWithPath: shop.coordinator + "/keys/coordinator.key"))
      let rotate = ["key", "rotate", "--dir", shop.coordinator]

      // Not under a running coordinator.
      let server = try await shop.serve(trainings: 2, exitWhenTrained: false)
      let refused = try await run("coordinator", rotate)
      #expect(refused.code == 75 && refused.errors.contains("stop the other"), "\(refused.errors)")
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
      #expect(try await keyInForce(shop) == old)

      let stale = try await shop.token()
      let done = try await run("coordinator", rotate + ["--json"])
      #expect(done.code == 0, "\(done.errors)")
      let said = try JSONValue.parse(Array(done.output.utf8))
      let new = try await keyInForce(shop)
      #expect(said["key"] == .string(new) && said["previous_key"] == .string(old) && new != old)
      #expect(try shop.entries().last?["kind"]?.stringValue == "key")
      #expect(try keyFiles(shop) == ["coordinator.key"])
      let inForce = try Data(
        contentsOf: URL(fileURLWithPath: shop.coordinator + "/keys/coordinator.key"))
      #expect(inForce != seed && inForce.count == 32)
      let plain = try await run("coordinator", ["key", "show", "--dir", shop.coordinator])
      #expect(
        plain.output.contains("replaced  \(old)") && plain.output.contains("in force  \(new)"))

      // The same three devices, and one more whose token names the old key.
      let enrolling = try await shop.serve(trainings: 2, exitWhenTrained: false)
      let late = try await shop.enrol("late", token: stale)
      #expect(late.code == 0, "\(late.errors)")
      enrolling.send(SIGTERM)
      #expect(try await enrolling.exitCode() == 0)
      try await shop.train(trainings: 2)
      #expect(try shop.entries().count { $0["kind"]?.stringValue == "release" } == 2)

      let kept = shop.file("proofs")
      let written = try await run("client", ["receipts", "--home", shop.home(), "--proofs", kept])
      #expect(written.code == 0, "\(written.errors)")
      let proofs = try FileManager.default.contentsOfDirectory(atPath: kept)
        .filter { $0.hasSuffix(".tlog-proof") }.sorted()
      #expect(proofs.count { $0.hasSuffix("-key.tlog-proof") } == 1, "\(proofs)")
      for key in [old, new] {
        let audit = try await shop.audit(["--receipts", kept, "--key", key])
        #expect(audit.code == 0, "\(audit.output)")
        #expect(audit.output.contains("[ok] key change"), "\(audit.output)")
        let second = try shop.verify(
          ["--key", key] + proofs.flatMap { ["--receipt", kept + "/" + $0] })
        #expect(second.code == 0, "\(second.report.prettyText)")
      }
      let label = try await run("tacit", ["label", shop.coordinator])
      #expect(label.code == 0 && label.output.contains(new), "\(label.output)")
      let shown = try await run("client", ["receipts", "--home", shop.home()])
      #expect(!shown.output.contains("refused:"), "\(shown.output)")

      // A backup holds what devices follow by.
      let backup = try await run(
        "coordinator", ["backup", "--dir", shop.coordinator, "--out", shop.file("backup")])
      #expect(backup.code == 0, "\(backup.errors)")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: shop.file("backup/ledger"))
          .contains { $0.hasPrefix("key-") })
    }

    @Test("killed at any step, the ledger goes on with one of the two keys", arguments: steps)
    func killed(step: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let old = try await keyInForce(shop)
      let rotate = ["key", "rotate", "--dir", shop.coordinator]
      let child = try ChildProcess("coordinator", rotate, environment: ["TACIT_FAILPOINT": step])
      try await child.prints("failpoint \(step)\n")
      try await child.killNow()
      // A start goes on with one of them, and leaves nothing of the other.
      let server = try await shop.serve(exitWhenTrained: false)
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      let between = try await keyInForce(shop)
      let changed = try shop.entries().count { $0["kind"]?.stringValue == "key" }
      #expect((between == old) == (changed == 0) && changed <= 1)
      if step.hasPrefix("handover") || step.hasSuffix("promote") { #expect(changed == 1) }
      if step.hasSuffix("prepare") { #expect(changed == 0) }
      #expect(try keyFiles(shop) == ["coordinator.key"])
      let again = try await run("coordinator", rotate)
      #expect(again.code == 0, "\(again.errors)")
      #expect(try await keyInForce(shop) != between)
      try await shop.train()
      let audit = try await shop.audit(["--key", old])
      #expect(audit.code == 0, "\(audit.output)")
    }
  }
}
