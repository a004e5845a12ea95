import Cryptography
import Privacy
import Synchronization
import VectorMath

@testable import SecureAggregation

/// A cohort and its coordinator in one process, for tests of whole masked rounds.
struct MaskedCohort {
  /// The last message that a member still sends.
  enum Stage: Int, CaseIterable, Comparable {
    case nothing, advert, shares, masked, agreement, unmask

    static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
  }

  let policy: MaskingPolicy
  let mode: AggregationMode
  let dimension: Int
  let encoding: FixedPointEncoding
  let context: [UInt8]
  let ids: [UInt32]
  let identities: [UInt32: SigningKey]
  let clients: [UInt32: MaskingClient]
  /// In grid steps; in `secagg-ddp` only.
  var noiseScale: UInt64 = 1 << 10

  init(
    size: Int, policy: MaskingPolicy, mode: AggregationMode = .secagg, dimension: Int? = nil,
    fractionBits: Int = 20, identities known: [SigningKey]? = nil
  ) throws {
    self.policy = policy
    self.mode = mode
    self.dimension = dimension ?? size
    encoding = try FixedPointEncoding(fractionBits: fractionBits, clipNorm: 1)
    context = BLAKE2b.hash256(SecureRandom.bytes(32))
    // Ids with gaps: a place is not an id.
    ids = (0..<size).map { UInt32(3 * $0 + 5) }
    let keys = try known ?? (0..<size).map { _ in try SigningKey() }
    let identities = Dictionary(uniqueKeysWithValues: zip(ids, keys))
    self.identities = identities
    let verifyingKeys = identities.mapValues(\.verifyingKey)
    var clients: [UInt32: MaskingClient] = [:]
    for (id, key) in zip(ids, keys) {
      clients[id] = try MaskingClient(
        clientID: id, identity: key, context: context, policy: policy, mode: mode,
        dimension: self.dimension, identityKey: { verifyingKeys[$0] })
    }
    self.clients = clients
  }

  func coordinator() -> MaskingCoordinator {
    MaskingCoordinator(
      context: context, policy: policy, mode: mode, dimension: dimension, encoding: encoding)
  }

  func client(_ index: Int) -> MaskingClient {
    guard let client = clients[ids[index]] else { preconditionFailure("a client a member") }
    return client
  }

  func identity(_ index: Int) -> SigningKey {
    guard let key = identities[ids[index]] else { preconditionFailure("a key a member") }
    return key
  }

  /// The update of member `index`: one at its own coordinate, so that the sum names its members.
  func update(_ index: Int) -> [Float] {
    var update = [Float](repeating: 0, count: dimension)
    update[index % dimension] = index % 2 == 0 ? 1 : -1
    return update
  }

  func noise(
    _ parameters: MaskingParameters, seed: UInt64
  ) -> NoiseShare? {
    guard mode.clientsAddNoise else { return nil }
    var generator = SeededRandom(seed: seed)
    return NoiseShare.draw(
      dimension: dimension, scale: noiseScale, parameters: parameters, using: &generator)
  }

  /// What is left of a round after one run.
  struct Outcome {
    /// The sum in Z_2^32.
    let sum: [UInt32]
    /// Indices of the members in it.
    let survivors: [Int]
    let inconsistencies: [InconsistentShares]
  }

  /// Runs the round; member i sends nothing after `lastStage[i]`.
  /// - Parameter hostile: what members with code of their own send, and the grid they encode it on.
  func run(
    lastStage: [Stage], seed: UInt64 = 1,
    hostile: [Int: (update: [Float], encoding: FixedPointEncoding)] = [:],
    altering alter: (inout RevealedShares) -> Void = { _ in }
  ) throws -> Outcome {
    var coordinator = self.coordinator()
    func live(_ stage: Stage) -> [Int] { ids.indices.filter { lastStage[$0] >= stage } }
    for index in live(.advert) {
      try coordinator.receive(
        client(index).advert, from: ids[index], key: identity(index).verifyingKey)
    }
    let roster = try coordinator.closeAdverts()
    // Whoever advertised received the roster; those that stop here do not answer.
    for index in live(.shares) {
      try coordinator.receive(try client(index).accept(roster), from: ids[index])
    }
    _ = try coordinator.closeShares()
    for index in live(.masked) {
      guard let delivery = coordinator.delivery(for: ids[index]) else { continue }
      _ = try client(index).accept(delivery)
      let masked = try client(index).mask(
        hostile[index]?.update ?? update(index), encoding: hostile[index]?.encoding ?? encoding,
        noise: noise(roster.parameters, seed: seed + UInt64(index)))
      try coordinator.add(masked, from: ids[index])
    }
    let survivors = try coordinator.closeMasked()
    for index in live(.agreement) {
      if let agreement = try client(index).agree(to: survivors) {
        try coordinator.receive(agreement, from: ids[index])
      }
    }
    guard let proof = coordinator.proof else { throw Shortfall.signatures }
    for index in live(.unmask) {
      var revealed = try client(index).reveal(after: proof)
      alter(&revealed)
      try coordinator.receive(revealed, from: ids[index])
    }
    guard coordinator.canUnmask else { throw Shortfall.shares }
    let inconsistencies = try coordinator.unmask()
    let members = survivors.positions.compactMap { position in
      ids.firstIndex(of: roster.adverts[position].clientID)
    }
    return Outcome(
      sum: coordinator.runningSum.values, survivors: members, inconsistencies: inconsistencies)
  }

  /// The round waits for messages that do not come: its deadline ends it.
  enum Shortfall: Error { case signatures, shares }

  /// The sum of the updates of `members` in Z_2^32, added without any protocol.
  func plainSum(of members: [Int]) throws -> [UInt32] {
    var sum = [UInt32](repeating: 0, count: dimension)
    for index in members {
      FixedPointEncoding.accumulate(try encoding.encode(update(index)), into: &sum)
    }
    return sum
  }
}
