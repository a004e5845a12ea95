import CanonicalJSON
import Cryptography
import Federation
import Ledger
import Privacy
import Recommendation
import SecureAggregation
import Testing
import VectorMath
import WireProtocol

@testable import Simulation

@Suite("In-process federation")
struct InProcessFederationTests {
  static let models = ["popularity", "gram", "sasrec"]

  @Test("one seed gives one model, bit for bit, and another seed another", arguments: models)
  func deterministic(model: String) throws {
    let shop = try SmallShop(model: model)
    let first = try shop.train(seed: 1).parameters.encoded()
    #expect(try shop.train(seed: 1).parameters.encoded() == first)
    #expect(try shop.train(seed: 2).parameters.encoded() != first)
    let silent = try shop.train(seed: nil).parameters.encoded()
    #expect(try shop.train(seed: nil).parameters.encoded() == silent)
    #expect(silent != first)
  }

  @Test("without noise the popularity is that of the histories added up in one place")
  func popularityEqualsDirectSum() throws {
    let shop = try SmallShop(model: "popularity")
    let federated = try #require(try shop.train(seed: nil).parameters["popularity"]).values
    let direct = try #require(try shop.trainDirectly()["popularity"]).values
    // 40 truncations of less than one grid step, 2^-F of the clip norm, times 8 / 40 a customer.
    let bits = try FederationIdentity.fractionBits(of: shop.policy)[0]
    let tolerance = Float(8) * Float(sign: .plus, exponent: -bits, significand: 1) + 1e-6
    #expect(zip(federated, direct).allSatisfy { abs($0 - $1) <= tolerance })
    #expect(direct.contains { $0 > 0.1 })
  }

  @Test("without noise the Gram model projects as the one trained in one place")
  func gramEqualsDirectSum() throws {
    let shop = try SmallShop(model: "gram")
    let federated = try shop.train(seed: nil).parameters
    let direct = try shop.trainDirectly()
    #expect(federated.tensors.keys.sorted() == direct.tensors.keys.sorted())
    #expect(federated["head"] == direct["head"])
    // Scores of a new customer, since eigenvectors are fixed up to sign only.
    let newcomer = SmallShop.history([0, 1, 2, 3])
    let ours = try shop.model.scores(history: newcomer, parameters: federated, features: nil)
    let theirs = try shop.model.scores(history: newcomer, parameters: direct, features: nil)
    #expect(zip(ours.totals, theirs.totals).allSatisfy { abs($0 - $1) < 1e-2 })
    #expect(Set(theirs.totals).count > 10)
  }

  @Test(
    "without noise the transformer scores as the one trained in one place, its own vectors or not",
    arguments: [0, 1])
  func sequenceEqualsDirectSum(learnedItems: Int64) throws {
    let shop = try SmallShop(
      model: "sasrec",
      hyperparameters: .object([
        "dimension": .integer(8), "length": .integer(9), "learned_items": .integer(learnedItems),
      ]))
    let federated = try shop.train(seed: nil).parameters
    let direct = try shop.trainDirectly()
    #expect(federated.tensors.keys.sorted() == direct.tensors.keys.sorted())
    #expect(federated["head"] == direct["head"])
    let newcomer = SmallShop.history([0, 1, 2, 3])
    let ours = try shop.model.scores(history: newcomer, parameters: federated, features: nil)
    let theirs = try shop.model.scores(history: newcomer, parameters: direct, features: nil)
    // A gradient below the grid, 2^-20 of the clip norm a customer, is a step of Adam like any other.
    #expect(zip(ours.totals, theirs.totals).allSatisfy { abs($0 - $1) < 1e-2 })
    #expect(Set(theirs[.sequence] ?? []).count > 10)
  }

