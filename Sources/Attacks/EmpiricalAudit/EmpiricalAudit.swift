internal import Glibc
internal import Privacy
internal import VectorMath

/// Lower bounds on the epsilon of one round, from runs on simulated cohorts with canary clients.
///
/// A canary sends a direction of its own, a hundred times longer than the clip norm, so that
/// clipping is audited too. A bound above what the round is charged proves that the charge is
/// wrong; one below proves nothing.
package struct EmpiricalAudit: Sendable {
  /// How much is run.
  package struct Settings: Equatable, Sendable {
    /// Canaries in a cohort, and as many that stay out.
    package var canaries = 1_000
    /// Draws of each side in the mechanism test.
    package var draws = 100_000
    /// Of the whole audit; shared out among its tests.
    package var significance = 0.05

    package init() {}
  }

  /// The methods, in the order of the report.
  package enum Method: String, CaseIterable, Sendable {
    /// 10^5 draws of one coordinate with and without a customer.
    case mechanism
    /// The product of the release with each canary's direction.
    case canaryCosine = "canary_cosine"
    /// Coin flips for each canary, guesses from one release.
    case oneRun = "one_run"
    /// The difference of two rounds, of which the second has the canaries.
    case twoRounds = "two_rounds"
    /// Whether two fresh coordinators give the same release.
    case repeated
  }

  /// What one method found.
  package struct Finding: Equatable, Sendable {
    package let stage: String
    package let method: Method
    /// With the audit's confidence, no smaller epsilon is true; infinity for repeated noise.
    package let epsilonLowerBound: Double
    /// What the round is charged.
    package let epsilonClaimed: Double

    /// Whether the charge stands.
    package var isWithinClaim: Bool { epsilonLowerBound <= epsilonClaimed }
  }

  private let settings: Settings
  private let significance: Double

  /// - Parameters:
  ///   - roundCount: rounds that this audit covers; the significance is shared out among them and
  ///     the methods.
  /// - Throws: `AttackError.invalidParameter`.
  package init(settings: Settings = Settings(), roundCount: Int = 1) throws {
    guard (64...10_000).contains(settings.canaries) else {
      throw AttackError.invalidParameter(
        name: "canaries", value: "\(settings.canaries)", accepted: "64 to 10000")
    }
    guard (1_000...10_000_000).contains(settings.draws) else {
      throw AttackError.invalidParameter(
        name: "draws", value: "\(settings.draws)", accepted: "1000 to 10000000")
    }
    self.settings = settings
    significance = settings.significance / Double(Method.allCases.count - 1) / Double(roundCount)
  }

  /// Audits one round.
  /// - Parameters:
  ///   - round: what is charged.
  ///   - seed: of the canaries; the noise is the mechanism's own.
  ///   - makeMechanism: a fresh coordinator, as after a restart.
  /// - Throws: what the mechanism throws.
  package func findings(
    of round: AuditedRound, seed: UInt64, makeMechanism: () throws -> any AuditedMechanism
  ) throws -> [Finding] {
    var generator = SeededRandom(seed: seed)
    var mechanism = try makeMechanism()
    func finding(_ method: Method, mu: Double) -> Finding {
      Finding(
        stage: round.stage, method: method,
        epsilonLowerBound: mu > 0 ? GaussianAccountant.epsilon(mu: mu, delta: round.delta) : 0,
        epsilonClaimed: round.epsilon)
    }
    let drawn = try mechanismTest(round, &mechanism)
    let canaries = Canaries(count: settings.canaries, using: &generator)
    let cosine = try cosineTest(round, &mechanism, canaries)
    let oneRun = try oneRunAudit(round, &mechanism, canaries, using: &generator)
    let twoRounds = try twoRoundsTest(round, &mechanism, canaries)
    var other = try makeMechanism()
    var first = try makeMechanism()
    let nothing = [[Float](repeating: 0, count: 64)]
    let isRepeated =
      try first.release(nothing, dimension: 64) == other.release(nothing, dimension: 64)
    return [
      finding(.mechanism, mu: drawn.muLowerBound), finding(.canaryCosine, mu: cosine.muLowerBound),
      Finding(
        stage: round.stage, method: .oneRun,
        epsilonLowerBound: oneRun.gaussianEpsilonLowerBound(
          delta: round.delta, significance: significance), epsilonClaimed: round.epsilon),
      finding(.twoRounds, mu: twoRounds.muLowerBound),
      Finding(
        stage: round.stage, method: .repeated, epsilonLowerBound: isRepeated ? .infinity : 0,
        epsilonClaimed: round.epsilon),
    ]
  }

  /// Each coordinate of a release is one draw: without a customer, and with one whose update is
  /// that coordinate's unit vector. There is one such customer a coordinate, which changes nothing
  /// elsewhere.
  private func mechanismTest(
    _ round: AuditedRound, _ mechanism: inout any AuditedMechanism
  ) throws -> DistinguishingTest {
    let width = 200
    let updates = (0..<width).map { index in
      var update = [Float](repeating: 0, count: width)
      update[index] = Canaries.length * Float(round.encoding.clipNorm)
      return update
    }
    var (with, without): ([Double], [Double]) = ([], [])
    while with.count < settings.draws {
      with += try mechanism.release(updates, dimension: width)
      without += try mechanism.release([], dimension: width)
    }
    return DistinguishingTest(
      with: with, without: without, delta: round.delta, significance: significance)
  }

  private func cosineTest(
    _ round: AuditedRound, _ mechanism: inout any AuditedMechanism, _ canaries: Canaries
  ) throws -> DistinguishingTest {
    let release = try mechanism.release(
      canaries.updates(of: canaries.inside, clipNorm: round.encoding.clipNorm),
      dimension: canaries.dimension)
    return DistinguishingTest(
      with: canaries.inside.map { canaries.score($0, release) },
      without: canaries.outside.map { canaries.score($0, release) }, delta: round.delta,
      significance: significance)
  }

  private func oneRunAudit(
    _ round: AuditedRound, _ mechanism: inout any AuditedMechanism, _ canaries: Canaries,
    using generator: inout SeededRandom
  ) throws -> OneRunAudit {
    let isIn = canaries.inside.map { _ in Bool.random(using: &generator) }
    let chosen = canaries.inside.filter { isIn[$0] }
    let release = try mechanism.release(
      canaries.updates(of: chosen, clipNorm: round.encoding.clipNorm), dimension: canaries.dimension
    )
    let scores = canaries.inside.map { canaries.score($0, release) - 0.5 }
    let guessed = canaries.inside.sorted { abs(scores[$0]) > abs(scores[$1]) }
      .prefix(max(1, canaries.inside.count / 4))
    return try OneRunAudit(
      canaryCount: canaries.inside.count, guessCount: guessed.count,
      correctCount: guessed.count { (scores[$0] > 0) == isIn[$0] })
  }

  private func twoRoundsTest(
    _ round: AuditedRound, _ mechanism: inout any AuditedMechanism, _ canaries: Canaries
  ) throws -> DistinguishingTest {
    let first = try mechanism.release([], dimension: canaries.dimension)
    let second = try mechanism.release(
      canaries.updates(of: canaries.inside, clipNorm: round.encoding.clipNorm),
      dimension: canaries.dimension)
    let difference = zip(second, first).map { $0 - $1 }
    return DistinguishingTest(
      with: canaries.inside.map { canaries.score($0, difference) },
      without: canaries.outside.map { canaries.score($0, difference) }, delta: round.delta,
      significance: significance)
  }
}

