import CanonicalJSON
import Recommendation
import Simulation
import Testing
import VectorMath

@Suite("Training of responses")
struct ResponseTrainingTests {
  /// 40 customers with one to three offers each.
  private static func shop() throws -> SmallShop {
    var shop = try SmallShop(
      model: "response",
      hyperparameters: .object(["inputs": .integer(3), "rounds": .integer(4)]))
    var random = SeededRandom(seed: 9)
    shop.histories = (0..<40).map { customer in
      var history = CustomerHistory.empty
      history.responses = (0...customer % 3).map { offer in
        let value = Float.random(in: 0...1, using: &random)
        return ResponseExample(
          offer: offer, inputs: [value, Float(offer) / 2, 1],
          isResponse: Float.random(in: 0...1, using: &random) < value)
      }
      return history
    }
    return shop
  }

  @Test("without noise the rounds give the weights of the sums added up in one place")
  func twin() throws {
    let shop = try Self.shop()
    let federated = try #require(try shop.train(seed: nil).parameters["weights"]).values
    let direct = try #require(try shop.trainDirectly()["weights"]).values
    #expect(zip(federated, direct).allSatisfy { abs($0 - $1) < 1e-3 })
    #expect(direct[0] > 0.1)
  }

  @Test("five rounds are charged, together the planned budget, and their noise is felt")
  func charged() throws {
    let shop = try Self.shop()
    let outcome = try shop.train(seed: 1)
    #expect(outcome.roundsReleased == 5)
    #expect(outcome.epsilonSpent <= 8 && outcome.epsilonSpent > 7.9)
    #expect(try outcome.parameters != shop.train(seed: nil).parameters)
  }
}