  @Test("with some of the devices a round the transformer is that of their sums in one place")
  func attendance() throws {
    let shop = try SmallShop(
      model: "sasrec",
      hyperparameters: .object([
        "dimension": .integer(8), "length": .integer(9), "learned_items": .integer(1),
        "loss": .string("sum"), "dropout": .string("0.2"),
      ]))
    func federated(_ size: Int?, seed: UInt64 = 3) throws -> InProcessFederation.Outcome {
      try shop.train(seed: nil, devicesPerRound: size, attendanceSeed: seed)
    }
    func totals(_ parameters: ModelParameters) throws -> [Float] {
      try shop.model.scores(
        history: SmallShop.history([0, 1, 2, 3]), parameters: parameters, features: nil
      ).totals
    }
    let some = try federated(10)
    let direct = try shop.trainDirectly(
      attendance: RoundAttendance(size: 10, of: 40, seed: 3))
    #expect(zip(try totals(some.parameters), try totals(direct)).allSatisfy { abs($0 - $1) < 1e-2 })
    // Those who stay away change it by more, and so does who they are.
    func differs(_ other: InProcessFederation.Outcome) throws -> Bool {
      zip(try totals(some.parameters), try totals(other.parameters)).contains {
        abs($0 - $1) > 2e-2
      }
    }
    let all = try federated(nil)
    #expect(try differs(all))
    #expect(try differs(federated(10, seed: 4)))
    #expect(try federated(40).parameters.encoded() == all.parameters.encoded())
    // Three of four devices upload nothing in ten of eleven rounds.
    #expect(some.roundsReleased == all.roundsReleased && some.bytesUp < all.bytesUp / 2)
  }

  @Test("a training that is cancelled ends with the error of cancellation")
  func cancellation() async throws {
    let shop = try SmallShop(model: "gram")
    let training = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try shop.train(seed: 1).roundsReleased
    }
    await #expect(throws: CancellationError.self) { try await training.value }
  }

  @Test(
    "without noise the published text weight is the one measured in one place, copies or not",
    arguments: [nil, ResampledCohort(copies: (0..<40).map { $0 % 4 })] as [ResampledCohort?])
  func textWeightEqualsDirect(cohort: ResampledCohort?) throws {
    func textWeight(_ parameters: ModelParameters) throws -> Float {
      try #require(parameters["text_weight"]?.values.first)
    }
    let unaware = try SmallShop(model: "gram")
    var shop = unaware
    // An item's vector is its shelf.
    var vectors = Matrix(rows: SmallShop.itemCount, columns: 3)
    for item in 0..<SmallShop.itemCount { vectors[item, item / 30] = 1 }
    shop.features = try ItemFeatures(vectors: vectors)
    let published = try textWeight(try shop.train(seed: nil, cohort: cohort).parameters)
    var direct = shop
    if let cohort {
      direct.policy = try SmallShop(model: "gram", customers: cohort.size).policy
      direct.histories = zip(shop.histories, cohort.copies).flatMap {
        [CustomerHistory](repeating: $0, count: $1)
      }
    }
    let measured = try textWeight(try direct.trainDirectly())
    // Entries of the sum, about 0.1, lose less than 2^-20 a customer to the grid.
    #expect(abs(published - measured) < 5e-3)
    // What is assumed where the coordinator has no vectors.
    let assumed = try textWeight(try unaware.train(seed: nil, cohort: cohort).parameters)
    #expect(abs(published - assumed) > 0.05)
  }

  @Test("without noise, one customer more or less is seen in the model", arguments: models)
  func oneCustomerCounts(model: String) throws {
    let shop = try SmallShop(model: model)
    let before = try shop.train(seed: nil).parameters
    var other = shop
    other.histories[7] = SmallShop.history([0, 31, 62, 89])
    #expect(try other.train(seed: nil).parameters != before)
  }

  @Test("an empty history changes nothing", arguments: models)
  func emptyHistory(model: String) throws {
    // The cohort that sums are divided by is the policy's constant.
    let shop = try SmallShop(model: model)
    var other = shop
    other.histories.append(.empty)
    let before = try shop.train(seed: nil).parameters.encoded()
    #expect(try other.train(seed: nil).parameters.encoded() == before)
  }

  @Test("the order of the customers changes nothing", arguments: models)
  func order(model: String) throws {
    let shop = try SmallShop(model: model)
    var other = shop
    other.histories.reverse()
    let before = try shop.train(seed: 5).parameters.encoded()
    #expect(try other.train(seed: 5).parameters.encoded() == before)
  }

  @Test("the ledger shows the epsilon that the policy plans", arguments: models)
  func epsilon(model: String) throws {
    let shop = try SmallShop(model: model)
    let outcome = try shop.train(seed: 1)
    let planned = try shop.policy.plannedEpsilon(
      fractionBits: FederationIdentity.fractionBits(of: shop.policy))
    #expect(abs(outcome.epsilonSpent - planned) < 1e-9)
    #expect(outcome.epsilonSpent <= 8)
    #expect(outcome.roundsReleased == shop.policy.plan.count)
  }

  @Test("the ledger of a simulation replays, and says that its noise was seeded")
  func ledger() throws {
    let outcome = try SmallShop(model: "gram").train(seed: 1)
    let log = outcome.ledgerLines.flatMap { $0 + [UInt8(ascii: "\n")] }
    let replay = LedgerReplay(log: log)
    #expect(replay.failure == nil && replay.tornByteCount == 0)
    let state = try #require(replay.state)
    #expect(state.firstSeededCharge == 2)
    #expect(state.epsilonSpent == outcome.epsilonSpent)
    let model = SHA256Digest(hashing: outcome.parameters.encoded())
    #expect(state.latestRelease?.modelOut == model)
  }

  @Test("the bytes counted are those of the encoded frames")
  func bytes() throws {
    let shop = try SmallShop(model: "popularity", customers: 5)
    let outcome = try shop.train(seed: 1)
    let expected = try FrameBytes(shop: shop, lines: outcome.ledgerLines)
    #expect(outcome.bytesUp == expected.up)
    #expect(outcome.bytesDown == expected.down)
  }

  @Test("too few customers for the minimum cohort is an error, not a wait without end")
  func tooFew() throws {
    var shop = try SmallShop(model: "popularity")
    shop.histories = [shop.histories[0]]
    #expect(throws: SimulationError.stalled(round: 0)) { try shop.train(seed: 1) }
  }
}

