import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  @Suite("A policy that changes") struct PolicyChangeTests {
    @Test("a weaker policy needs a signed entry and new consent on each device")
    func weakerPolicy() async throws {
      let shop = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let enrolling = try await shop.serve(exitWhenTrained: false)
      try await shop.enrolWithConsent("me")
      enrolling.send(SIGTERM)
      #expect(try await enrolling.exitCode() == 0)
      let old = text(of: shop.coordinator + "/policy.json")
      let new = old.replacing(
        /"epsilon_limit": "[^"]*"/, with: "\"epsilon_limit\": \"9.5\"")
      try Data(new.utf8).write(to: URL(fileURLWithPath: shop.file("new.json")))

      let compared = try await run(
        "coordinator",
        ["policy", "diff", shop.file("new.json"), "--dir", shop.coordinator, "--json"])
      #expect(compared.code == 0, "\(compared.errors)")
      let difference = try JSONValue.parse(Array(compared.output.utf8))
      #expect(difference["weaker"] == .bool(true))
      let sign = ["policy", "sign", shop.file("new.json"), "--dir", shop.coordinator]
      let unasked = try await run("coordinator", sign)
      #expect(unasked.code == 2 && unasked.errors.contains("epsilon_limit"), "\(unasked.errors)")
      let signed = try await run("coordinator", sign + ["--accept-weaker"])
      #expect(signed.code == 0, "\(signed.errors)")
      #expect(try shop.entries().last?["kind"]?.stringValue == "policy")

      // The device that agreed to the old policy joins nothing, and says what changed.
      let server = try await shop.serve(exitWhenTrained: false)
      let mine = try ChildProcess("client", ["run", "--home", shop.file("me")])
      try await mine.prints("the federation has another policy")
      let others = try shop.simulate()
      try await mine.prints("round 1: not joined")
      let status = try await run(
        "client", ["consent", "status", "--home", shop.file("me"), "--json"])
      let shown = try JSONValue.parse(Array(status.output.utf8))
      #expect(shown["changes"]?.arrayValue?.first?["direction"] == .string("weaker"))
      #expect(shown["proposed_policy"]?.stringValue != shown["policy"]?.stringValue)
      mine.send(SIGTERM)
      _ = try await mine.exitCode()
      let consent = try await run("client", ["consent", "give", "--home", shop.file("me")])
      #expect(consent.code == 0 && consent.output.contains("epsilon_limit"), "\(consent.errors)")
      let agreed = try await run(
        "client", ["consent", "status", "--home", shop.file("me"), "--json"])
      let after = try JSONValue.parse(Array(agreed.output.utf8))
      #expect(after["consent"] == .bool(true) && after["policy"] == shown["proposed_policy"])
      #expect(after["proposed_policy"] == .null)
      server.send(SIGTERM)
      _ = try await server.exitCode()
      _ = try await others.exitCode()

      // It joins the next training, under the new hash and the same budget.
      let again = try await shop.serve(trainings: 2)
      let joined = try ChildProcess("client", ["run", "--home", shop.file("me")])
      try await joined.prints("logged in")
      let rest = try shop.simulate()
      try await joined.prints(": contributed")
      #expect(try await again.exitCode() == 0, "\(again.errors)")
      _ = try await rest.exitCode()
      _ = try await joined.exitCode()
      let audit = try await shop.audit()
      #expect(audit.code == 0 && audit.output.contains("policy change"), "\(audit.output)")
    }
  }
}
