import Foundation
import Testing

@testable import Privacy

/// Every row of the reference tables that a privacy loss distribution can answer: never below the
/// truth, at most 0.1 % above it.
@Suite struct LossDistributionReferenceTests {
  private func epsilon(
    _ events: String, _ relation: NeighbouringRelation, _ delta: Double
  ) throws -> PLDAccountant.Bound {
    try PLDAccountant(DPEvent(events), relation: relation).epsilon(delta: delta)
  }

  private func number(_ row: [String: String], _ column: String) throws -> Double {
    try #require(Double(row[column] ?? ""), "\(column)")
  }

  private func relation(_ row: [String: String]) throws -> NeighbouringRelation {
    switch row["relation"] {
    case "add_remove": .addRemoveOne
    case "replace_special": .zeroOut
    case "replace_one": .replaceOne
    default: throw ReferenceTableError.notANumber(column: "relation", text: row["relation"] ?? "")
    }
  }

  /// The peer's figure without the part of its error that falls with the square of its grid.
  private func extrapolated(_ row: [String: String]) throws -> Double {
    let fine = try number(row, "eps_pld")
    guard let coarse = Double(row["eps_pld_2h"] ?? "") else { return fine }
    return fine - (coarse - fine) / 3
  }

  /// Rows where the table's grid is too coarse, or dp-accounting is wrong, with better figures; the
  /// file says how each was made.
  private struct Corrections {
    private let figures: [String: Double]

    init(_ reference: LossDistributionReferenceTests) throws {
      var figures: [String: Double] = [:]
      for row in try ReferenceTable("pld_finer_grid.csv").rows {
        let relation = try reference.relation(row)
        let delta = try reference.number(row, "delta")
        figures["\(row["events"] ?? "") \(relation) \(delta)"] = try reference.extrapolated(row)
      }
      self.figures = figures
    }

    func truth(
      _ events: String, _ relation: NeighbouringRelation, _ delta: Double, peer: Double
    ) -> Double {
      figures["\(events) \(relation) \(delta)"] ?? peer
    }
  }

