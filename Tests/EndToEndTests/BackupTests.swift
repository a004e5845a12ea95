import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  @Suite("Backup and restore") struct BackupTests {
    private func backup(_ shop: Shop, to name: String) async throws -> String {
      let path = shop.file(name)
      let made = try await run("coordinator", ["backup", "--dir", shop.coordinator, "--out", path])
      try #require(made.code == 0, "\(made.errors)")
      return path
    }

    private func restore(
      _ shop: Shop, from backup: String, _ extra: [String] = []
    ) async throws -> Outcome {
      try await run(
        "coordinator", ["restore", "--from", backup, "--dir", shop.coordinator] + extra)
    }

    private func loseDirectory(_ shop: Shop) throws {
      try FileManager.default.moveItem(
        atPath: shop.coordinator, toPath: shop.file("lost"))
    }

    /// A checkpoint that a customer kept.
    private func checkpoint(_ shop: Shop) async throws -> String {
      let note = try await run("client", ["receipts", "--home", shop.home(), "--checkpoint"])
      try #require(note.code == 0, "\(note.errors)")
      let path = shop.file("kept-\(UUID().uuidString).note")
      try Data(note.output.utf8).write(to: URL(fileURLWithPath: path))
      return path
    }

    @Test("a backup made while serving restores to a federation that goes on")
    func newestBackup() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(exitWhenTrained: false)
      let customers = try shop.simulate()
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      let copy = try await backup(shop, to: "copy")
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
      let spent = try await shop.epsilonSpent()
      try loseDirectory(shop)

      let restored = try await restore(
        shop, from: copy, ["--checkpoint", try await checkpoint(shop)])
      #expect(restored.code == 0, "\(restored.errors)")
      #expect(restored.output.contains("held against evidence of 5 entries"))
      #expect(try await shop.epsilonSpent() == spent)
      let status = try await shop.status()
      #expect(status["restored"]?.stringValue?.contains("Not known: whether rounds") == true)
      for name in ["keys/coordinator.key", "authority/authority.key", "keys/tls.key.pem"] {
        var information = stat()
        #expect(stat("\(shop.coordinator)/\(name)", &information) == 0)
        #expect(information.st_mode & 0o777 == 0o600)
      }

      let again = try await shop.serve(trainings: 2)
      #expect(again.errors.contains("restored from a backup of 5 entries"))
      let back = try shop.simulate()
      #expect(try await again.exitCode() == 0, "\(again.errors)")
      #expect(try await back.exitCode() == 0, "\(back.errors)")
      #expect(try shop.story().filter { $0.hasPrefix("release") } == ["release 1", "release 2"])
    }

    @Test(
      "a backup that is older than a checkpoint is not restored; without it, customers refuse (F27)"
    )
    func rolledBack() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      try await shop.train()
      let copy = try await backup(shop, to: "old")
      try await shop.train(trainings: 2)
      let newer = try await checkpoint(shop)
      let spent = try await shop.epsilonSpent()
      try loseDirectory(shop)

      for evidence in [newer, shop.file("lost") + "/ledger/ledger.checkpoint"] {
        let refused = try await restore(shop, from: copy, ["--checkpoint", evidence])
        #expect(refused.code == 4 && refused.errors.contains("it has 5 entries of 8"), "\(refused)")
        #expect(access(shop.coordinator, F_OK) != 0)
      }
      let restored = try await restore(shop, from: copy)
      #expect(restored.code == 0 && restored.output.contains("against no checkpoint or receipt"))
      // The budget went back: nothing in the directory can show it, what others hold does.
      #expect(try await shop.epsilonSpent() < spent)
      let audit = try await shop.audit(["--checkpoint", newer])
      #expect(audit.code != 0, "\(audit.output)")

      let server = try await shop.serve(trainings: 2, exitWhenTrained: false)
      let customers = try shop.simulate()
      #expect(try await customers.exitCode() != 0)
      #expect(customers.errors.contains("shows a ledger of 5 entries; it signed one of 8 before"))
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
      #expect(try shop.story().filter { $0.hasPrefix("charge") } == ["charge 1"])
    }

    @Test("a backup with one changed byte, and a directory that exists, are refused")
    func damaged() async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let copy = try await backup(shop, to: "copy")
      #expect(try await restore(shop, from: copy).code == 5)
      let again = try await run(
        "coordinator", ["backup", "--dir", shop.coordinator, "--out", copy])
      #expect(again.code == 5)
      try loseDirectory(shop)
      let log = copy + "/ledger/ledger.jsonl"
      var bytes = Array(text(of: log).utf8)
      bytes[40] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: log))
      let refused = try await restore(shop, from: copy)
      #expect(
        refused.code == 8 && refused.errors.contains("ledger/ledger.jsonl"), "\(refused.errors)")
    }

    @Test("without keys there are none in the backup") func withoutKeys() async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let path = shop.file("public")
      let made = try await run(
        "coordinator", ["backup", "--dir", shop.coordinator, "--out", path, "--without-keys"])
      #expect(made.code == 0 && made.output.contains("no keys"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/keys").isEmpty)
    }
  }
}
