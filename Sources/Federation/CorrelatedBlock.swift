internal import Privacy
internal import WireProtocol

/// The block of correlated noise that a coordinator has under way, but for its past sums: where it stands
/// and who took part.
///
/// In memory only. A process that ends has ended its block, and with it the need for the record of who
/// took part; a new block is charged anew (ruling 20).
struct CorrelatedBlock: Sendable {
  let noise: CorrelatedNoise
  /// Number of the round that began the block.
  let start: UInt64
  let dimension: Int
  /// The round of the block that comes next, from 0.
  private(set) var nextRound = 0
  private var records: [ClientID: ParticipationRecord] = [:]
  /// Members that the open round is offered to; nil for all.
  private(set) var invited: Set<ClientID>?

  /// A block that `offer` begins.
  init(noise: CorrelatedNoise, offer: Offer) {
    self.noise = noise
    start = offer.round
    dimension = Int(offer.dimension)
  }

  /// Whether the rule lets this member into the block's next round.
  func mayTakePart(_ id: ClientID) -> Bool {
    noise.rule.objection(to: nextRound, after: record(of: id)) == nil
  }

  /// Chooses who is offered the next round, where the rule is a limit: those who took part least and
  /// longest ago, so that there are members left for every round.
  mutating func invite(_ members: some Sequence<ClientID>, targetCohort: Int) {
    guard noise.restrictsParticipation else {
      invited = nil
      return
    }
    let eligible = members.filter(mayTakePart).sorted { left, right in
      let (first, second) = (record(of: left), record(of: right))
      return (first.count, first.lastRound ?? -1, left)
        < (second.count, second.lastRound ?? -1, right)
    }
    invited = Set(eligible.prefix(targetCohort))
  }

  /// Writes down who is in the charged sum, before it is released.
  mutating func recordParticipation(of members: [ClientID]) throws {
    for id in members {
      try records[id, default: ParticipationRecord()].participate(in: nextRound, under: noise.rule)
    }
  }

  /// The round's sum is released.
  mutating func advance() { nextRound += 1 }

  private func record(of id: ClientID) -> ParticipationRecord {
    records[id] ?? ParticipationRecord()
  }
}