/// The sizes of all frames of one popularity training, added up from the specification's messages.
private struct FrameBytes {
  private(set) var up = 0
  private(set) var down = 0

  init(shop: SmallShop, lines: [[UInt8]]) throws {
    let customers = shop.histories.count
    let sum32 = [UInt8](repeating: 0, count: 32)
    let sum64 = [UInt8](repeating: 0, count: 64)
    let dimension = SmallShop.itemCount
    func size(_ message: Message) -> Int { 4 + message.encoded().count }

    // Up: enrolment, answer, header, one chunk; down: hello, welcome, offer, slot, result.
    up += customers * (4 + 1 + 2 + 4 + MemberCredential.byteCount + 32 + 8 + 64)
    up += customers * size(.answer(Answer(round: 1, joins: true)))
    up += customers * (4 + 1 + 8 + 32 + 24 + 4 + 32 + 64)
    up += customers * (4 + 1 + 8 + 4 + 4 + 4 * dimension + 17)
    down += customers * (4 + 1 + 1 + 2 + 32 + 32 + 16 + 64)
    down += customers * (4 + 1 + 8 + 4 + 4 * 32 + 4 + 1 + 8 + (8 + 4) + 4 + 64)
    down += customers * size(.proceed(Proceed(round: 1)))
    down += customers * size(.updateResult(UpdateResult(round: 1, rejection: nil)))
    down += customers * size(.finished(Finished(reason: .planComplete, modelHash: sum32)))

    // The checkpoint at login covers one entry, the one at the end four; their texts have one size.
    let checkpoint = try Self.checkpointBytes()
    down += customers * (4 + 1 + 4 + 2 + shop.policy.canonicalBytes.count + sum64.count)
    down += customers * (2 + checkpoint + 2 + 2 + 3 * 32)
    down += customers * (4 + 1 + 8 + 1 + 32 + 2 + checkpoint + 2 + 64)

    // From one entry to two, with the OFFER; from two to four, with CHARGE and RELEASE.
    let shown = 4 + 1 + 8 + 2 + checkpoint + 2 + 32 + 1
    down += customers * (shown + 8 + 2 + lines[1].count + 2 + 32)
    down += customers * (shown + 2 * (8 + 2 + 2 + 2 * 32) + lines[2].count + lines[3].count)

    // One customer fetches each blob once: catalogue, initial model, and the final one, which has
    // the size of the initial one.
    let initial = try shop.model.initialParameters(catalogue: shop.catalogue).encoded()
    for blob in [shop.catalogue.encoded(), initial, initial] {
      up += 4 + 1 + 32
      down += 4 + 1 + 32 + 4 + 4 + 4 + blob.count
    }
  }

  /// Origin, size of one digit, root, an empty line, and the signature line.
  private static func checkpointBytes() throws -> Int {
    let origin = "tacit-ledger/1/".utf8.count + 32
    return (origin + 1) + (1 + 1) + (44 + 1) + 1 + ("\u{2014} ".utf8.count + origin + 1 + 92 + 1)
  }
}
