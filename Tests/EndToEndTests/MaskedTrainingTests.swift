import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  /// Trainings whose coordinator never sees an update: real processes, masks, shares, real noise.
  @Suite("A masked training over sockets") struct MaskedTrainingTests {
    private static let modes = ["secagg", "secagg-ddp"]

    private static func terms(_ mode: String, customers: Int = 12) -> Shop.Terms {
      Shop.Terms(customers: customers, minimumCohort: 8, mode: mode)
    }

    /// The body of the one CHARGE.
    private static func charge(_ shop: Shop) throws -> JSONValue {
      try #require(
        try shop.entries().first { $0["kind"]?.stringValue == "charge" }?["body"])
    }

    @Test(
      "a training ends with 0 on both sides, is charged as agreed, and passes its audit",
      arguments: modes)
    func training(mode: String) async throws {
      let shop = try await Shop(Self.terms(mode))
      try await shop.train()
      #expect(try shop.story() == ["offer 1", "charge 1", "release 1"])
      let charge = try Self.charge(shop)
      #expect(charge["mode"]?.stringValue == mode)
      #expect(charge["rng"]?.stringValue == "system")

      let note = try await run("client", ["receipts", "--home", shop.home(), "--checkpoint"])
      let kept = shop.file("kept.note")
      try Data(note.output.utf8).write(to: URL(fileURLWithPath: kept))
      let audit = try await shop.audit(["--checkpoint", kept])
      #expect(audit.code == 0, "\(audit.output)")

      let status = try await shop.status()
      #expect(status["mode"]?.stringValue == mode)
      let receipts = try await run("client", ["receipts", "--home", shop.home(), "--json"])
      let own = try JSONValue.parse(Array(receipts.output.utf8))
      #expect(own["rounds"]?.arrayValue?.first?["state"]?.stringValue == "released")
      let epsilon = try #require(status["epsilon_spent"]?.numberValue)
      let ownEpsilon = try #require(own["epsilon"]?.numberValue)
      #expect(abs(ownEpsilon - epsilon) < 1e-6, "the device counts what the ledger charges")
      let shown = try await run("client", ["recommend", "--home", shop.home(), "--k", "3"])
      #expect(shown.code == 0, "\(shown.errors)")
    }

    @Test("two rounds after each other keep one budget and one ledger")
    func twoTrainings() async throws {
      let shop = try await Shop(Self.terms("secagg-ddp"))
      try await shop.train(trainings: 2)
      #expect(
        try shop.story() == [
          "offer 1", "charge 1", "release 1", "offer 2", "charge 2", "release 2",
        ])
      #expect(try await shop.audit().code == 0)
    }

    @Test("a client process killed while it uploads does not stop the round")
    func killedClients() async throws {
      let shop = try await Shop(Self.terms("secagg-ddp", customers: 24))
      // One slot: the updates come one after the other, and the victims are still waiting.
      let server = try await shop.serve(environment: ["TACIT_UPLOAD_SLOTS": "1"])
      let staying = try shop.simulate(users: 20)
      let victims = try ChildProcess(
        "client",
        [
          "simulate", "--home", shop.file("victims"), "--data", shop.file("data"), "--tokens",
          shop.tokens, "--users", "4", "--skip", "20", "--consent", "--patience", "60",
        ])
      try await server.prints("offered to 24 members")
      try await victims.killNow()
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await staying.exitCode() == 0, "\(staying.errors)")
      #expect(try shop.story() == ["offer 1", "charge 1", "release 1"])
      #expect(try await shop.audit().code == 0)
    }

    @Test("more loss than the policy allows is void, before any charge")
    func tooManyLost() async throws {
      var terms = Self.terms("secagg-ddp", customers: 12)
      terms.dropoutFraction = "0.1"
      terms.minimumCohort = 11
      let shop = try await Shop(terms)
      let server = try await shop.serve(environment: ["TACIT_OPT_OUT": "0"])
      let willing = try shop.simulate(users: 6)
      let reluctant = try ChildProcess(
        "client",
        [
          "simulate", "--home", shop.file("reluctant"), "--data", shop.file("data"), "--tokens",
          shop.tokens, "--users", "6", "--skip", "6", "--consent", "--patience", "60",
        ], environment: ["TACIT_OPT_OUT": "1"])
      #expect(try await server.exitCode() == 9, "\(server.errors)")
      #expect(try shop.entries().allSatisfy { $0["kind"]?.stringValue != "charge" })
      #expect(try await shop.epsilonSpent() == 0)
      try await willing.killNow()
      try await reluctant.killNow()
    }

    @Test("a coordinator killed after CHARGE burns it, and the same federation goes on")
    func killedAfterCharge() async throws {
      let shop = try await Shop(Self.terms("secagg-ddp"))
      let server = try await shop.serve(environment: ["TACIT_FAILPOINT": "charge-after-head"])
      let customers = try shop.simulate()
      try await server.prints("failpoint charge-after-head\n")
      try await server.killNow()
      let spent = try await shop.epsilonSpent()
      #expect(spent > 0)
      let restarted = try await shop.serve()
      #expect(try await restarted.exitCode() == 0, "\(restarted.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      #expect(
        try shop.story() == ["offer 1", "charge 1", "burned 1", "offer 2", "charge 2", "release 2"])
      #expect(try await shop.epsilonSpent() > spent)
      // The device sent a masked update in round 1: it counts there as well (ruling 12).
      let receipts = try await run("client", ["receipts", "--home", shop.home(), "--json"])
      let own = try JSONValue.parse(Array(receipts.output.utf8))
      let states = own["rounds"]?.arrayValue?.compactMap { $0["state"]?.stringValue }
      #expect(states == ["burned", "released"])
      let ownEpsilon = try #require(own["epsilon"]?.numberValue)
      let shopEpsilon = try await shop.epsilonSpent()
      #expect(abs(ownEpsilon - shopEpsilon) < 1e-6)
    }

    @Test("in secagg a coordinator killed after CHARGE does not ask again: both sides stop with 3")
    func noSecondSum() async throws {
      let shop = try await Shop(Self.terms("secagg"))
      let server = try await shop.serve(environment: ["TACIT_FAILPOINT": "charge-after-head"])
      let customers = try shop.simulate()
      try await server.prints("failpoint charge-after-head\n")
      try await server.killNow()
      // Everyone is back at once; the time is for a busy machine.
      let restarted = try await shop.serve(environment: ["TACIT_GATHER_SECONDS": "30"])
      #expect(try await restarted.exitCode() == 3, "\(restarted.errors)")
      #expect(restarted.errors.contains("are not asked for again"), "\(restarted.errors)")
      #expect(try await customers.exitCode() == 3, "\(customers.errors)")
      #expect(try shop.story() == ["offer 1", "charge 1", "burned 1"])
      let receipts = try await run("client", ["receipts", "--home", shop.home(), "--json"])
      let own = try JSONValue.parse(Array(receipts.output.utf8))
      let states = own["rounds"]?.arrayValue?.compactMap { $0["state"]?.stringValue }
      #expect(states == ["burned"])
    }

    @Test("a coordinator killed before CHARGE spends nothing, and the devices keep their own count")
    func killedBeforeCharge() async throws {
      let shop = try await Shop(Self.terms("secagg-ddp"))
      let server = try await shop.serve(environment: ["TACIT_FAILPOINT": "charge-before-write"])
      let customers = try shop.simulate()
      try await server.prints("failpoint charge-before-write\n")
      try await server.killNow()
      #expect(try await shop.epsilonSpent() == 0)
      let restarted = try await shop.serve()
      #expect(try await restarted.exitCode() == 0, "\(restarted.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      #expect(try shop.story() == ["offer 1", "void 1", "offer 2", "charge 2", "release 2"])
      // The word of the coordinator gives nothing back: the device counts both rounds.
      let receipts = try await run("client", ["receipts", "--home", shop.home(), "--json"])
      let own = try JSONValue.parse(Array(receipts.output.utf8))
      let ownEpsilon = try #require(own["epsilon"]?.numberValue)
      let shopEpsilon = try await shop.epsilonSpent()
      #expect(ownEpsilon > shopEpsilon)
    }
  }
}
