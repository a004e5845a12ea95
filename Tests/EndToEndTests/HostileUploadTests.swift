import CanonicalJSON
import Cryptography
import Foundation
import SecureAggregation
import Testing
import WireProtocol

extension EndToEnd {
  @Suite("Hostile uploads beside honest ones") struct HostileUploadTests {
    /// What a member does that it must not.
    enum Attack: String, CaseIterable {
      case nonFinite = "non-finite"
      case wrongLength = "wrong-length"
      case wrongRound = "wrong-round"
      case badSignature = "bad-signature"
      case badSeal = "bad-seal"
      case notOffered = "not-offered"
      case replayed
    }

    private static let rejectedItem = 29
    private static let replayedItem = 28
    private static let oversizedItem = 27
    private static let dimension = Shop.itemCount

    private static func spike(_ item: Int, _ value: Float = 1) -> [Float] {
      var values = [Float](repeating: 0, count: dimension)
      values[item] = value
      return values
    }

    /// Carries one attack out.
    ///
    /// - Returns: how the coordinator answered.
    private static func attack(
      _ attack: Attack, token: EnrolmentToken
    ) async throws -> UpdateRejection? {
      try await HandDriven.connected(token: token, identity: try SigningKey()) { member in
        _ = try await member.enrol()
        guard attack != .notOffered else {
          let offer = try await member.next {
            if case .offer(let offer) = $0 { offer } else { nil }
          }
          try await member.send(try member.upload(spike(rejectedItem), to: offer))
          return try await member.result()
        }
        let offer = try await member.join()
        try await member.waitForTurn()
        var values = spike(rejectedItem)
        switch attack {
        case .nonFinite:
          values[0] = .nan
          try await member.send(try member.upload(values, to: offer))
        case .wrongLength:
          try await member.send(try member.upload(values + [0], to: offer))
        case .wrongRound:
          var upload = try member.upload(values, to: offer)
          upload.header.round += 1
          try await member.send(.updateHeader(upload.header))
        case .badSignature:
          let stranger = try SigningKey()
          try await member.send(try member.upload(values, to: offer, signedBy: stranger))
        case .badSeal:
          let spoiled = try member.upload(values, to: offer) { $0.chunks[0][8] ^= 1 }
          try await member.send(spoiled)
        case .replayed:
          let upload = try member.upload(spike(replayedItem), to: offer)
          try await member.send(upload)
          #expect(try await member.result() == nil, "the first time it counts")
          try await member.send(.updateHeader(upload.header))
        case .notOffered:
          break
        }
        return try await member.result()
      }
    }

    /// Joins, and uploads an honest nothing only when the gate opens: the round stays open so long.
    private static func straggle(
      _ token: EnrolmentToken, until gate: Gate
    ) async throws -> UpdateRejection? {
      try await HandDriven.connected(token: token, identity: try SigningKey()) { member in
        _ = try await member.enrol()
        let offer = try await member.join()
        try await member.waitForTurn()
        await gate.pass()
        try await member.send(
          try member.upload([Float](repeating: 0, count: dimension), to: offer))
        return try await member.result()
      }
    }

    /// A well-formed update of norm one million.
    private static func oversized(_ token: EnrolmentToken) async throws -> UpdateRejection? {
      try await HandDriven.connected(token: token, identity: try SigningKey()) { member in
        _ = try await member.enrol()
        let offer = try await member.join()
        try await member.waitForTurn()
        try await member.send(try member.upload(spike(oversizedItem, 1_000_000), to: offer))
        return try await member.result()
      }
    }

