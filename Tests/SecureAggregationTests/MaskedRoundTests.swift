import Cryptography
import Privacy
import Testing
import VectorMath

@testable import SecureAggregation

@Suite("Masked rounds")
struct MaskedRoundTests {
  typealias Stage = MaskedCohort.Stage

  /// Runs a round and holds it against the oracle: the survivors' sum to the bit, or an abort that
  /// the counts explain.
  /// - Returns: whether there was a sum.
  @discardableResult
  static func check(_ cohort: MaskedCohort, _ lastStage: [Stage]) throws -> Bool {
    func count(_ stage: Stage) -> Int { lastStage.count { $0 >= stage } }
    let parameters = try? MaskingParameters(cohortSize: count(.advert), policy: cohort.policy)
    do {
      let outcome = try cohort.run(lastStage: lastStage)
      let expected = cohort.ids.indices.filter { lastStage[$0] >= .masked }
      #expect(outcome.survivors == expected)
      #expect(try outcome.sum == cohort.plainSum(of: expected))
      #expect(outcome.inconsistencies.isEmpty)
      let bounds = try #require(parameters)
      #expect(expected.count >= bounds.minimumSurvivors)
      return true
    } catch let abort as MaskingAbort {
      // Nothing was signed and nothing is charged.
      switch abort {
      case .unsupportedCohort: #expect(parameters == nil)
      case .tooFewSharers: #expect(count(.shares) < (parameters?.minimumSurvivors ?? 0))
      case .tooFewSurvivors: #expect(count(.masked) < (parameters?.minimumSurvivors ?? 0))
      case .tooFewSurvivingNeighbours:
        #expect(count(.masked) - 1 < (parameters?.shamirThreshold ?? 0))
      default: Issue.record("\(abort)")
      }
    } catch let refusal as MaskingRefusal {
      // Complete graph, small rounds: too few dealers among the neighbours.
      #expect(refusal == .tooFewNeighbours || refusal == .tooFewShares)
      #expect(count(.shares) - 1 < (parameters?.shamirThreshold ?? 0))
    } catch let shortfall as MaskedCohort.Shortfall {
      let bounds = try #require(parameters)
      switch shortfall {
      case .signatures: #expect(count(.agreement) < bounds.signatureThreshold)
      // A survivor's secrets are with its neighbours, of which it is none.
      case .shares: #expect(count(.unmask) - 1 < bounds.shamirThreshold)
      }
    }
    return false
  }

  @Test(
    "every dropout pattern at every phase gives the survivors' exact sum or none",
    arguments: Stage.allCases)
  func exhaustive(first: Stage) throws {
    let policy = try MaskingParametersTests.policy("0.1", "0.34", from: 2)
    var sums = 0
    // Of four members all must stay to the end, of five one may go at any phase.
    for size in 4...5 {
      let identities = try (0..<size).map { _ in try SigningKey() }
      let stageCount = Stage.allCases.count
      let patternCount = (1..<size).reduce(1) { count, _ in count * stageCount }
      for pattern in 0..<patternCount {
        var code = pattern
        let others = (1..<size).map { _ in
          defer { code /= stageCount }
          return Stage.allCases[code % stageCount]
        }
        let cohort = try MaskedCohort(size: size, policy: policy, identities: identities)
        if try Self.check(cohort, [first] + others) { sums += 1 }
      }
    }
    #expect(sums > 0)
  }

  static func randomStages(
    _ size: Int, dropouts: Int, seed: UInt64
  ) -> [Stage] {
    var random = SeededRandom(seed: seed)
    var stages = [Stage](repeating: .unmask, count: size)
    for index in (0..<size).shuffled(using: &random).prefix(dropouts) {
      stages[index] = Stage.allCases.dropLast().randomElement(using: &random) ?? .nothing
    }
    return stages
  }

  @Test("100 members on the complete graph, random dropouts", arguments: [0, 3, 10, 20, 30])
  func hundred(dropouts: Int) throws {
    let policy = try MaskingParametersTests.policy("0.1", "0.3", from: 50)
    for seed in 0..<2 {
      let cohort = try MaskedCohort(size: 100, policy: policy)
      let hasSum = try Self.check(
        cohort, Self.randomStages(100, dropouts: dropouts, seed: UInt64(seed)))
      #expect(hasSum)
    }
  }

