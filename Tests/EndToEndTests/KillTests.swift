import CanonicalJSON
import Foundation
import Glibc
import LedgerStore
import Testing

extension EndToEnd {
  /// Kills the coordinator by process id at every durable step that a training reaches.
  @Suite("A coordinator killed at a named step") struct KillTests {
    private static func names(_ kind: String) -> [String] {
      LedgerFailpoint.appendSteps.map { "\(kind)-\($0)" }
    }

    private static let trainingNames =
      names("offer") + names("charge") + BlobStore.failpointNames + names("release")
      + LedgerFailpoint.checkpointNames

    /// Steps that a coordinator reaches only with a durable charge.
    private static func isCharged(_ name: String) -> Bool {
      name == "charge-after-head" || name.hasPrefix("blob") || name.hasPrefix("release")
        || name.hasPrefix("burned")
    }

    @Test(
      "in a training: no charge is forgotten, and the same federation goes on",
      arguments: trainingNames)
    func trainingGoesOn(name: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      if name.hasPrefix("blob") { try await storeInitialModel(shop) }
      let server = try await shop.serve(trainings: 2, environment: ["TACIT_FAILPOINT": name])
      let customers = try shop.simulate()
      let spent = try await kill(server, at: name, of: shop)
      try await goesOn(shop, with: customers, spentBefore: spent)
    }

    @Test(
      "in a void round: the round stays free, and the same federation goes on",
      arguments: names("void"))
    func voidRoundStaysFree(name: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let server = try await shop.serve(trainings: 2, environment: ["TACIT_FAILPOINT": name])
      let reluctant = try shop.simulate(environment: ["TACIT_OPT_OUT": "1"])
      let spent = try await kill(server, at: name, of: shop)
      #expect(spent == 0)
      try await reluctant.killNow()
      try await goesOn(shop, with: try shop.simulate(), spentBefore: spent)
      #expect(try shop.entries().count { $0["kind"]?.stringValue == "charge" } == 2)
    }

    @Test(
      "while it recovers from a kill: the charge is burned once, and the federation goes on",
      arguments: names("burned"))
    func recoveryIsRepeatable(name: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let first = try await shop.serve(
        trainings: 2, environment: ["TACIT_FAILPOINT": "charge-after-head"])
      let customers = try shop.simulate()
      let charged = try await kill(first, at: "charge-after-head", of: shop)
      let second = try await shop.serve(
        trainings: 2, environment: ["TACIT_FAILPOINT": name], waits: false)
      let spent = try await kill(second, at: name, of: shop)
      #expect(spent == charged)
      try await goesOn(shop, with: customers, spentBefore: spent)
      #expect(try shop.story().filter { $0.hasPrefix("burned") } == ["burned 1"])
    }

    @Test(
      "while the ledger is made: there is no half directory, and init can be run again",
      arguments: names("genesis"))
    func initIsRepeatable(name: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2))
      let made = shop.file("second")
      let arguments = [
        "init", "--dir", made, "--catalogue", shop.file("catalogue.csv"), "--policy",
        shop.file("policy.json"),
      ]
      let first = try ChildProcess(
        "coordinator", arguments, environment: ["TACIT_FAILPOINT": name])
      try await first.prints("failpoint \(name)\n")
      try await first.killNow()
      #expect(access(made, F_OK) != 0)
      let second = try await run("coordinator", arguments)
      #expect(second.code == 0, "\(second.errors)")
      let status = try await run("coordinator", ["status", "--dir", made, "--json"])
      #expect(try JSONValue.parse(Array(status.output.utf8))["entries"]?.integerValue == 1)
    }

    /// A first start stores the public initial model, so that the next blob is a round's.
    private func storeInitialModel(_ shop: Shop) async throws {
      let server = try await shop.serve()
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
    }

    /// - Returns: the epsilon that the files show as spent after the kill.
    private func kill(
      _ server: ChildProcess, at name: String, of shop: Shop
    ) async throws -> Double {
      try await server.prints("failpoint \(name)\n")
      let shownBefore = try await shop.epsilonSpent()
      try await server.killNow()
      let shownAfter = try await shop.epsilonSpent()
      #expect(shownAfter >= shownBefore)
      if Self.isCharged(name) { #expect(shownAfter > 0) }
      return shownAfter
    }

    /// Restarts the coordinator and holds what it then does against what it did before.
    private func goesOn(
      _ shop: Shop, with customers: ChildProcess, spentBefore: Double
    ) async throws {
      let before = try shop.story()
      let lastRound = before.compactMap { Int($0.split(separator: " ")[1]) }.max() ?? 0
      let membersBefore = try await shop.members()

      let restarted = try await shop.serve(trainings: 2)
      #expect(try await shop.epsilonSpent() >= spentBefore)
      #expect(try await restarted.exitCode() == 0, "\(restarted.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")

      let story = try shop.story()
      #expect(story.starts(with: before.dropLast()), "\(before), then \(story)")
      #expect(restarted.errors.contains("next     round \(lastRound + 1)\n"), "\(restarted.errors)")
      let offers = story.filter { $0.hasPrefix("offer") }
      #expect(offers == offers.indices.map { "offer \($0 + 1)" }, "round ids go on by one")
      let releases = story.filter { $0.hasPrefix("release") }
      #expect(releases.count == 2 && Set(releases).count == 2, "\(story)")
      #expect(try await shop.epsilonSpent() > spentBefore)
      let membersAfter = try await shop.members()
      #expect(membersAfter.contains("\"id\": 3") && !membersAfter.contains("\"id\": 4"))
      if membersBefore.contains("\"id\": 3") { #expect(membersAfter == membersBefore) }
      let note = try await run("client", ["receipts", "--home", shop.home(), "--checkpoint"])
      let kept = shop.file("kept.note")
      try Data(note.output.utf8).write(to: URL(fileURLWithPath: kept))
      let audit = try await shop.audit(["--checkpoint", kept])
      #expect(audit.code == 0, "\(audit.output)")
    }
  }
}
