import CanonicalJSON
import Cryptography
import Foundation
import Glibc
import Testing
import Transport
import WireProtocol

extension EndToEnd {
  @Suite("A login that must be refused, with exit 4 and a reason on both sides")
  struct LoginTests {
    private let shop: Shop
    private let server: ChildProcess

    init() async throws {
      shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      server = try await shop.serve(exitWhenTrained: false)
    }

    /// Holds that a client was refused for `reason`, and that the coordinator said so too.
    private func isRefused(
      _ outcome: Outcome, _ reason: String, coordinatorSays: String? = nil,
      by coordinator: ChildProcess? = nil
    ) async throws {
      #expect(outcome.code == 4, "exit \(outcome.code): \(outcome.errors)")
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
      try await (coordinator ?? server).prints(
        "refused  \(coordinatorSays ?? reason)", within: .seconds(10))
    }

    private func token() async throws -> EnrolmentToken {
      try EnrolmentToken(text: try await shop.token())
    }

    @Test("text that is no token is refused by the client itself")
    func garbledToken() async throws {
      let cut = String(try await shop.token().dropLast(6))
      for text in ["hello", cut, cut + "!!"] {
        let outcome = try await shop.enrol("me", token: text)
        #expect(outcome.code == 4, "exit \(outcome.code): \(outcome.errors)")
        #expect(outcome.errors.contains("is not an enrolment token"), "\(outcome.errors)")
      }
    }

    @Test("a token with another secret is unknown")
    func unknownToken() async throws {
      var token = try await token()
      token.secret[0] ^= 1
      let outcome = try await shop.enrol("me", token: token.text)
      try await isRefused(outcome, "the enrolment token is not known here")
    }

    @Test("a token admits one customer, once")
    func usedToken() async throws {
      let text = try await shop.token()
      #expect(try await shop.enrol("first", token: text).code == 0)
      let outcome = try await shop.enrol("second", token: text)
      try await isRefused(outcome, "the enrolment token was already used")
      #expect(try await shop.status()["members"]?.integerValue == 1)
    }

    @Test("a token is refused after its expiry")
    func expiredToken() async throws {
      // No command makes a token that has expired.
      let text = try EnrolmentToken(
        for: 1, at: try await token().address, expiresAtSeconds: 1,
        authority: try KeyFile.load(at: shop.coordinator + "/authority/authority.key")
      ).text
      let outcome = try await shop.enrol("me", token: text)
      try await isRefused(outcome, "the enrolment token has expired")
    }

    @Test("a revoked member is refused from the next login on")
    func revokedMember() async throws {
      let token = try await token()
      let enrolled = try await shop.enrol("me", token: token.text)
      #expect(enrolled.code == 0, "\(enrolled.errors)")
      let consent = try await run("client", ["consent", "give", "--home", shop.file("me")])
      #expect(consent.code == 0, "\(consent.errors)")
      let revoked = try await run(
        "coordinator", ["roster", "revoke", "\(token.clientID)", "--dir", shop.coordinator])
      #expect(revoked.code == 0, "\(revoked.errors)")
      let outcome = try await run("client", ["run", "--home", shop.file("me")])
      try await isRefused(outcome, "this client's enrolment was revoked")
    }

    @Test("a member with the key of another is refused")
    func keyOfAnother() async throws {
      try await shop.enrolWithConsent("me")
      try await shop.enrolWithConsent("other")
      // The store goes with the key that opens it; the enrolment stays that of "me".
      for name in ["identity.key", "store"] {
        try FileManager.default.removeItem(atPath: shop.file("me/\(name)"))
        try FileManager.default.copyItem(
          atPath: shop.file("other/\(name)"), toPath: shop.file("me/\(name)"))
      }
      let outcome = try await run("client", ["run", "--home", shop.file("me")])
      try await isRefused(outcome, "the login signature is not valid for this connection")
    }

    @Test("a device whose key file was replaced cannot open its store: exit 4, nothing is sent")
    func replacedKey() async throws {
      try await shop.enrolWithConsent("me")
      let path = shop.file("me/identity.key")
      try FileManager.default.removeItem(atPath: path)
      try KeyFile.create(try SigningKey(), at: path)
      let outcome = try await run("client", ["run", "--home", shop.file("me")])
      #expect(outcome.code == 4, "exit \(outcome.code): \(outcome.errors)")
      #expect(outcome.errors.contains("encrypted under the key of another device"))
    }