  @Test("200 members on the ring with random dropouts", arguments: [0, 10, 20])
  func ring(dropouts: Int) throws {
    let policy = try MaskingParametersTests.policy("0.1", "0.2", from: 100)
    let cohort = try MaskedCohort(size: 200, policy: policy, dimension: 257)
    let outcome = try cohort.run(
      lastStage: Self.randomStages(200, dropouts: dropouts, seed: UInt64(dropouts)))
    #expect(try outcome.sum == cohort.plainSum(of: outcome.survivors))
    #expect(outcome.survivors.count >= 200 - dropouts)
  }

  @Test("1,000 members on the ring at s = 80, with dropouts at every phase")
  func thousand() throws {
    let policy = try MaskingParametersTests.policy(from: 500)
    let cohort = try MaskedCohort(size: 1000, policy: policy)
    let stages = Self.randomStages(1000, dropouts: 60, seed: 7)
    let outcome = try cohort.run(lastStage: stages)
    #expect(outcome.survivors == cohort.ids.indices.filter { stages[$0] >= .masked })
    #expect(try outcome.sum == cohort.plainSum(of: outcome.survivors))
  }

  @Test("a vector of many tiles is unmasked in stretches, on several tasks")
  func stretches() async throws {
    let dimension = 10_007
    let policy = try MaskingParametersTests.policy("0.1", "0.4", from: 4)
    let cohort = try MaskedCohort(size: 8, policy: policy, dimension: dimension)
    var coordinator = cohort.coordinator()
    for (index, id) in cohort.ids.enumerated() {
      try coordinator.receive(
        cohort.client(index).advert, from: id, key: cohort.identity(index).verifyingKey)
    }
    let roster = try coordinator.closeAdverts()
    for (index, id) in cohort.ids.enumerated() {
      try coordinator.receive(cohort.client(index).accept(roster), from: id)
    }
    _ = try coordinator.closeShares()
    var first: [UInt32] = []
    for (index, id) in cohort.ids.enumerated() where index != 3 {
      let delivery = coordinator.delivery(for: id)
      _ = try cohort.client(index).accept(#require(delivery))
      let masked = try cohort.client(index).mask(
        cohort.update(index), encoding: cohort.encoding, noise: nil)
      if first.isEmpty { first = masked.values }
      try coordinator.add(masked, from: id)
    }
    // A masked update says nothing: its words are as good as uniform. 10,007 words have 160,112
    // ones on average, standard deviation 283; six of them: false-alarm rate 2e-9.
    let ones = first.reduce(0) { $0 + $1.nonzeroBitCount }
    #expect(abs(ones - 160_112) < 1_698)
    let survivors = try coordinator.closeMasked()
    for (index, id) in cohort.ids.enumerated() where index != 3 {
      let agreement = try #require(try cohort.client(index).agree(to: survivors))
      try coordinator.receive(agreement, from: id)
    }
    let signed = coordinator.proof
    let proof = try #require(signed)
    for (index, id) in cohort.ids.enumerated() where index != 3 {
      try coordinator.receive(cohort.client(index).reveal(after: proof), from: id)
      #expect(cohort.client(index).isEnded)
    }
    let removal = try coordinator.prepareUnmasking()
    #expect(removal.maskCount == 7 + 7)
    let ranges = removal.ranges(count: 3)
    #expect(ranges.count == 3 && ranges.last?.upperBound == dimension)
    let corrections = try await withThrowingTaskGroup(of: (Int, [UInt32]).self) { group in
      for (index, range) in ranges.enumerated() {
        group.addTask { (index, try removal.correction(for: range)) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (index, range) in ranges.enumerated() {
      coordinator.apply(try #require(corrections[index]), to: range)
    }
    let sum = coordinator.runningSum.values
    #expect(try sum == cohort.plainSum(of: [0, 1, 2, 4, 5, 6, 7]))
    var generator = SeededRandom(seed: 1)
    let scale = PrivacyEvent.chargeableScales.lowerBound
    let released = coordinator.unmaskedSum().noised(scale: scale, using: &generator)
    #expect(released.contributorCount == 7)
    // Noise of 2^10 steps on a grid of 2^20: a half is 512 standard deviations away.
    #expect(released.values[0].rounded() == 1 && released.values[1].rounded() == -1)
    #expect(released.values[3].rounded() == 0)
  }
}
