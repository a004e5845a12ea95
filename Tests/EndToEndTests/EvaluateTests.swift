import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  /// Evaluating exploration as an analyst does: from a log, and in an environment.
  @Suite("tacit evaluate") struct EvaluateTests {
    private func log(_ rows: [String], in directory: TemporaryDirectory) throws -> String {
      let file = directory.file("log.csv")
      let text = (["item_id,position,click,propensity_score"] + rows).joined(separator: "\n")
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      return file
    }

    @Test("a log gives estimates and a refusal; a bad row, and a log without propensities, exit 5")
    func offPolicy() async throws {
      let directory = try TemporaryDirectory()
      // Item 0 is shown three times in four and clicked each third time, item 1 never.
      let rows = (0..<120).map { row in
        row % 4 == 3 ? "1,1,0,0.25" : "0,1,\(row % 3 == 0 ? 1 : 0),0.75"
      }
      let file = try log(rows, in: directory)
      let outcome = try await run(
        "tacit", ["evaluate", "off-policy", "--data", file, "--policy", "uniform", "--json"])
      try #require(outcome.code == 0, "\(outcome.errors)")
      let report = try JSONValue.parse(Array(outcome.output.utf8))
      let policy = try #require(report["policies"]?.arrayValue?.first)
      // Weights 2/3 and 2: their mean is 1, and 30 clicks of weight 2/3 in 120 rows are 1/6.
      #expect(abs(try #require(policy["mean_weight"]?.numberValue) - 1) < 1e-12)
      let ipw = try #require(
        policy["estimates"]?.arrayValue?.first { $0["estimator"] == .string("ipw") })
      #expect(abs(try #require(ipw["value"]?.numberValue) - 1.0 / 6) < 1e-12)
      #expect(policy["verdict"]?["outcome"] == .string("refused"))

      var bad = rows
      bad[6] = "0,1,2,0.75"
      let refused = try await run(
        "tacit", ["evaluate", "off-policy", "--data", log(bad, in: directory)])
      #expect(refused.code == 5 && refused.errors.contains("8"), "\(refused.errors)")
      try Data("item_id,position,click\n0,1,1\n".utf8).write(to: URL(fileURLWithPath: file))
      let blind = try await run("tacit", ["evaluate", "off-policy", "--data", file])
      #expect(blind.code == 5 && blind.errors.contains("propensity_score"), "\(blind.errors)")
    }

    @Test("responses: another data set and a number of rounds out of range exit 2, bad tables 5")
    func response() async throws {
      let other = try await run("tacit", ["evaluate", "response", "--data", "ml-100k"])
      #expect(other.code == 2 && other.errors.contains("complete-journey"), "\(other.errors)")
      let directory = try TemporaryDirectory()
      let environment = ["XDG_DATA_HOME": directory.file("data")]
      let rounds = try await run(
        "tacit", ["evaluate", "response", "--rounds", "51"], environment: environment)
      #expect(rounds.code == 2 && rounds.errors.contains("rounds"), "\(rounds.errors)")
      let missing = try await run("tacit", ["evaluate", "response"], environment: environment)
      #expect(
        missing.code == 5 && missing.errors.contains("tacit data fetch complete-journey"),
        "\(missing.errors)")
      let folder = directory.file("data/tacit/datasets/complete-journey")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data("PAR1 and no more".utf8).write(
        to: URL(fileURLWithPath: "\(folder)/products.parquet"))
      let damaged = try await run("tacit", ["evaluate", "response"], environment: environment)
      #expect(
        damaged.code == 5 && damaged.errors.contains("products.parquet"), "\(damaged.errors)")
    }

    @Test("responses: a target, a data set or a horizon that cannot be exits 2 and says what can")
    func responseTargets() async throws {
      let refused: [(arguments: [String], says: [String])] = [
        (["--target", "basket"], ["coupon, purchase, click"]),
        (["--target", "click", "--data", "complete-journey"], ["--data is online-retail for"]),
        (["--target", "coupon", "--data", "online-retail"], ["--data is complete-journey"]),
        (
          ["--target", "purchase", "--data", "ml-100k"],
          ["--data is online-retail or complete-journey"]
        ),
        (["--target", "purchase", "--days", "29"], ["--days is from 1 to 28"]),
        (["--target", "coupon", "--days", "7"], ["--days is of --target purchase"]),
        (["--target", "purchase", "--moment-clip", "0"], ["moment_clip"]),
      ]
      for (arguments, says) in refused {
        let outcome = try await run("tacit", ["evaluate", "response"] + arguments)
        #expect(outcome.code == 2, "\(arguments): \(outcome.errors)")
        for text in says {
          #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
        }
      }
    }

    @Test("the defined environment prints every policy's regret and draws it")
    func environment() async throws {
      let directory = try TemporaryDirectory()
      let outcome = try await run(
        "tacit",
        [
          "evaluate", "policy", "--environment", "linear-logistic", "--seeds", "1", "--steps",
          "60", "--out", directory.file("out"), "--json",
        ])
      try #require(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("linear") && outcome.output.contains("regret"))
      let plot = try String(contentsOfFile: directory.file("out/regret.svg"), encoding: .utf8)
      let page = try String(contentsOfFile: directory.file("out/report.html"), encoding: .utf8)
      #expect(plot.hasPrefix("<svg") && plot.contains("polyline") && page.contains("<svg"))
      let unknown = try await run("tacit", ["evaluate", "policy", "--environment", "linear"])
      #expect(unknown.code == 2 && unknown.errors.contains("there is no environment"))
    }
  }
}
