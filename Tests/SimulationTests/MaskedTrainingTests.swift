import Cryptography
import Federation
import Ledger
import Privacy
import Recommendation
import SecureAggregation
import Simulation
import Testing
import WireProtocol

@Suite("Masked trainings in process")
struct MaskedTrainingTests {
  static let models = ["popularity", "gram"]

  @Test(
    "secagg gives the model that sealed gives for the same inputs, bit for bit", arguments: models)
  // Up to 128 members the graph is complete and takes nothing off delta: the noise is the same.
  func secaggEqualsSealed(model: String) throws {
    let sealed = try SmallShop(model: model, maximumCohort: 100).train(seed: 11)
    let masked = try SmallShop(model: model, mode: "secagg", maximumCohort: 100).train(seed: 11)
    #expect(masked.parameters.encoded() == sealed.parameters.encoded())
    #expect(masked.epsilonSpent == sealed.epsilonSpent)
    #expect(masked.roundsReleased == sealed.roundsReleased)
    let silent = try SmallShop(model: model, mode: "secagg", maximumCohort: 100).train(seed: nil)
    let direct = try SmallShop(model: model, maximumCohort: 100).train(seed: nil)
    #expect(silent.parameters.encoded() == direct.parameters.encoded())
  }

  @Test("a secagg-ddp popularity is the sealed one up to the noise that the mode has")
  func noiseOfTheMode() throws {
    let shop = try SmallShop(model: "popularity", mode: "secagg-ddp")
    let exact = try #require(
      try SmallShop(model: "popularity").train(seed: nil).parameters["popularity"]
    ).values
    // The noise of the sum has the variance sigma^2 |U3| / N_h, and popularity is linear in it; the
    // sealed run, with sigma^2, shows the factor.
    let policy = try #require(try MaskingPolicy(of: shop.policy))
    let parameters = try MaskingParameters(cohortSize: 40, policy: policy)
    let sealedShop = try SmallShop(model: "popularity")
    func spread(_ shop: SmallShop) throws -> Double {
      var squares: [Double] = []
      for seed in 1...16 as ClosedRange<UInt64> {
        let noisy = try #require(try shop.train(seed: seed).parameters["popularity"]).values
        squares += zip(noisy, exact).map { Double($0 - $1) * Double($0 - $1) }
      }
      let noiseMultiplier = shop.policy.plan[0].noiseMultiplier.doubleValue
      return squares.reduce(0, +) / Double(squares.count) / (noiseMultiplier * noiseMultiplier)
    }
    let ratio = try spread(shop) / spread(sealedShop)
    let expected = 40 / Double(parameters.honestNoiseShares)
    #expect(parameters.honestNoiseShares == 32)
    // 1,440 squares on both sides: the ratio has a relative standard deviation of 0.053, so 0.3 is
    // 5.6 of them: fewer than one false alarm in ten million choices of the fixed seeds.
    #expect(abs(ratio / expected - 1) < 0.3)
  }

  @Test("the ledger of a masked simulation replays, states its terms, and says it was seeded")
  func ledger() throws {
    let shop = try SmallShop(model: "popularity", mode: "secagg-ddp")
    let outcome = try shop.train(seed: 1)
    let log = outcome.ledgerLines.flatMap { $0 + [UInt8(ascii: "\n")] }
    let state = try #require(LedgerReplay(log: log).state)
    #expect(state.firstSeededCharge == 2)
    let charge = try LedgerEntry(decoding: outcome.ledgerLines[2], at: 2)
    guard case .charge(let record) = charge.record else {
      Issue.record("entry 2 is no charge")
      return
    }
    let policy = try #require(try MaskingPolicy(of: shop.policy))
    let parameters = try MaskingParameters(cohortSize: 40, policy: policy)
    #expect(record.masked?.cohortSize == 40)
    #expect(record.masked?.noiseShares?.honestShares == parameters.honestNoiseShares)
    #expect(record.cohortMinimum == parameters.minimumSurvivors)
    #expect(outcome.epsilonSpent <= 8)
  }

  @Test("on a sparse graph the planned noise leaves delta what the graph takes of it")
  func sparseGraph() throws {
    let shop = try SmallShop(model: "popularity", customers: 132, mode: "secagg-ddp")
    let outcome = try shop.train(seed: 2)
    let charge = try LedgerEntry(decoding: outcome.ledgerLines[2], at: 2)
    guard case .charge(let record) = charge.record else {
      Issue.record("entry 2 is no charge")
      return
    }
    #expect(record.masked?.degree ?? 131 < 131)
    let taken = try ExactDecimal(record.protocolDelta).doubleValue
    // 1.5 (1 + e^8) 2^-40
    #expect(abs(taken / 4.0681e-9 - 1) < 1e-3)
    // The ledger admitted the whole plan beside it.
    #expect(outcome.roundsReleased == shop.policy.plan.count)
    #expect(outcome.epsilonSpent <= 8 && outcome.epsilonSpent > 7.99)
  }

  @Test("one seed gives one model, and no seed gives none: the noise is the clients'")
  func seeds() throws {
    let shop = try SmallShop(model: "popularity", customers: 12, mode: "secagg-ddp")
    let first = try shop.train(seed: 3).parameters.encoded()
    #expect(try shop.train(seed: 3).parameters.encoded() == first)
    #expect(try shop.train(seed: 4).parameters.encoded() != first)
    #expect(throws: SimulationError.noNoise) { try shop.train(seed: nil) }
  }
}
