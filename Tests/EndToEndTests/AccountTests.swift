import CanonicalJSON
import Foundation
import Testing

extension EndToEnd {
  /// The accountant as a shop's analyst meets it.
  @Suite("tacit account") struct AccountTests {
    private func ask(_ arguments: [String]) async throws -> Outcome {
      try await run("tacit", ["account"] + arguments)
    }

    private func json(_ outcome: Outcome) throws -> JSONValue {
      try #require(outcome.code == 0, "\(outcome.errors)")
      return try JSONValue.parse(Array(outcome.output.utf8))
    }

    @Test("a batch is answered line by line, in order, and bad lines by an error line")
    func batch() async throws {
      let directory = try TemporaryDirectory()
      let file = directory.file("questions.jsonl")
      let questions = [
        #"{"events":"G:1","delta":1e-5}"#, "not json", #"{"events":"G:1"}"#,
        #"{"events":"G:1","delta":2}"#, #"{"events":"G:1","delta":1e-5,"more":1}"#,
        #"{"events":"PG:2:1","delta":1e-5}"#, #"{"events":"G:1","epsilon":1}"#,
        #"{"events":"RR:0.5:2","delta":1e-5,"relation":"add-remove"}"#, "[]", "",
        #"{"events":"PG:0.01:1*1000","delta":1e-5,"accountant":"all"}"#,
        #"{"events":"G:1","delta":1e-5,"epsilon":1}"#,
      ]
      // The last line has no line feed.
      try Data(questions.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file))
      let outcome = try await ask(["--batch", file])
      #expect(outcome.code == 0)
      let lines = outcome.output.split(separator: "\n")
      try #require(lines.count == questions.count)
      let answers = try lines.map { try JSONValue.parse(Array($0.utf8)) }
      let failed = answers.indices.filter { answers[$0]["error"] != nil }
      #expect(failed == [1, 2, 3, 4, 5, 7, 8, 9, 11])
      #expect(failed.allSatisfy { answers[$0]["line"]?.integerValue == Int64($0 + 1) })
      // Balle and Wang: Phi(1/2 - eps) - e^eps Phi(-1/2 - eps) = 1e-5 at 4.3771781.
      let epsilon = try #require(answers[0]["epsilon"]?.numberValue)
      #expect(abs(epsilon - 4.377_178_1) < 1e-7)
      let delta = try #require(answers[6]["delta"]?.numberValue)
      #expect(abs(delta - 0.126_936_737_5) < 1e-9)
      let results = try #require(answers[10]["results"]?.arrayValue)
      let pld = try #require(
        results.first { $0["accountant"]?.stringValue == "pld" }?["epsilon"]?.numberValue)
      let renyi = try #require(
        results.first { $0["accountant"]?.stringValue == "rdp" }?["epsilon"]?.numberValue)
      #expect(pld > 1.82 && pld < 1.84 && renyi > pld && renyi < 1.3 * pld)
    }

    @Test(
      "a calibrated parameter keeps its target, and the next worse one does not",
      arguments: [
        ("G:?*10", "G:%*10", 0.999), ("PG:0.01:?*1000", "PG:0.01:%*1000", 0.999),
        ("PG:?:1*1000", "PG:%:1*1000", 1.001), ("PG:0.01:1*?", "PG:0.01:1*%", 1.0),
      ])
    func calibration(question: String, filled: String, worse: Double) async throws {
      let answer = try json(
        await ask(
          ["--calibrate", "--events", question, "--epsilon", "2", "--delta", "1e-6", "--json"]))
      let value = try #require(answer["value"]?.numberValue)
      let isCount = filled.hasSuffix("%")
      func epsilon(at value: Double) async throws -> Double {
        let text = isCount ? "\(Int(value))" : "\(value)"
        let events = filled.replacing("%", with: text)
        return try #require(
          try json(await ask(["--events", events, "--delta", "1e-6", "--json"]))["epsilon"]?
            .numberValue)
      }
      #expect(try await epsilon(at: value) <= 2)
      #expect(try await epsilon(at: isCount ? value + 1 : value * worse) > 2)
    }

    @Test("the answer says what it means, and a plot is drawn")
    func wordsAndPlot() async throws {
      let directory = try TemporaryDirectory()
      let plot = directory.file("rounds.svg")
      let outcome = try await ask(
        ["--events", "PG:0.01:1*1000", "--delta", "1e-5", "--plot", plot])
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("above the truth"))
      #expect(outcome.output.contains("can become at most"))
      #expect(text(of: plot).contains("<svg") && text(of: plot).contains("</svg>"))
    }

    @Test(
      "what cannot be asked exits 2, what cannot be read 5, with a reason",
      arguments: [
        "--events G:-1 --delta 1e-5", "--events G:1; --delta 1e-5", "--events G:1",
        "--events G:1 --delta 0", "--events PG:0.01:1*10 --delta 1e-5 --accountant exact",
        "--batch /nowhere/questions.jsonl",
      ])
    func refused(arguments: String) async throws {
      let outcome = try await ask(arguments.split(separator: " ").map(String.init))
      #expect(outcome.code == (arguments.hasPrefix("--batch") ? 5 : 2), "\(outcome.errors)")
      #expect(!outcome.errors.isEmpty && outcome.output.isEmpty)
    }
  }
}