    @Test("an id that was never enrolled is refused")
    func unknownMember() async throws {
      let token = try await token()
      let answer = try await HandDriven.connected(token: token, identity: try SigningKey()) {
        try await $0.logIn(as: 4_711)
      }
      guard case .refused(let refused) = answer else {
        Issue.record("\(answer)")
        return
      }
      #expect(refused.code == .unknownClient)
      try await server.prints("refused  this client is not in the roster")
    }

    @Test("a coordinator with another TLS key behind the same address is refused by the pin")
    func otherTLSKey() async throws {
      try await shop.enrolWithConsent("me")
      try await stopServer()
      let key = shop.coordinator + "/keys/tls.key.pem"
      let certificate = shop.coordinator + "/tls.cert.pem"
      try FileManager.default.removeItem(atPath: key)
      try FileManager.default.removeItem(atPath: certificate)
      try TLSIdentity.generate(
        certificatePath: certificate, keyPath: key, commonName: "corner-shop",
        nowSeconds: Int64(Date().timeIntervalSince1970))
      let other = try await shop.serve(exitWhenTrained: false)
      let outcome = try await run("client", ["run", "--home", shop.file("me")])
      try await isRefused(
        outcome, "the server is not the coordinator of this token or enrolment",
        coordinatorSays: "a TLS handshake failed", by: other)
    }

    @Test("another coordinator, of another ledger, behind the same address and TLS key is refused")
    func otherCoordinatorKey() async throws {
      try await shop.enrolWithConsent("me")
      try await stopServer()
      let impostor = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      for file in ["keys/tls.key.pem", "tls.cert.pem"] {
        let target = "\(impostor.coordinator)/\(file)"
        try FileManager.default.removeItem(atPath: target)
        try FileManager.default.copyItem(atPath: "\(shop.coordinator)/\(file)", toPath: target)
        chmod(target, 0o600)
      }
      let other = try ChildProcess(
        "coordinator",
        ["serve", "--dir", impostor.coordinator, "--listen", "127.0.0.1:\(shop.port)"])
      try await other.prints("listen   ")
      let outcome = try await run("client", ["run", "--home", shop.file("me")])
      try await isRefused(
        outcome, "it keeps another ledger",
        coordinatorSays: "the coordinator is not the one this client enrolled with", by: other)
    }

    private func stopServer() async throws {
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0)
    }

    @Test("a greeting relayed over a second TLS session is refused by the client")
    func relayedGreeting() async throws {
      let outcome = try await Relay.run(try await token()) { relayed in
        try await shop.enrol("me", token: relayed.text)
      }
      try await isRefused(
        outcome, "its signature is not for this connection",
        coordinatorSays: "the coordinator is not the one this client enrolled with")
      #expect(try await shop.status()["members"]?.integerValue == 0)
    }

    @Test("a login relayed over a second TLS session is refused; the same one made directly is not")
    func relayedLogin() async throws {
      let token = try await token()
      let identity = try SigningKey()
      let relayed = try await Relay.run(token) { relayed in
        try await HandDriven.connected(token: relayed, identity: identity) {
          try await $0.enrol()
        }
      }
      guard case .refused(let refused) = relayed else {
        Issue.record("\(relayed)")
        return
      }
      #expect(refused.code == .badSignature)
      try await server.prints("refused  the login signature is not valid for this connection")
      let direct = try await HandDriven.connected(token: token, identity: identity) {
        try await $0.enrol()
      }
      guard case .welcome(let welcome) = direct else {
        Issue.record("\(direct)")
        return
      }
      let login = try await Relay.run(token) { relayed in
        try await HandDriven.connected(token: relayed, identity: identity) {
          try await $0.logIn(as: welcome.clientID)
        }
      }
      guard case .refused(let reason) = login else {
        Issue.record("\(login)")
        return
      }
      #expect(reason.code == .badSignature)
    }
  }
}
