internal import Cryptography

/// Who shares a mask with whom, and who holds whose shares.
///
/// Members are named by their place in the roster. On a ring, their order comes from a seed that
/// depends on every advert, and neighbours are those at distance at most k/2.
struct MaskingGraph: Sendable {
  let parameters: MaskingParameters
  /// Members by place on the ring; empty on a complete graph.
  private let ring: [Int]
  /// Place on the ring by member; empty on a complete graph.
  private let places: [Int]

  init(parameters: MaskingParameters, rosterContext: [UInt8]) {
    self.parameters = parameters
    switch parameters.graph {
    case .complete:
      ring = []
      places = []
    case .harary:
      var stream = DeterministicStream(
        seed: MaskingTranscript.graphSeed(rosterContext: rosterContext))
      ring = stream.permutation(count: parameters.cohortSize)
      var places = [Int](repeating: 0, count: ring.count)
      for (place, member) in ring.enumerated() { places[member] = place }
      self.places = places
    }
  }

  /// The neighbours of `member` in ascending order: `degree` of them.
  func neighbours(of member: Int) -> [Int] {
    switch parameters.graph {
    case .complete:
      return (0..<parameters.cohortSize).filter { $0 != member }
    case .harary:
      let count = ring.count
      return (1...parameters.windowLength).flatMap { distance in
        [
          ring[(places[member] + distance) % count],
          ring[(places[member] + count - distance) % count],
        ]
      }.sorted()
    }
  }

  /// The index of `holder` in `neighbours(of: dealer)`, or nil if they are no neighbours.
  func index(of holder: Int, amongNeighboursOf dealer: Int) -> Int? {
    switch parameters.graph {
    case .complete:
      return holder == dealer ? nil : holder - (holder > dealer ? 1 : 0)
    case .harary:
      let count = ring.count
      let distance = (places[holder] + count - places[dealer]) % count
      guard distance > 0, min(distance, count - distance) <= parameters.windowLength else {
        return nil
      }
      return (1...parameters.windowLength).reduce(0) { smaller, distance in
        smaller + (ring[(places[dealer] + distance) % count] < holder ? 1 : 0)
          + (ring[(places[dealer] + count - distance) % count] < holder ? 1 : 0)
      }
    }
  }

  /// Whether every window of the ring keeps so many survivors that one of them is honest, so that
  /// honest survivors stay connected whoever was dropped (§3.5). True on a complete graph.
  func windowsHold(survivors: MemberSet) -> Bool {
    guard parameters.graph == .harary else { return true }
    let missing = ring.map { survivors.contains($0) ? 0 : 1 }
    var inWindow = missing.prefix(parameters.windowLength).reduce(0, +)
    for start in missing.indices {
      if inWindow > parameters.windowDropoutLimit { return false }
      inWindow += missing[(start + parameters.windowLength) % missing.count] - missing[start]
    }
    return true
  }
}
