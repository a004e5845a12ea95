import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  /// An experiment from its definition to its report, over sockets.
  @Suite("Experiments") struct ExperimentTests {
    private let shop: Shop

    init() async throws {
      shop = try await Shop(
        Shop.Terms(
          customers: 6, minimumCohort: 4,
          initFlags: [
            "--model", "popularity", "--mode", "sealed", "--customers", "6", "--minimum-cohort",
            "4", "--experiment", "front-page", "--arm", "control 50 greedy", "--arm",
            "explore 50 epsilon-greedy:0.5,mmr=1",
          ]))
    }

    private func json(_ arguments: String...) async throws -> JSONValue {
      let outcome = try await run(arguments[0], arguments.dropFirst() + ["--json"])
      #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
      return try JSONValue.parse(Array(outcome.output.utf8))
    }

    private func recommend(_ customer: Int) async throws -> JSONValue {
      try await json("client", "recommend", "--k", "5", "--home", shop.home(customer))
    }

    @Test("devices draw arms and follow them, and the round is charged, audited and reported")
    func wholeExperiment() async throws {
      try await shop.train()
      #expect(try shop.story() == ["offer 1", "charge 1", "release 1"], "the experiment runs")
      let before = try await json("tacit", "evaluate", "experiment", shop.coordinator)
      #expect(before["measured"] == .bool(false))
      let few = before["arms"]?.arrayValue?[1]["minimum_detectable_effect"]
      #expect(few == .null, "the report will say that six customers are too few")
      let many = try await json(
        "tacit", "evaluate", "experiment", shop.coordinator, "--customers", "4000")
      #expect(
        try #require(many["arms"]?.arrayValue?[1]["minimum_detectable_effect"]?.numberValue) > 0)
      let design = try await run("tacit", ["evaluate", "experiment", shop.coordinator])
      #expect(design.code == 0 && design.output.contains("too few customers"))
      let beyond = try await run(
        "tacit", ["evaluate", "experiment", shop.coordinator, "--rate", "10.5"])
      #expect(beyond.code == 2 && beyond.errors.contains("at most 10 accepted"))

      // Its owner wants no exploration: the control, in no sum.
      let off = try await run(
        "client", ["profile", "budget", "--slots-per-day", "0", "--home", shop.home(5)])
      #expect(off.code == 0, "\(off.errors)")
      let left = try await recommend(5)
      #expect(left["experiment"]?["counted"] == .bool(false))
      #expect(left["experiment"]?["arm"] == .string("control"))
      #expect(left["policy"] == .string("greedy"))
      let said = try await run("client", ["recommend", "--home", shop.home(5)])
      #expect(said.output.contains("counts in no sum"), "\(said.output)")

      for customer in 0..<5 {
        let slate = try await recommend(customer)
        let arm = try #require(slate["experiment"]?["arm"]?.stringValue)
        #expect(slate["experiment"]?["counted"] == .bool(true))
        #expect(slate["policy"] == slate["experiment"]?["policy"])
        #expect((slate["policy"] == .string("greedy")) == (arm == "control"))
        #expect(try await recommend(customer)["experiment"]?["arm"] == .string(arm), "sticky")
        let item = try #require(slate["items"]?.arrayValue?[1]["item"]?.stringValue)
        let number = String(try #require(slate["slate"]?.integerValue))
        let told = try await run(
          "client", ["feedback", "--home", shop.home(customer), number, item, "clicked"])
        #expect(told.code == 0, "\(told.errors)")
      }
      // What the customer asks for in person is in no experiment, and neither is who did not agree.
      let own = try await json(
        "client", "recommend", "--explore", "greedy", "--home", shop.home(0))
      #expect(own["experiment"] == .null)
      _ = try await run("client", ["consent", "withdraw", "--home", shop.home(4)])
      #expect(try await recommend(4)["experiment"] == .null)
      _ = try await run("client", ["consent", "give", "--home", shop.home(4)])

      try await shop.train(measuresExperiment: true)
      #expect(
        try shop.story() == [
          "offer 1", "charge 1", "release 1", "offer 2", "charge 2", "release 2",
        ])
      let audit = try await shop.audit()
      #expect(audit.code == 0, "\(audit.output)\(audit.errors)")
      #expect(try await recommend(0)["experiment"] == .null, "the experiment is over")

      let report = try await json("tacit", "evaluate", "experiment", shop.coordinator)
      #expect(report["measured"] == .bool(true) && report["round"] == .integer(2))
      let noise = try #require(report["noise_standard_deviation_customers"]?.numberValue)
      let arms = try #require(report["arms"]?.arrayValue)
      let customers = arms.compactMap { $0["customers"]?["value"]?.numberValue }.reduce(0, +)
      // Five counted; eight standard deviations of two noised counts.
      #expect(noise > 0.5 && abs(customers - 5) < 8 * noise * 2.0.squareRoot())
      #expect(arms[0]["measures"]?["accepted"]?["per_customer"] == .null, "too few for a rate")
      let text = try await run("tacit", ["evaluate", "experiment", shop.coordinator])
      #expect(text.code == 0 && text.output.contains("too few customers"), "\(text.output)")
      #expect(text.output.contains("sample ratio: p "))
    }

    @Test("consent names the experiment, and a policy without one has none to report")
    func named() async throws {
      let server = try await shop.serve(exitWhenTrained: false)
      try await shop.enrolWithConsent("me")
      server.send(SIGTERM)
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      let consent = try await run("client", ["consent", "give", "--home", shop.file("me")])
      #expect(consent.output.contains("experiment front-page: lists follow an arm"))
      let plain = try await Shop(Shop.Terms(customers: 3, minimumCohort: 3))
      let refused = try await run("tacit", ["evaluate", "experiment", plain.coordinator])
      #expect(refused.code == 2 && refused.errors.contains("its policy defines none"))
      let nothing = try await run(
        "coordinator", ["serve", "--dir", plain.coordinator, "--measure-experiment"])
      #expect(nothing.code == 5 && nothing.errors.contains("there is no experiment to measure"))
      let twice = try await run(
        "coordinator", ["serve", "--dir", shop.coordinator, "--trainings", "2"])
      #expect(twice.code == 5 && twice.errors.contains("is trained once"), "\(twice.errors)")
      let half = try await run(
        "coordinator",
        [
          "init", "--dir", shop.file("other"), "--catalogue", shop.file("catalogue.csv"),
          "--experiment", "x", "--arm", "control 50 greedy",
        ])
      #expect(half.code == 5, "\(half.code) \(half.errors)")
    }
  }
}
