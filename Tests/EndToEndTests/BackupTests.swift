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

    private func rotate(_ shop: Shop) async throws {
      let done = try await run("coordinator", ["key", "rotate", "--dir", shop.coordinator])
      try #require(done.code == 0, "\(done.errors)")
    }

    @Test("a backup of after a rotation goes on; one of before it is older than the handover")
    func acrossRotation() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      try await shop.train()
      let before = try await backup(shop, to: "before")
      try await rotate(shop)
      let after = try await backup(shop, to: "after")
      try loseDirectory(shop)

      let handover = shop.file("lost") + "/ledger/key-5.checkpoint"
      let refused = try await restore(shop, from: before, ["--checkpoint", handover])
      #expect(refused.code == 4 && refused.errors.contains("it has 5 entries of 6"), "\(refused)")
      let restored = try await restore(shop, from: after, ["--checkpoint", handover])
      #expect(restored.code == 0, "\(restored.errors)")
      // The customers know the old key only.
      try await shop.train(trainings: 2)
      #expect(try shop.story().filter { $0.hasPrefix("release") } == ["release 1", "release 2"])
      let audit = try await shop.audit()
      #expect(audit.code == 0, "\(audit.output)")
    }

    @Test(
      "a backup in the midst of a rotation restores to a ledger that opens, or is not made",
      arguments: [
        "key-file-after-prepare", "key-after-head", "handover-after-fsync", "handover-after-rename",
        "key-file-before-promote", "key-file-after-promote",
      ])
    func duringRotation(step: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let rotation = try ChildProcess(
        "coordinator", ["key", "rotate", "--dir", shop.coordinator],
        environment: ["TACIT_FAILPOINT": step])
      try await rotation.prints("failpoint \(step)\n")
      let path = shop.file("copy")
      let made = try await run("coordinator", ["backup", "--dir", shop.coordinator, "--out", path])
      try await rotation.killNow()
      if ["key-after-head", "handover-after-fsync"].contains(step) {
        #expect(
          made.code == 75 && made.errors.contains("the signing key is being replaced"),
          "\(made.errors)")
        #expect(access(path, F_OK) != 0)
        // Ends what was cut short.
        try await rotate(shop)
        _ = try await backup(shop, to: "copy")
      } else {
        #expect(made.code == 0, "\(made.errors)")
      }
      try loseDirectory(shop)
      let restored = try await restore(shop, from: path)
      #expect(restored.code == 0, "\(restored.errors)")
      let server = try await shop.serve(exitWhenTrained: false)
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      let audit = try await shop.audit()
      #expect(audit.code == 0, "\(audit.output)")
    }

    @Test("a backup whose ledger lacks an older handover is not made")
    func handoverLost() async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      for _ in 0..<2 { try await rotate(shop) }
      let handover = shop.coordinator + "/ledger/key-1.checkpoint"
      let note = try Data(contentsOf: URL(fileURLWithPath: handover))
      try FileManager.default.removeItem(atPath: handover)
      let path = shop.file("copy")
      let arguments = ["backup", "--dir", shop.coordinator, "--out", path]
      let refused = try await run("coordinator", arguments)
      #expect(refused.code == 4 && refused.errors.contains("entry 1 changes"), "\(refused.errors)")
      #expect(access(path, F_OK) != 0)
      try note.write(to: URL(fileURLWithPath: handover))
      #expect(try await run("coordinator", arguments).code == 0)
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
