import Privacy

/// The questions that Benchmarks/peers/accounting.py asks dp-accounting, under the same names.
enum AccountingBenchmark {
  static func run() throws {
    try ask("pld q=0.01 sigma=1 T=10000, h=1e-4", repeats: 5) {
      try epsilon("PG:0.01:1.0*10000", delta: 1e-5, by: .pld)
    }
    try ask("rdp q=0.01 sigma=1 T=10000", repeats: 5) {
      try epsilon("PG:0.01:1.0*10000", delta: 1e-5, by: .rdp)
    }
    try ask("rdp, 100 different rounds, epsilon after each", repeats: 3) {
      try renyiRounds(100)
    }
    try ask("calibrate sigma for epsilon 2, q=0.01 T=1000, pld", repeats: 3) {
      let expression = try EventExpression("PG:0.01:?*1000")
      return try Calibration.solve(
        expression, epsilon: 2, delta: 1e-6, relation: .addRemoveOne, by: .pld
      ).value
    }
  }

  private static func epsilon(
    _ events: String, delta: Double, by accountant: Accountant
  ) throws -> Double {
    try AccountingQuery(try DPEvent(events), relation: .addRemoveOne)
      .epsilon(delta: delta, by: accountant).epsilon
  }

  private static func renyiRounds(_ count: Int) throws -> Double {
    var total = RenyiCurve.zero(orders: .standard)
    var epsilon = 0.0
    for index in 0..<count {
      let sigma = 1 + Double(index) / Double(count)
      total.add(try RenyiCurve(.poisson(rate: 0.01, .gaussian(noiseMultiplier: sigma))))
      epsilon = total.epsilon(delta: 1e-5)
    }
    return epsilon
  }

  private static func ask(
    _ question: String, repeats: Int, _ body: () throws -> Double
  ) throws {
    var answer = 0.0
    let seconds = try Measurement.best(of: repeats) { answer = try body() }
    Measurement.report(question, ["epsilon": answer, "seconds": seconds])
  }
}
