/// The round that a client is in, whatever its mode.
package enum OpenClientRound: Sendable {
  case sealed(ClientRound)
  case masked(MaskedClientRound)

  package var offer: Offer {
    switch self {
    case .sealed(let round): round.offer
    case .masked(let round): round.offer
    }
  }

  package var isSettled: Bool {
    switch self {
    case .sealed(let round): round.isSettled
    case .masked(let round): round.isSettled
    }
  }

  /// What has left this process under masks cannot be recalled, and holds the others up if its
  /// sender does not go on; a sealed update could be sent again, and must not be.
  package var isBeyondRecall: Bool {
    switch self {
    case .sealed: false
    case .masked(let round): round.hasSent
    }
  }

  /// Advances the round by one event.
  package mutating func handle(_ event: ClientRoundEvent) throws -> [ClientRoundEffect] {
    switch self {
    case .sealed(var round):
      defer { self = .sealed(round) }
      return try round.handle(event)
    case .masked(var round):
      defer { self = .masked(round) }
      return try round.handle(event)
    }
  }

  /// The connection was lost and made again, and the coordinator offers the same round.
  package mutating func reconnected() -> [ClientRoundEffect] {
    switch self {
    case .sealed(var round):
      defer { self = .sealed(round) }
      return round.reconnected()
    case .masked(var round):
      defer { self = .masked(round) }
      return round.reconnected()
    }
  }

  /// Erases the secrets of the round.
  package mutating func end() {
    guard case .masked(var round) = self else { return }
    round.end()
    self = .masked(round)
  }
}
