import Testing

@testable import Evaluation

@Suite("Settings tried") struct SettingsTriedTests {
  private static let cells = ComparisonPlan.standardCells(
    federated: ["gram", "sasrec"], epsilons: [nil, 8], seeds: 1, withLocal: true)

  /// What the column `tried` shows of each row; a dash where nobody counted.
  private static func tried(on dataset: String) throws -> [String: String] {
    let plan = try ComparisonPlan(
      problem: EvaluationProblem(
        name: dataset, histories: [], catalogue: try catalogue(1), tasks: []),
      cells: cells, hyperparameters: [:], delta: 1e-5, codeVersion: "1",
      settingsTried: SettingsTried.counts(of: cells, on: dataset))
    var tried: [String: String] = [:]
    for cell in cells { tried[cell.label] = plan.settingsTried(for: cell).map { "\($0)" } ?? "-" }
    return tried
  }

  @Test("the settings of the federated transformer and its twin count where they were tried")
  func sequenceModel() throws {
    let tried = try Self.tried(on: "ml-100k")
    #expect(tried["sasrec:inf"] == "8" && tried["sasrec:8:sealed"] == "8")
    #expect(tried["sasrec:inf:twin"] == "13")
    #expect(try Self.tried(on: "shop")["sasrec:inf:twin"] == "0")
    // It has hyperparameters of its own: a number that does not follow the model's.
    #expect(SettingsTried.counts(of: Self.cells, on: "shop")["sasrec:inf:twin"] == 0)
    // Its epochs, on every data set.
    #expect(tried["sasrec:centralized"] == "6")
    #expect(try Self.tried(on: "shop")["sasrec:inf"] == "0")
    #expect(try Self.tried(on: "shop")["sasrec:centralized"] == "6")
  }

  @Test("what was chosen by trials that nobody counted is not shown as a number")
  func notCounted() throws {
    for dataset in ["ml-100k", "online-retail"] {
      let tried = try Self.tried(on: dataset)
      for row in ["gram:inf", "ease:centralized", "local:local"] {
        #expect(tried[row] == "-", "\(dataset) \(row)")
      }
      #expect(tried["popularity:centralized"] == "0" && tried["own-frequency:local"] == "0")
    }
    #expect(try Self.tried(on: "online-retail")["sasrec:inf"] == "-")
    #expect(try Self.tried(on: "online-retail")["sasrec:inf:twin"] == "-")
    #expect(try Self.tried(on: "shop")["gram:8:sealed"] == "0")
  }
}
