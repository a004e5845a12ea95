import Foundation
import Testing

@testable import Privacy

@Suite struct AccountingTests {
  private func query(
    _ events: String, _ relation: NeighbouringRelation = .addRemoveOne
  ) throws -> AccountingQuery {
    try AccountingQuery(DPEvent(events), relation: relation)
  }

  @Test("every accountant is an upper bound of the exact one, in order of tightness")
  func ordered() throws {
    for events in ["G:2.0*10", "G:0.7", "MF:4.0:6.0;G:9.0", "G:30.0*7"] {
      for delta in [1e-3, 1e-6, 1e-12] {
        let query = try query(events)
        #expect(query.tightest == .exact)
        let exact = try query.epsilon(delta: delta, by: .exact).epsilon
        let pld = try query.epsilon(delta: delta, by: .pld).epsilon
        let rdp = try query.epsilon(delta: delta, by: .rdp).epsilon
        let zcdp = try query.epsilon(delta: delta, by: .zcdp).epsilon
        #expect(pld >= exact * (1 - 1e-12) && pld <= exact * 1.001)
        #expect(rdp >= exact * (1 - 1e-9) && zcdp >= exact * (1 - 1e-9))
        #expect(zcdp <= rdp * (1 + 1e-9), "all orders are at least as good as some")
      }
    }
  }

  @Test("RDP is never below PLD, whatever is composed")
  func renyiAbovePLD() throws {
    for events in [
      "PG:0.01:1.0*1000", "PG:0.1:0.5*10", "PG:0.5:8.0*100", "L:5.0*20", "PL:0.1:1.0*50",
      "DL:0.5:1*9", "DG:2.0:1*30", "PG:0.01:0.7*50;L:9.0*3;G:10.0", "ED:0.3:0.0*10",
      "RR:0.8:5*3", "WG:1000:10:1.5*100", "PDL:0.2:0.5:1*10",
    ] {
      let relation: NeighbouringRelation =
        events.hasPrefix("RR") || events.hasPrefix("W") ? .zeroOut : .addRemoveOne
      for delta in [1e-4, 1e-8] {
        let query = try query(events, relation)
        let pld = try query.epsilon(delta: delta, by: .pld).epsilon
        let rdp = try query.epsilon(delta: delta, by: .rdp)
        #expect(rdp.epsilon >= pld * (1 - 1.1e-3) - 1e-6, "\(events): rdp \(rdp) pld \(pld)")
        #expect(rdp.order != nil)
      }
    }
  }

  @Test("delta at epsilon, by every accountant, leads back to epsilon")
  func inverse() throws {
    for accountant in Accountant.allCases {
      let query = try query("G:1.5*3")
      let epsilon = try query.epsilon(delta: 1e-6, by: accountant).epsilon
      let back = try query.delta(epsilon: epsilon, by: accountant)
      #expect(abs(log(back.delta / 1e-6)) < 5e-2, "\(accountant) \(back)")
      #expect(back.accountant == accountant && abs(exp(back.logDelta) / back.delta - 1) < 1e-9)
    }
  }

