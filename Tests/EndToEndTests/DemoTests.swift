import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  @Suite("The demo") struct DemoTests {
    private static let small = ["--customers", "60", "--processes", "6", "--model", "popularity"]

    private static func demo(
      _ out: String, _ extra: [String] = []
    ) async throws -> Outcome {
      try await run("tacit", ["demo", "--out", out] + small + extra)
    }

    @Test("a second run in the same place starts clean, and the summary has its keys")
    func secondRunStartsClean() async throws {
      let directory = try TemporaryDirectory()
      let out = directory.file("demo")
      let first = try await Self.demo(out)
      #expect(first.code == 0, "\(first.output)\(first.errors)")
      let firstLedger = text(of: out + "/coordinator/ledger/ledger.jsonl")
      let second = try await Self.demo(out)
      #expect(second.code == 0, "\(second.output)\(second.errors)")
      let secondLedger = text(of: out + "/coordinator/ledger/ledger.jsonl")
      #expect(firstLedger.split(separator: "\n").first != secondLedger.split(separator: "\n").first)
      try checkSummary(out + "/summary.json")
      #expect(FileManager.default.fileExists(atPath: out + "/report.html"))
      #expect(try await run("tacit", ["audit", "ledger", out + "/coordinator"]).code == 0)
    }

    private func checkSummary(_ path: String) throws {
      let summary = try JSONValue.parse(Array(text(of: path).utf8))
      #expect(summary["mode"]?.stringValue == "secagg-ddp")
      #expect(summary["mode_can_see_updates"] == .bool(false))
      #expect(summary["clients"]?.integerValue == 60)
      #expect(summary["client_processes"]?.integerValue == 6)
      #expect(summary["rounds"]?.integerValue == 1)
      #expect(summary["behaviour_rows_in_coordinator_files"]?.integerValue == 0)
      #expect(summary["behaviour_rows_in_client_files"]?.integerValue == 0)
      #expect(summary["behaviour_rows_in_client_exports"]?.integerValue == 60)
      let spent = try #require(summary["epsilon_spent"]?.numberValue)
      let limit = try #require(summary["epsilon_limit"]?.numberValue)
      #expect(spent > 0 && spent <= limit && limit == 8)
      #expect(summary["delta"]?.numberValue == 1e-5)
      guard case .object(let recall) = summary["recall_at_20_new"] else {
        Issue.record("recall_at_20_new is not an object")
        return
      }
      #expect(
        Set(recall.keys)
          == ["popularity", "federated_private", "federated_no_noise", "centralized"])
      for (name, value) in recall {
        let figure = try #require(value.numberValue)
        #expect((0...1).contains(figure), "\(name)")
      }
    }

    @Test("a planted behaviour row fails the demo: exit 4")
    func plantedRowIsFound() async throws {
      let directory = try TemporaryDirectory()
      let out = directory.file("demo")
      let planted = try await Self.demo(out, ["--plant-row"])
      #expect(planted.code == 4, "\(planted.output)\(planted.errors)")
      let summary = try JSONValue.parse(Array(text(of: out + "/summary.json").utf8))
      #expect(summary["behaviour_rows_in_coordinator_files"]?.integerValue == 1)
    }

    @Test("a directory that no demo made is never replaced: exit 5")
    func foreignDirectoryIsKept() async throws {
      let directory = try TemporaryDirectory()
      let file = directory.file("precious")
      try Data("keep me".utf8).write(to: URL(fileURLWithPath: file))
      let refused = try await Self.demo(directory.path)
      #expect(refused.code == 5, "\(refused.errors)")
      #expect(text(of: file) == "keep me")
    }

    @Test("Ctrl-C while it trains leaves no child process: exit 130")
    func interruptLeavesNoChild() async throws {
      let directory = try TemporaryDirectory()
      let demo = try ChildProcess("tacit", ["demo", "--out", directory.file("demo")] + Self.small)
      var children: Set<pid_t> = []
      try await eventually("a coordinator and six clients run") {
        children = Set(Self.children(of: demo.identifier))
        return children.count == 7 || !demo.isRunning
      }
      #expect(children.count == 7, "\(demo.output)\(demo.errors)")
      demo.send(SIGINT)
      #expect(try await demo.exitCode(within: .seconds(30)) == 130, "\(demo.output)\(demo.errors)")
      for child in children {
        #expect(kill(child, 0) == -1 && errno == ESRCH, "process \(child) was left behind")
      }
    }

    /// Process ids whose parent is `parent`, from `/proc`.
    private static func children(of parent: pid_t) -> [pid_t] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return names.compactMap(pid_t.init).filter { process in
        // "pid (name) state parent ...": the name may hold spaces, not the last bracket.
        let fields = text(of: "/proc/\(process)/stat").split(separator: ")").last?
          .split(separator: " ")
        return fields?.dropFirst().first.flatMap { pid_t($0) } == parent
      }
    }
  }
}