/// Random directions, half of them never sent: ±1/2 in four coordinates of its own, one in each
/// quarter of the vector.
///
/// Disjoint coordinates keep the canaries independent of each other, which random directions are
/// only nearly; spread over the vector, a canary has a part in every layer of it, so that clipping
/// by layer shows.
/// - Source: Andrew et al., "One-shot empirical privacy estimation for federated learning", arXiv:2302.03098.
struct Canaries {
  /// Length of what is sent, in clip norms.
  static let length: Float = 100
  /// Coordinates of a canary.
  static let parts = 4

  private let signs: [Bool]
  private let count: Int
  let inside: Range<Int>
  let outside: Range<Int>

  /// - Parameter count: canaries inside, and as many outside.
  init(count: Int, using generator: inout SeededRandom) {
    self.count = 2 * count
    inside = 0..<count
    outside = count..<2 * count
    signs = (0..<2 * count * Self.parts).map { _ in Bool.random(using: &generator) }
  }

  /// Coordinates of a vector that holds all of them.
  var dimension: Int { count * Self.parts }

  func updates(of canaries: some Sequence<Int>, clipNorm: Double) -> [[Float]] {
    let value = Self.length * Float(clipNorm / Double(Self.parts).squareRoot())
    return canaries.map { canary in
      var update = [Float](repeating: 0, count: dimension)
      for part in 0..<Self.parts {
        let place = part * count + canary
        update[place] = signs[place] ? value : -value
      }
      return update
    }
  }

  /// The product of a release with a canary's unit vector: what of it was released, and noise.
  func score(_ canary: Int, _ release: [Double]) -> Double {
    var sum = 0.0
    for part in 0..<Self.parts {
      let place = part * count + canary
      sum += signs[place] ? release[place] : -release[place]
    }
    return sum / Double(Self.parts).squareRoot()
  }
}
