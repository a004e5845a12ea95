import SecureAggregation
import VectorMath
import WireProtocol

/// One masked round in one process: the members' and the coordinator's own state machines, every
/// message encoded and decoded, no sockets.
struct InProcessCohort: ~Copyable {
  /// Who sends no message of which kind: ids with this rest by the period.
  struct Silence {
    let period: ClientID
    let rests: [(kind: Message.Kind, rest: ClientID)]

    func holds(_ id: ClientID, _ kind: Message.Kind) -> Bool {
      rests.contains { id % period == $0.rest && kind == $0.kind }
    }
  }

  /// What a member puts into the sum: its values, and the grid that its own code encodes them on.
  typealias Contribution = (ClientID) throws -> (update: [Float], encoding: FixedPointEncoding)

  private let federation: BenchmarkFederation
  private let silence: Silence
  private let contribution: Contribution
  private var round: MaskedCoordinatorRound?
  private var clients: [MaskedClientRound] = []
  private var queue: [(ClientID, [UInt8])] = []
  private(set) var sum: (released: NoisedSum, parameters: MaskingParameters)?
  private(set) var removal: MaskRemoval?
  /// CPU seconds in the coordinator's part of the round.
  private(set) var coordinatorSeconds = 0.0

  private static let uploadSeconds: Int64 = 60

  /// - Parameter contribution: one-hot on the round's grid by default.
  init(
    _ federation: BenchmarkFederation, silence: Silence = Silence(period: 1, rests: []),
    contribution: Contribution? = nil
  ) throws {
    self.federation = federation
    self.silence = silence
    self.contribution = contribution ?? { (federation.update(of: $0), federation.encoding) }
    round = federation.coordinatorRound(
      uploadSlots: 16, uploadSeconds: Int(Self.uploadSeconds))
    let rosters = RosterCache()
    for id in 1...ClientID(federation.count) {
      clients.append(
        try federation.clientRound(
          id, rosters: rosters, noise: IndexedShares(id),
          encoding: self.contribution(id).encoding))
    }
  }

  mutating func run() throws {
    for id in 1...ClientID(federation.count) {
      try coordinate(try federation.connected(id))
    }
    var seconds: Int64 = 0
    while sum == nil {
      while !queue.isEmpty {
        let waiting = queue
        queue = []
        for (id, payload) in waiting { try deliver(try Message(decoding: payload), to: id) }
      }
      // Those who fell silent are given up: in a slot after its time, else at the deadline.
      seconds += Self.uploadSeconds
      precondition(seconds < 36_000, "the round comes to an end")
      try coordinate(.clock(MonotonicTime(milliseconds: seconds * 1_000)))
    }
  }

  private mutating func deliver(_ message: Message, to id: ClientID) throws {
    if case .offer = message { return try advance(.decided(joins: true), id) }
    if message.kind == .survivors || message.kind == .proof {
      try advance(.holds(try federation.held()), id)
    }
    try advance(.message(message), id)
  }

  private mutating func advance(_ event: ClientRoundEvent, _ id: ClientID) throws {
    for effect in try clients[Int(id) - 1].handle(event) {
      switch effect {
      case .send(let message):
        guard !silence.holds(id, message.kind) else { continue }
        try coordinate(.message(id, try Message(decoding: message.encoded())))
      case .computeUpdate: try advance(.updateReady(contribution(id).update), id)
      case .journal: try advance(.journaled, id)
      case .left(let refusal):
        // Whoever did not say which checkpoint it holds gets a proof that it cannot accept.
        guard silence.holds(id, .agree) else { throw MemberLeft(id: id, refusal: refusal) }
      case .settled, .keep, .giveBack: break
      }
    }
  }

  private mutating func coordinate(_ event: CoordinatorRoundEvent) throws {
    let start = Measurement.cpuSeconds()
    try perform(round?.handle(event) ?? [])
    coordinatorSeconds += Measurement.cpuSeconds() - start
  }

  private mutating func perform(_ effects: [CoordinatorRoundEffect]) throws {
    for effect in effects {
      switch effect {
      case .send(let id, let message): queue.append((id, message.encoded()))
      case .broadcast(let ids, let message):
        let payload = message.encoded()
        queue += ids.map { ($0, payload) }
      case .charge:
        guard let parameters = round?.parameters else { continue }
        let (charge, evidence) = try federation.charge(parameters)
        try perform(round?.prove(after: charge, evidence: evidence) ?? [])
      case .unmask(let removal):
        self.removal = removal
        try perform(round?.unmask(removal.correctionsOnThisThread()) ?? [])
      case .release:
        guard let parameters = round?.parameters, let ended = round.take() else { continue }
        var noise = SystemNoise()
        var block: CorrelatedAggregation?
        sum = (try ended.release(noise: &noise, block: &block), parameters)
      case .burn(let reason, _), .void(let reason): preconditionFailure("no sum: \(reason)")
      }
    }
  }
}

/// A member that has no reason to leave the round has left it.
struct MemberLeft: Error {
  let id: ClientID
  let refusal: RoundRefusal
}