    /// Noise of 0.1 at epsilon 100: one counted spike of 1 is ten standard deviations, and every
    /// bound below is six or more (false alarm below 1e-8 for the test).
    @Test("each is rejected by name, the round completes, and the model holds none of them")
    func rejectedByNameAndWithoutEffect() async throws {
      let honest = 8
      let handDriven = Attack.allCases.count + 2
      let shop = try await Shop(
        Shop.Terms(
          customers: honest, minimumCohort: honest, targetCohort: honest + handDriven,
          epsilon: "100", noiseMultiplier: "0.1"))
      let server = try await shop.serve(environment: ["TACIT_GATHER_SECONDS": "60"])
      let customers = try shop.simulate()
      try await shop.issueTokens(handDriven, to: shop.file("more.txt"))
      let tokens = try text(of: shop.file("more.txt")).split(separator: "\n").map {
        try EnrolmentToken(text: String($0))
      }

      let gate = Gate()
      async let straggler = Self.straggle(tokens[0], until: gate)
      async let oversized = Self.oversized(tokens[1])
      let answers = try await withThrowingTaskGroup(of: (Attack, UpdateRejection?).self) { group in
        defer { gate.open() }
        for (attack, token) in zip(Attack.allCases, tokens.dropFirst(2)) {
          group.addTask { (attack, try await Self.attack(attack, token: token)) }
        }
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      for attack in Attack.allCases {
        #expect(answers[attack]?.rawValue == attack.rawValue, "\(attack)")
      }
      #expect(try await oversized == nil, "it is clipped, not rejected")
      #expect(try await straggler == nil)

      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      // The honest, the straggler, the oversized one, and the replayed one once.
      #expect(server.errors.contains("charged; \(honest + 3) contributions"), "\(server.errors)")
      for attack in Attack.allCases {
        #expect(server.errors.contains(" \(attack.rawValue)"), "\(server.errors)")
      }
      let sums = try await sums(shop, cohort: honest + handDriven)
      #expect(abs(try #require(sums[Self.rejectedItem])) < 0.6)
      #expect(abs(try #require(sums[Self.replayedItem]) - 1) < 0.6)
      #expect(abs(try #require(sums[Self.oversizedItem]) - 1) < 0.6)
      #expect(try await shop.audit().code == 0)
    }

    /// The noised sum of each item, from the popularity that a device scores it by: popularity is
    /// 8 times the sum over the target cohort.
    private func sums(_ shop: Shop, cohort: Int) async throws -> [Int: Double] {
      let shown = try await run(
        "client",
        [
          "recommend", "--home", shop.home(), "--json", "--k", "\(Shop.itemCount)", "--repeat",
          "allow",
        ])
      try #require(shown.code == 0, "\(shown.errors)")
      let items = try JSONValue.parse(Array(shown.output.utf8))["items"]?.arrayValue ?? []
      var sums: [Int: Double] = [:]
      for item in items {
        guard let code = item["item"]?.stringValue, let number = Int(code.dropFirst()),
          let score = item["score"]?.numberValue
        else { continue }
        sums[number] = score * Double(cohort) / 8
      }
      return sums
    }

    @Test("a member that vanishes without close_notify does not disturb the round")
    func truncationDoesNotDisturb() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3, targetCohort: 4))
      let server = try await shop.serve(environment: ["TACIT_GATHER_SECONDS": "60"])
      let customers = try shop.simulate()
      let token = try EnrolmentToken(text: try await shop.token())
      try await HandDriven.connected(token: token, identity: try SigningKey()) { member in
        _ = try await member.enrol()
        let offer = try await member.join()
        try await member.waitForTurn()
        // Half an update: the header, and never the chunk.
        let upload = try member.upload(Self.spike(Self.rejectedItem), to: offer)
        try await member.send(.updateHeader(upload.header))
        member.truncate()
      }
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await customers.exitCode() == 0, "\(customers.errors)")
      #expect(server.errors.contains("round 1  charged; 3 contributions"), "\(server.errors)")
      #expect(try await shop.audit().code == 0)
    }

    @Test("a client that is killed after its login returns under the same identity")
    func killedClientReturns() async throws {
      let shop = try await Shop(Shop.Terms(customers: 4, minimumCohort: 2, targetCohort: 4))
      let server = try await shop.serve(trainings: 2)
      let doomed = try shop.simulate(users: 1, skip: 3)
      try await eventually("the first member is in") {
        server.isRunning && FileManager.default.fileExists(atPath: shop.home(3) + "/enrolment.json")
      }
      try await doomed.killNow()
      let others = try shop.simulate(users: 3)
      let returned = try shop.simulate(users: 1, skip: 3)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await others.exitCode() == 0, "\(others.errors)")
      #expect(try await returned.exitCode() == 0, "\(returned.errors)")
      #expect(try await shop.status()["members"]?.integerValue == 4)
    }
  }
}