  /// Never below the truth, and at most 0.1 % above it.
  private func expect(
    _ bound: PLDAccountant.Bound, near truth: Double, least: Double = 0, _ label: String
  ) {
    let lower = max(least, truth * (1 - 1e-4) - 1e-7)
    #expect(bound.epsilon >= lower, "\(label): \(bound.epsilon) is below \(lower)")
    #expect(
      bound.epsilon <= truth * (1 + 1e-3) + 1e-7, "\(label): \(bound.epsilon) is above \(truth)")
    #expect(
      bound.excess <= 1e-3 * bound.epsilon + 2e-8, "\(label): states \(bound.excess) of \(bound)")
  }

  @Test(
    "all sampled and unsampled Gaussian rows: above prv's lower bound and the truth, within 0.1 %")
  func poissonGaussian() throws {
    let rows = try ReferenceTable("poisson_gaussian.csv").rows
    #expect(rows.count == 564)
    let corrections = try Corrections(self)
    var checked = 0
    for row in rows {
      let (q, sigma, delta) = (
        try number(row, "q"), try number(row, "sigma"), try number(row, "delta")
      )
      let count = Int(try number(row, "T"))
      let events = "PG:\(q):\(sigma)*\(count)"
      let bound = try epsilon(events, .addRemoveOne, delta)
      let label = "q \(q) sigma \(sigma) T \(count) delta \(delta): \(bound.epsilon)"
      if let exact = Double(row["eps_exact"] ?? "") {
        #expect(abs(bound.epsilon - exact) <= 1e-9 * exact + 1e-12, "\(label) \(exact)")
        checked += 1
        continue
      }
      guard Double(row["eps_pld"] ?? "") != nil else {
        // Too large for the peer: only prv's and RDP's figures are there.
        if let lower = Double(row["eps_prv_lower"] ?? "") { #expect(bound.epsilon >= lower) }
        if let rdp = Double(row["eps_rdp"] ?? "") { #expect(bound.epsilon <= rdp) }
        checked += 1
        continue
      }
      let least = max(
        Double(row["eps_prv_lower"] ?? "") ?? 0, Double(row["eps_pld_opt"] ?? "") ?? 0)
      let truth = corrections.truth(events, .addRemoveOne, delta, peer: try extrapolated(row))
      expect(bound, near: truth, least: least, label)
      checked += 1
    }
    #expect(checked == 564)
  }

  @Test("every neighbouring relation of the sampled Gaussian")
  func relations() throws {
    let rows = try ReferenceTable("poisson_relations.csv").rows
    #expect(rows.count == 136)
    let corrections = try Corrections(self)
    for row in rows {
      let (q, sigma) = (try number(row, "q"), try number(row, "sigma"))
      let (count, delta) = (Int(try number(row, "T")), try number(row, "delta"))
      let (events, relation) = ("PG:\(q):\(sigma)*\(count)", try relation(row))
      let truth = corrections.truth(events, relation, delta, peer: try number(row, "eps_pld"))
      expect(try epsilon(events, relation, delta), near: truth, "\(events) \(relation) \(delta)")
    }
  }

  @Test("different events together: epsilon, and delta at epsilon 1")
  func heterogeneous() throws {
    let rows = try ReferenceTable("heterogeneous.csv").rows
    #expect(rows.count == 83)
    for row in rows {
      let events = try #require(row["events"])
      let truth = try extrapolated(row)
      let bound = try epsilon(events, .addRemoveOne, number(row, "delta"))
      guard truth.isFinite else {
        #expect(bound.epsilon == .infinity, "\(events)")
        continue
      }
      expect(bound, near: truth, events)
      if let rdp = Double(row["eps_rdp"] ?? "") { #expect(bound.epsilon <= rdp) }
      guard let delta = Double(row["delta_at_eps1"] ?? ""), delta > 1e-13 else { continue }
      // The peer's own excess in delta is that of a grid of 2e-4.
      let logDelta = try PLDAccountant(DPEvent(events), relation: .addRemoveOne)
        .logDelta(epsilon: 1).logDelta
      #expect(logDelta >= log(delta) - 5e-3, "\(events) \(exp(logDelta)) \(delta)")
      #expect(logDelta <= log(delta) + 5e-3 + 1e-14 / delta, "\(events) \(exp(logDelta)) \(delta)")
    }
  }

  @Test("discrete Gaussian on one integer, sampled or not")
  func discreteGaussian() throws {
    let rows = try ReferenceTable("discrete_gaussian.csv").rows
    #expect(rows.count == 128)
    let corrections = try Corrections(self)
    for row in rows {
      let (sigma, q) = (try number(row, "sigma"), try number(row, "q"))
      let sensitivity = Int(try number(row, "sensitivity"))
      let events =
        (q == 1 ? "DG:" : "PDG:\(q):") + "\(sigma):\(sensitivity)*\(Int(try number(row, "T")))"
      let delta = try number(row, "delta")
      let bound = try epsilon(events, .addRemoveOne, delta)
      let truth = corrections.truth(
        events, .addRemoveOne, delta, peer: try number(row, "eps_pld"))
      // The peer's lower bound carries its own rounding where the two meet.
      expect(
        bound, near: truth, least: try number(row, "eps_pld_opt") * (1 - 1e-7), "\(events) \(delta)"
      )
      if let zCDP = Double(row["eps_zcdp"] ?? "") { #expect(bound.epsilon <= zCDP) }
    }
  }

  @Test("Laplace and discrete Laplace")
  func laplace() throws {
    let rows = try ReferenceTable("discrete_laplace.csv").rows
    #expect(rows.count == 42)
    for row in rows {
      let (parameter, sensitivity) = (try number(row, "p"), try number(row, "sensitivity"))
      let events =
        row["kind"] == "laplace"
        ? "L:\(parameter / sensitivity)" : "DL:\(parameter):\(Int(sensitivity))"
      let peer = try number(row, "eps_pld")
      let bound = try epsilon(
        "\(events)*\(Int(try number(row, "T")))", .addRemoveOne, number(row, "delta"))
      expect(bound, near: peer, "\(events) \(row)")
    }
  }

  @Test("truncated Poisson sampling")
  func truncatedPoisson() throws {
    let rows = try ReferenceTable("truncated_poisson.csv").rows
    #expect(rows.count == 87)
    for row in rows {
      let (n, batch, count) = (
        Int(try number(row, "n")), Int(try number(row, "B")), Int(try number(row, "T"))
      )
      let events = "TPG:\(try number(row, "q")):\(batch):\(n):\(try number(row, "sigma"))*\(count)"
      let peer = try number(row, "eps_pld")
      let bound = try epsilon(events, relation(row), number(row, "delta"))
      expect(bound, near: peer, "\(events) \(row)")
    }
  }

  @Test("sampling without replacement is tighter than its Rényi figure, and at m = n a Gaussian")
  func withoutReplacement() throws {
    let rows = try ReferenceTable("wor_replace_one.csv").rows
    #expect(rows.count == 278)
    // No peer has a tight figure; every fourth row keeps the suite short.
    for (index, row) in rows.enumerated() where index % 4 == 0 {
      // The table's sigma is relative to 2C.
      let sigma = 2 * (try number(row, "sigma"))
      let (n, m) = (Int(try number(row, "n")), Int(try number(row, "m")))
      let (count, delta) = (Int(try number(row, "T")), try number(row, "delta"))
      let bound = try epsilon("WG:\(n):\(m):\(sigma)*\(count)", .replaceOne, delta)
      let gaussian = try epsilon("G:\(sigma)*\(count)", .replaceOne, delta)
      #expect(bound.epsilon <= gaussian.epsilon * (1 + 1e-3) + 1e-6, "\(row)")
      if let rdp = Double(row["eps_rdp"] ?? "") {
        #expect(bound.epsilon <= rdp * (1 + 1e-3) + 1e-6, "\(row) \(bound.epsilon)")
      }
    }
    let whole = try epsilon("WG:10:10:2.0*5", .replaceOne, 1e-6)
    #expect(try whole == epsilon("G:2.0*5", .replaceOne, 1e-6))
  }

  @Test("delta down to 1e-30 through the discretised path: at most 1e-4 above the closed form")
  func tinyDelta() throws {
    // A release of no loss keeps the closed form from being taken.
    for (delta, truth) in [(1e-10, 6.1), (1e-20, 9.51094), (1e-30, 11.74388)] {
      let exact = GaussianAccountant.epsilon(mu: 1, delta: delta)
      #expect(abs(exact - truth) < 0.5)
      let gaussian = LossComposition(
        [(.gaussian(noiseMultiplier: 10, rate: 1), 100)], direction: .remove,
        precision: PLDPrecision(relativeExcess: 5e-5, absoluteExcess: 0),
        query: .epsilon(delta: delta))
      let answer = gaussian.refined(gaussian.coarse())
      #expect(answer.reading.epsilon >= exact, "delta \(delta)")
      #expect(answer.reading.epsilon <= exact * (1 + 1e-4), "delta \(delta)")
    }
    #expect(abs(GaussianAccountant.epsilon(mu: 1, delta: 1e-30) - 11.74388) < 1e-5)
  }
}
