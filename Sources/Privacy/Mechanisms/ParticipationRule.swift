/// How often, and how far apart, one client may take part in the rounds of one correlated release.
///
/// The sensitivity of correlated noise rests on this rule. The coordinator enforces it, and each client
/// checks it against its own record, because a broken rule breaks the guarantee silently.
package struct ParticipationRule: Sendable, Equatable {
  /// Rounds in the block, numbered from 0.
  package let roundCount: Int
  /// b: two rounds of one client are at least this far apart; 1 allows every round.
  package let minimumSeparation: Int
  /// k: rounds of one client in the block.
  package let maximumParticipations: Int

  /// - Parameters:
  ///   - roundCount: in 1...1_000_000.
  ///   - minimumSeparation: in 1...`roundCount`.
  ///   - maximumParticipations: 1 or more; what the separation allows, if nil.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)``.
  package init(
    roundCount: Int, minimumSeparation: Int, maximumParticipations: Int? = nil
  ) throws(PrivacyError) {
    try RenyiMechanism.require(
      "rounds", Double(roundCount), (1...1_000_000).contains(roundCount), accepted: "1 to 1000000")
    try RenyiMechanism.require(
      "minimum separation", Double(minimumSeparation),
      (1...roundCount).contains(minimumSeparation), accepted: "1 to \(roundCount)")
    let possible = (roundCount + minimumSeparation - 1) / minimumSeparation
    let allowed = maximumParticipations ?? possible
    try RenyiMechanism.require(
      "maximum participations", Double(allowed), allowed >= 1, accepted: "1 or more")
    self.roundCount = roundCount
    self.minimumSeparation = minimumSeparation
    self.maximumParticipations = min(allowed, possible)
  }

  /// Why a client with this record may not take part in `round`, or nil if it may.
  package func objection(to round: Int, after record: ParticipationRecord)
    -> ParticipationObjection?
  {
    guard (0..<roundCount).contains(round) else { return .roundOutOfBlock(round) }
    guard let last = record.lastRound else { return nil }
    let next = last.addingReportingOverflow(minimumSeparation)
    if next.overflow || round < next.partialValue {
      return .tooSoon(round: round, earliest: next.partialValue)
    }
    return record.count < maximumParticipations ? nil : .tooOften(limit: maximumParticipations)
  }
}

/// Why a client may not take part in a round of a block.
package enum ParticipationObjection: Error, Equatable, Sendable {
  case roundOutOfBlock(Int)
  /// The next round that the separation allows.
  case tooSoon(round: Int, earliest: Int)
  case tooOften(limit: Int)
}

extension ParticipationObjection: CustomStringConvertible {
  package var description: String {
    switch self {
    case .roundOutOfBlock(let round): "round \(round) is not one of its block"
    case .tooSoon(let round, let earliest):
      "round \(round) of its block comes too soon: this device may take part from round \(earliest)"
    case .tooOften(let limit):
      "this device has taken part in \(limit) rounds of the block, its limit"
    }
  }
}

/// One client's rounds in one block: what the coordinator keeps a client under a pseudonym, and the
/// client about itself.
package struct ParticipationRecord: Sendable, Equatable {
  package private(set) var lastRound: Int?
  package private(set) var count = 0

  package init() {}

  /// Restores a record that was stored.
  /// - Throws: ``PrivacyError/invalidParameter(name:value:accepted:)`` unless count and last round
  ///   belong together.
  package init(lastRound: Int?, count: Int) throws(PrivacyError) {
    let isPossible = lastRound.map { $0 >= 0 && count >= 1 && count - 1 <= $0 } ?? (count == 0)
    try RenyiMechanism.require(
      "participations", Double(count), isPossible, accepted: "as many as rounds passed")
    self.lastRound = lastRound
    self.count = count
  }

  /// Records that the client takes part in `round`. To be stored before anything is sent: what is
  /// recorded in excess costs a round, what is not recorded costs privacy.
  /// - Throws: the rule's objection; the record is then unchanged.
  package mutating func participate(
    in round: Int, under rule: ParticipationRule
  ) throws(ParticipationObjection) {
    if let objection = rule.objection(to: round, after: self) { throw objection }
    lastRound = round
    count += 1
  }
}
