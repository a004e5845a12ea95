internal import VectorMath

/// Counts how often each shown item is the best of what was left at its position, over draws of the
/// coefficients: what the propensities of Thompson sampling are estimated from.
///
/// The answer is that of ranking all candidates at each position under each draw, ties by ascending place.
/// But a shown item loses a draw to the first candidate that beats it, and most draws are lost to the few
/// candidates with the highest scores. What is left is settled by a bound: no candidate gains more under a
/// draw than the norms of its vector and of the draw (Cauchy and Schwarz). So the product of all vectors
/// with all draws is never formed, and nothing is left out.
struct ThompsonContest {
  /// A position of the slate.
  struct Position {
    /// What stands there.
    let item: Int
    /// One a catalogue item, before anything is drawn.
    let totals: [Float]
  }

  /// Positions of one contest at most: their totals are kept until it ends.
  static let mostPositions = 16
  /// Candidates of the first block; each has twice as many as the one before, up to the last.
  private static let firstBlock = 32
  private static let largestBlock = 512
  private static let buckets = 256

  private let positions: [Position]
  private let draws: CoefficientDraws
  /// Where an item is shown, as an index of ``positions``.
  private let shownAt: [Int: Int]
  /// By position, then draw: the shown item's sampled total; infinite once it was beaten.
  private var standing: [Float]
  /// By draw: the lowest of its standing totals.
  private var lowest: [Float]
  /// By draw: what no candidate gains more than.
  private let bounds: [Float]

  /// - Parameters:
  ///   - positions: at least one, in order.
  ///   - candidates: what was left before the first of them, the shown items included.
  /// - Returns: draws won, by position.
  static func wins(
    of positions: [Position], among candidates: [Int], draws: CoefficientDraws
  ) -> [Int] {
    // By candidate: the highest of its totals at the positions.
    var keys = [Float](repeating: -.infinity, count: draws.vectors.rows)
    for position in positions {
      for candidate in candidates {
        keys[candidate] = max(keys[candidate], position.totals[candidate])
      }
    }
    let order = roughlyDescending(candidates, by: keys)
    var contest = ThompsonContest(positions, draws)
    var start = 0
    var size = firstBlock
    while start < order.count {
      let block = order[start..<min(start + size, order.count)]
      contest.challenge(Array(block), keys: keys)
      start += size
      size = min(2 * size, largestBlock)
    }
    return contest.wins
  }

  private init(_ positions: [Position], _ draws: CoefficientDraws) {
    self.positions = positions
    self.draws = draws
    shownAt = Dictionary(
      uniqueKeysWithValues: positions.enumerated().map { ($1.item, $0) })
    bounds = draws.bounds()
    standing = draws.rewards(of: positions.map(\.item), draws: Array(0..<draws.count)).storage
    lowest = [Float](repeating: .infinity, count: draws.count)
    for (place, position) in positions.enumerated() {
      for draw in 0..<draws.count {
        standing[place * draws.count + draw] += position.totals[position.item]
      }
    }
    settle(Array(0..<draws.count))
  }

  private var wins: [Int] {
    positions.indices.map { place in
      standing[place * draws.count..<(place + 1) * draws.count].count { $0.isFinite }
    }
  }

  private mutating func settle(_ changed: [Int]) {
    for draw in changed {
      lowest[draw] = positions.indices.reduce(.infinity) {
        min($0, standing[$1 * draws.count + draw])
      }
    }
  }

  /// Lets the candidates of `block` beat what they beat.
  private mutating func challenge(_ block: [Int], keys: [Float]) {
    let highest = block.reduce(-Float.infinity) { max($0, keys[$1]) }
    let active = (0..<draws.count).filter { highest + bounds[$0] >= lowest[$0] }
    guard !active.isEmpty else { return }
    let rewards = draws.rewards(of: block, draws: active).storage
    let floors = active.map { lowest[$0] }
    for (row, candidate) in block.enumerated() {
      let start = row * active.count
      let key = keys[candidate]
      var isContender = false
      // Rounding keeps order: where this sum is too low, so is that of every position.
      for column in 0..<active.count where rewards[start + column] + key >= floors[column] {
        isContender = true
        break
      }
      guard isContender else { continue }
      let ownPlace = shownAt[candidate] ?? positions.count
      for place in positions.indices where place < ownPlace {
        let total = positions[place].totals[candidate]
        let comesFirst = candidate < positions[place].item
        for column in 0..<active.count {
          let sampled = rewards[start + column] + total
          let index = place * draws.count + active[column]
          if sampled > standing[index] || (sampled == standing[index] && comesFirst) {
            standing[index] = .infinity
          }
        }
      }
    }
    settle(active)
  }

  /// The candidates in descending order of their keys, up to the width of a bucket: the order saves
  /// time only.
  private static func roughlyDescending(_ candidates: [Int], by keys: [Float]) -> [Int] {
    var (least, most) = (Float.infinity, -Float.infinity)
    for candidate in candidates {
      least = min(least, keys[candidate])
      most = max(most, keys[candidate])
    }
    guard most > least else { return candidates }
    func bucket(_ candidate: Int) -> Int {
      Int((most - keys[candidate]) / (most - least) * Float(buckets - 1))
    }
    var starts = [Int](repeating: 0, count: buckets + 1)
    for candidate in candidates { starts[bucket(candidate) + 1] += 1 }
    for index in 1...buckets { starts[index] += starts[index - 1] }
    var ordered = candidates
    for candidate in candidates {
      let place = bucket(candidate)
      ordered[starts[place]] = candidate
      starts[place] += 1
    }
    return ordered
  }
}
