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
    try ask("rdp, 1000 different rounds, epsilon after each", repeats: 3) {
      try renyiRounds(1_000)
    }
    try ask("pld, 20 different rounds, epsilon after each", repeats: 3) {
      try composedRounds(20)
    }
    try ask("pld, 1000 different rounds, epsilon after each", repeats: 1) {
      try composedRounds(1_000)
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

  /// Rate 0.005 to 0.015, and a noise multiplier that sweeps 0.8 to 2.0 seven times.
  private static func rounds(_ count: Int) -> [(rate: Double, noiseMultiplier: Double)] {
    (0..<count).map { index in
      let progress = Double(index) / Double(count)
      let sweep = Double(7 * index % count) / Double(count)
      return (rate: 0.005 + 0.01 * progress, noiseMultiplier: 0.8 + 1.2 * sweep)
    }
  }

  private static func renyiRounds(_ count: Int) throws -> Double {
    var total = RenyiCurve.zero(orders: .standard)
    var epsilon = 0.0
    for round in rounds(count) {
      total.add(
        try RenyiCurve(
          .poisson(rate: round.rate, .gaussian(noiseMultiplier: round.noiseMultiplier))))
      epsilon = total.epsilon(delta: 1e-6)
    }
    return epsilon
  }

  private static func composedRounds(_ count: Int) throws -> Double {
    let rounds = try rounds(count).map { round in
      try DPEvent.poissonSampled(
        rate: round.rate, .gaussian(noiseMultiplier: round.noiseMultiplier))
    }
    var composer = try LossComposer(
      relation: .addRemoveOne, delta: 1e-6, horizon: try .composed(rounds))
    var epsilon = 0.0
    for round in rounds {
      try composer.add(round)
      epsilon = composer.epsilon
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