  @Test("what an accountant cannot answer it refuses by name")
  func refusals() throws {
    let refused: [(String, Accountant)] = [
      ("L:1.0", .exact), ("Z:0.5", .exact), ("Z:0.5", .pld), ("PG:0.1:1.0", .zcdp),
      ("TPG:0.1:5:9:1.0", .rdp), ("SK:1:1:1:1", .zcdp), ("ED:0.1:1e-9", .zcdp),
    ]
    for (events, accountant) in refused {
      let query = try query(events)
      #expect(throws: PrivacyError.self, "\(events) \(accountant)") {
        try query.requireAccountable(by: accountant)
      }
    }
    #expect(try query("Z:0.5").tightest == .rdp)
    #expect(try query("PG:0.1:1.0").tightest == .pld)
    #expect(throws: PrivacyError.self) { try query("RR:0.5:2") }
    for delta in [0, -1, 1, 2, Double.nan, 1e-260] {
      #expect(throws: PrivacyError.self) { try query("G:1").epsilon(delta: delta, by: .exact) }
    }
    for epsilon in [-1, Double.nan, .infinity] {
      #expect(throws: PrivacyError.self) { try query("G:1").delta(epsilon: epsilon, by: .exact) }
    }
  }

  @Test("nothing released costs nothing; no noise costs everything; nothing is NaN")
  func limits() throws {
    for accountant in Accountant.allCases {
      #expect(try query("()").epsilon(delta: 1e-6, by: accountant).epsilon == 0)
      #expect(try query("G:0").epsilon(delta: 1e-6, by: accountant).epsilon == .infinity)
      let delta = try query("G:0").delta(epsilon: 1, by: accountant)
      #expect(delta.delta == 1, "\(accountant)")
    }
  }

  @Test("calibrated noise matches every row of the table and keeps the target")
  func calibration() throws {
    let rows = try ReferenceTable("calibration.csv").rows
    #expect(rows.count == 56)
    for row in rows {
      let epsilon = try #require(Double(row["eps"] ?? ""))
      let delta = try #require(Double(row["delta"] ?? ""))
      let rate = try #require(Double(row["q"] ?? ""))
      let count = try #require(Double(row["T"] ?? "").map { Int($0) })
      let expression = try EventExpression("PG:\(rate):?*\(count)")
      if let exact = Double(row["sigma_exact"] ?? "") {
        let found = try Calibration.solve(
          expression, epsilon: epsilon, delta: delta, relation: .addRemoveOne, by: .exact)
        #expect(abs(found.value / exact - 1) <= 1e-9, "\(row) \(found.value)")
        #expect(found.loss.epsilon <= epsilon)
      }
      if let peer = Double(row["sigma_pld"] ?? "") {
        let found = try Calibration.solve(
          expression, epsilon: epsilon, delta: delta, relation: .addRemoveOne, by: .pld)
        #expect(abs(found.value / peer - 1) <= 1e-3, "\(row) \(found.value)")
        #expect(found.loss.epsilon <= epsilon && found.loss.epsilon >= epsilon * 0.998)
      }
      if let peer = Double(row["sigma_rdp"] ?? "") {
        let found = try Calibration.solve(
          expression, epsilon: epsilon, delta: delta, relation: .addRemoveOne, by: .rdp)
        // More orders than the peer's, so never more noise than it; its tolerance is 1e-6.
        #expect(found.value <= peer + 2e-6, "\(row) \(found.value)")
        #expect(found.value >= peer * 0.97, "\(row) \(found.value)")
        #expect(found.loss.epsilon <= epsilon)
      }
    }
  }

  @Test("rate, count and epsilon of a part are calibrated to the last value that keeps the target")
  func calibrationOfOtherParameters() throws {
    let count = try Calibration.solve(
      EventExpression("G:4.0*?"), epsilon: 2, delta: 1e-6, by: .exact)
    let more = try query("G:4.0*\(Int(count.value) + 1)").epsilon(delta: 1e-6, by: .exact)
    #expect(count.loss.epsilon <= 2 && more.epsilon > 2 && count.value.rounded() == count.value)

    let rate = try Calibration.solve(
      EventExpression("PG:?:1.0*1000"), epsilon: 2, delta: 1e-6, by: .pld)
    let larger = try query("PG:\(rate.value * 1.003):1.0*1000").epsilon(delta: 1e-6, by: .pld)
    #expect(rate.loss.epsilon <= 2 && larger.epsilon > 2)

    let rounds = try Calibration.solve(
      EventExpression("PG:0.01:1.0*?"), epsilon: 1, delta: 1e-6, by: .pld)
    #expect(rounds.loss.epsilon <= 1 && rounds.loss.epsilon > 0.99)

    let part = try Calibration.solve(
      EventExpression("G:4.0;ED:?:1e-9"), epsilon: 2, delta: 1e-6, by: .pld)
    #expect(part.loss.epsilon <= 2 && part.loss.epsilon > 1.99)

    let answer = try Calibration.solve(
      EventExpression("RR:?:4*2"), epsilon: 1, delta: 1e-6, by: .pld)
    #expect(answer.loss.epsilon <= 1 && answer.loss.epsilon > 0.99)
  }

  @Test("a target that no value reaches, or every value keeps, is told")
  func calibrationLimits() throws {
    #expect(throws: PrivacyError.self) {
      try Calibration.solve(EventExpression("G:1.0;L:?"), epsilon: 0.1, delta: 1e-6, by: .pld)
    }
    #expect(throws: PrivacyError.self) {
      try Calibration.solve(EventExpression("G:1.0"), epsilon: 1, delta: 1e-6, by: .exact)
    }
    let all = try Calibration.solve(
      EventExpression("PG:?:8.0"), epsilon: 5, delta: 1e-6, by: .pld)
    #expect(all.value == 1)
  }
}
