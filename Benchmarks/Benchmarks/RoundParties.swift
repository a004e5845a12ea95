import Cryptography
import Ledger
import SecureAggregation
import Transport
import WireProtocol

/// The coordinator's round behind sockets. A client says its number first.
actor RoundCoordinator {
  struct Outcome: Sendable {
    var contributorCount = 0
    /// Mean of the noise where the updates are, in clip norms.
    var markedMean = 0.0
    /// Variance of the noise over the promised one, sigma^2 |U3| / N_h.
    var varianceRatio = 0.0
    var degree = 0
    var bytesUp = 0
    var bytesDown = 0
    /// What tells a member who the others are, once for each that it meets; in none of the two above.
    var bytesOfCredentials = 0
  }

  private let federation: BenchmarkFederation
  private var round: MaskedCoordinatorRound?
  private var outboxes: [ClientID: FrameOutbox] = [:]
  private(set) var outcome = Outcome()
  private var released: CheckedContinuation<Void, Never>?
  private var isReleased = false
  private static let frameHeaderBytes = 4

  init(_ federation: BenchmarkFederation, round: consuming MaskedCoordinatorRound) {
    self.federation = federation
    self.round = consume round
  }

  func waitUntilReleased() async {
    if isReleased { return }
    await withCheckedContinuation { released = $0 }
  }

  nonisolated func serve(_ connection: FramedConnection) async {
    let outbox = FrameOutbox(capacity: 64)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await outbox.drain(into: connection) }
      do {
        var id: ClientID?
        for try await payload in connection.frames {
          if let id {
            try await received(payload, from: id)
          } else {
            id = try await register(payload, outbox)
          }
        }
      } catch {
        print("a client is lost: \(error)")
      }
      outbox.close()
    }
  }

  /// The round starts once everybody is here.
  private func register(_ payload: [UInt8], _ outbox: FrameOutbox) async throws -> ClientID {
    let id = payload.reduce(0) { $0 << 8 | ClientID($1) }
    outboxes[id] = outbox
    if outboxes.count == federation.count {
      var effects: [CoordinatorRoundEffect] = []
      for id in 1...ClientID(federation.count) {
        effects += round?.handle(try federation.connected(id)) ?? []
      }
      try await perform(effects)
    }
    return id
  }

  private func received(_ payload: [UInt8], from id: ClientID) async throws {
    let message = try Message(decoding: payload)
    let byteCount = payload.count + Self.frameHeaderBytes
    if message.kind == .askCredentials {
      outcome.bytesOfCredentials += byteCount
    } else {
      outcome.bytesUp += byteCount
    }
    try await perform(round?.handle(.message(id, message)) ?? [])
  }

  private func perform(_ effects: [CoordinatorRoundEffect]) async throws {
    for effect in effects {
      switch effect {
      case .send(let id, let message): send(message, to: [id])
      case .broadcast(let ids, let message): send(message, to: ids)
      case .charge:
        guard let parameters = round?.parameters else { continue }
        let (charge, evidence) = try federation.charge(parameters)
        try await perform(round?.prove(after: charge, evidence: evidence) ?? [])
      case .unmask(let removal):
        let corrections = await removal.corrections(workers: 2)
        try await perform(round?.unmask(corrections) ?? [])
      case .release: try release()
      case .burn(let reason, _), .void(let reason): preconditionFailure("no sum: \(reason)")
      }
    }
  }

  private func send(_ message: Message, to ids: [ClientID]) {
    let payload = message.encoded()
    for id in ids where outboxes[id]?.offer(.frame(payload)) == true {
      let byteCount = payload.count + Self.frameHeaderBytes
      if message.kind == .credentials {
        outcome.bytesOfCredentials += byteCount
      } else {
        outcome.bytesDown += byteCount
      }
    }
  }

  private func release() throws {
    guard let parameters = round?.parameters, let ended = round.take() else { return }
    var noise = SystemNoise()
    var block: CorrelatedAggregation?
    let sum = try ended.release(noise: &noise, block: &block)
    let everyone = Array(1...ClientID(federation.count))
    let drawn = federation.noise(in: sum, survivors: everyone)
    outcome.contributorCount = sum.contributorCount
    // Every member's own coordinate, from which its update has been taken off again.
    outcome.markedMean = everyone.reduce(0) { $0 + drawn[Int($1)] } / Double(everyone.count)
    let variance = drawn.reduce(0) { $0 + $1 * $1 } / Double(federation.dimension)
    outcome.varianceRatio =
      variance * Double(parameters.honestNoiseShares) / Double(everyone.count)
    outcome.degree = parameters.degree
    isReleased = true
    for outbox in outboxes.values { outbox.close() }
    released?.resume()
  }
}

/// One client's round behind a socket.
actor RoundClient {
  private let id: ClientID
  private let federation: BenchmarkFederation
  private var round: MaskedClientRound
  private let outbox = FrameOutbox(capacity: 128)

  init(_ id: ClientID, _ federation: BenchmarkFederation, round: MaskedClientRound) {
    self.id = id
    self.federation = federation
    self.round = round
  }

  nonisolated func serve(_ connection: FramedConnection) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [outbox] in await outbox.drain(into: connection) }
      let number = (0..<4).reversed().map { UInt8(truncatingIfNeeded: id >> (8 * ClientID($0))) }
      _ = outbox.offer(.frame(number))
      for try await payload in connection.frames { try await received(payload) }
      outbox.close()
      try await group.waitForAll()
    }
  }

  private func received(_ payload: [UInt8]) throws {
    let message = try Message(decoding: payload)
    if case .offer = message { return try advance(.decided(joins: true)) }
    if message.kind == .survivors || message.kind == .proof {
      try advance(.holds(try federation.held()))
    }
    try advance(.message(message))
  }

  private func advance(_ event: ClientRoundEvent) throws {
    for effect in try round.handle(event) {
      switch effect {
      case .send(let message): _ = outbox.offer(.frame(message.encoded()))
      case .computeUpdate: try advance(.updateReady(federation.update(of: id)))
      case .journal: try advance(.journaled)
      case .left(let refusal): throw MemberLeft(id: id, refusal: refusal)
      case .settled, .keep, .giveBack: break
      }
    }
  }
}
