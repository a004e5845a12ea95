import CanonicalJSON
import Cryptography
import Foundation
import Glibc
import Testing
import WireProtocol

extension EndToEnd {
  /// A round in which the only slot for uploads is held, so that the moment of a withdrawal is
  /// exact: after the customer has joined, before its update.
  @Suite("Rights in the middle of a round") struct DeviceRightsRoundTests {
    /// Runs a round of five: a hand-driven member holds the only slot while the customer `me` joins
    /// and `act` runs; then it uploads, and `me` has its turn.
    ///
    /// - Returns: how `client run` of the customer `me` ended, and what the coordinator printed.
    private func round(
      of shop: Shop, while act: @Sendable (Shop) async throws -> Void
    ) async throws -> (mine: Outcome, server: String) {
      let server = try await shop.serve(environment: [
        "TACIT_UPLOAD_SLOTS": "1", "TACIT_GATHER_SECONDS": "3",
      ])
      try await shop.enrolWithConsent("me")
      let token = try EnrolmentToken(text: try await shop.token())
      let outcome = try await HandDriven.connected(token: token, identity: try SigningKey()) {
        holder in
        guard case .welcome = try await holder.enrol() else {
          throw HandDriven.Unexpected(description: "not welcome")
        }
        let others = try shop.simulate(users: 3)
        let offer = try await holder.join()
        try await holder.waitForTurn()
        // From here on the round cannot end and no one else can upload.
        let mine = try ChildProcess("client", ["run", "--home", shop.file("me")])
        try await eventually("me has joined and waits for the slot") {
          let live = try? JSONValue.parse(Array(text(of: shop.coordinator + "/status.json").utf8))
          return live?["round"]?["joined"]?.integerValue == 5
        }
        try await act(shop)
        try await holder.send(
          try holder.upload([Float](repeating: 0, count: Int(offer.dimension)), to: offer))
        _ = try await holder.result()
        #expect(try await others.exitCode() == 0, "\(others.errors)")
        let code = try await mine.exitCode()
        return Outcome(code: code, output: mine.output, errors: mine.errors)
      }
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      return (outcome, server.errors)
    }

    @Test("the same round with no withdrawal counts everyone")
    func control() async throws {
      let shop = try await Shop(Shop.Terms(customers: 5, minimumCohort: 3))
      let (mine, server) = try await round(of: shop) { _ in }
      #expect(mine.code == 0, "\(mine.errors)")
      #expect(mine.errors.contains("round 1: contributed"), "\(mine.errors)")
      #expect(server.contains("round 1  charged; 5 contributions"), "\(server)")
    }

    @Test("a withdrawal between offer and upload: not one byte of the update leaves")
    func withdrawal() async throws {
      let shop = try await Shop(Shop.Terms(customers: 5, minimumCohort: 3))
      let (mine, server) = try await round(of: shop) { shop in
        let withdrawn = try await run(
          "client", ["consent", "withdraw", "--home", shop.file("me")])
        #expect(withdrawn.code == 0, "\(withdrawn.errors)")
      }
      #expect(mine.errors.contains("round 1: not joined"), "exit \(mine.code): \(mine.errors)")
      #expect(!mine.errors.contains("contributed"), "\(mine.errors)")
      #expect(server.contains("round 1  charged; 4 contributions"), "\(server)")
      let receipts = try await run(
        "client", ["receipts", "--home", shop.file("me"), "--json"])
      let rounds = try JSONValue.parse(Array(receipts.output.utf8))["rounds"]
      #expect(rounds?.arrayValue?.isEmpty == true, "nothing was journaled as spent")
    }

    @Test("an erase between offer and upload stops the running client too")
    func erase() async throws {
      let shop = try await Shop(Shop.Terms(customers: 5, minimumCohort: 3))
      let (mine, server) = try await round(of: shop) { shop in
        let erased = try await run(
          "client", ["data", "erase", "--yes", "--home", shop.file("me")])
        #expect(erased.code == 0, "\(erased.errors)")
      }
      // Its files are gone under it, and it makes none again.
      #expect(mine.code != 0, "\(mine.errors)")
      let left = try FileManager.default.subpathsOfDirectory(atPath: shop.file("me"))
      #expect(left == ["receipts.json"])
      #expect(!mine.errors.contains("contributed"), "\(mine.errors)")
      #expect(server.contains("round 1  charged; 4 contributions"), "\(server)")
    }
  }
}
