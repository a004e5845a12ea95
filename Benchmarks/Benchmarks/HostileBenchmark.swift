import SecureAggregation
import VectorMath
import WireProtocol

/// What members who send what they should not do to a sum and to the list made from it, under masks
/// and where the coordinator clips.
///
/// 100 members with 8 of 200 items each, of Zipf popularity; the released sum ranks the items.
enum HostileBenchmark {
  private static let memberCount = 100
  private static let itemCount = 200
  private static let itemsPerMember = 8
  private static let listLength = 10

  enum Attack: String, CaseIterable {
    /// Norm C against the most popular items, known exactly.
    case signFlipped = "sign-flipped"
    /// Norm C with random signs on every item.
    case random
    /// Norm C on one item that nobody else has.
    case promoted
    /// Each on another item, with the largest norm that a member's own code can encode: 2^30 grid
    /// steps under masks, a float near the end of the range where the coordinator clips.
    case largest
  }

  static func run() throws {
    for mode in [AggregationMode.secaggDDP, .sealed] {
      try measure(mode: mode, attack: .random, hostile: 0)
      for attack in Attack.allCases {
        for hostile in [1, 5, 20] { try measure(mode: mode, attack: attack, hostile: hostile) }
      }
    }
  }

  private static func measure(mode: AggregationMode, attack: Attack, hostile: Int) throws {
    let federation = try BenchmarkFederation(
      count: memberCount, dimension: itemCount, mode: .secaggDDP, noiseSource: .seeded)
    let everyone = Array(1...ClientID(memberCount))
    let honest = Array(everyone.dropFirst(hostile))
    var generator = SeededRandom(seed: 7)
    let updates = Dictionary(
      uniqueKeysWithValues: everyone.map { ($0, honestUpdate(using: &generator)) })
    var exact = [Double](repeating: 0, count: itemCount)
    for id in honest {
      for (item, value) in (updates[id] ?? []).enumerated() { exact[item] += Double(value) }
    }
    let popular = topItems(of: exact)
    var attacks: [ClientID: [Float]] = [:]
    for (index, id) in everyone.prefix(hostile).enumerated() {
      attacks[id] = hostileUpdate(
        attack, of: index, popular: popular, mode: mode, using: &generator)
    }
    let own = try FixedPointEncoding(fractionBits: 30, clipNorm: 1)
    let parameters = try MaskingParameters(
      cohortSize: memberCount, policy: federation.maskingPolicy)
    let shares = try federation.sharesSum(of: everyone, parameters: parameters)

    var plain = shares
    for id in honest {
      FixedPointEncoding.accumulate(
        try federation.encoding.encode(updates[id] ?? []), into: &plain)
    }
    let released: [Double]
    if mode.isMasked {
      var cohort = try InProcessCohort(federation) { id in
        guard let update = attacks[id] else { return (updates[id] ?? [], federation.encoding) }
        return (update, attack == .largest ? own : federation.encoding)
      }
      try cohort.run()
      guard let sum = cohort.sum else { preconditionFailure("the round has a sum") }
      released = sum.released.values
    } else {
      // The coordinator clips; the noise is the same, so that only the attack differs.
      var sum = plain
      for update in attacks.values {
        FixedPointEncoding.accumulate(try federation.encoding.encode(update), into: &sum)
      }
      released = federation.encoding.decode(sum)
    }
    let error = zip(released, federation.encoding.decode(plain)).reduce(0) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
    }.squareRoot()
    let norm =
      attack == .largest && mode.isMasked
      ? Double(1 << (own.fractionBits - federation.encoding.fractionBits)) : 1
    precondition(error <= Double(hostile) * norm * (1 + 1e-9), "the bound holds")
    let list = topItems(of: released)
    Measurement.report(
      "hostile: \(hostile) of \(memberCount) members, \(attack.rawValue), \(mode.rawValue)",
      [
        "error_in_clip_norms": error, "bound_in_clip_norms": Double(hostile) * norm,
        "top_10_kept": Double(Set(list).intersection(popular).count),
        "top_10_chosen_by_hostile": Double(list.count { $0 >= itemCount - hostile }),
      ])
  }

  private static func honestUpdate(using generator: inout SeededRandom) -> [Float] {
    // Inverse of the Zipf distribution's cumulative sum; the last item stays without a buyer.
    let weights = (1..<itemCount).map { 1 / Double($0) }
    let total = weights.reduce(0, +)
    var items: Set<Int> = []
    while items.count < itemsPerMember {
      var remaining = Double.random(in: 0..<total, using: &generator)
      let item = weights.firstIndex { weight in
        remaining -= weight
        return remaining < 0
      }
      items.insert(item ?? 0)
    }
    let value = 1 / Float(itemsPerMember).squareRoot()
    return (0..<itemCount).map { items.contains($0) ? value : 0 }
  }

  private static func hostileUpdate(
    _ attack: Attack, of index: Int, popular: [Int], mode: AggregationMode,
    using generator: inout SeededRandom
  ) -> [Float] {
    var update = [Float](repeating: 0, count: itemCount)
    switch attack {
    case .signFlipped:
      for item in popular { update[item] = -1 / Float(popular.count).squareRoot() }
    case .random:
      for item in update.indices {
        update[item] = (Bool.random(using: &generator) ? 1 : -1) / Float(itemCount).squareRoot()
      }
    case .promoted: update[itemCount - 1] = 1
    case .largest: update[itemCount - 1 - index] = mode.isMasked ? 1 : 3e38
    }
    return update
  }

  private static func topItems(of sum: [Double]) -> [Int] {
    Array(sum.indices.sorted { (sum[$0], $1) > (sum[$1], $0) }.prefix(listLength))
  }
}
