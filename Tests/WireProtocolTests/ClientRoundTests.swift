import Cryptography
import SecureAggregation
import Testing
import WireProtocol

@Suite("Client round")
struct ClientRoundTests {
  private let harness: RoundHarness
  private let proceed: ClientRoundEvent
  private let update: [Float] = [0.5, 0, 0, -0.5]

  init() throws {
    harness = try RoundHarness(minimumCohort: 1)
    proceed = .message(.proceed(Proceed(round: harness.offer.round)))
  }

  private func makeRound(id: ClientID = 1) throws -> ClientRound {
    ClientRound(
      offer: harness.offer, context: harness.context, clientID: id,
      identity: try RoundHarness.identity(id))
  }

  private func result(_ rejection: UpdateRejection?, round: UInt64? = nil) -> ClientRoundEvent {
    .message(
      .updateResult(UpdateResult(round: round ?? harness.offer.round, rejection: rejection)))
  }

  /// A round whose update is sealed and waits for its journal entry, and the entry's digest.
  private func sealedRound() throws -> (round: ClientRound, digest: [UInt8]) {
    var round = try makeRound()
    _ = try round.handle(.decided(joins: true))
    _ = try round.handle(proceed)
    let effects = try round.handle(.updateReady(update))
    guard case .journal(let digest)? = effects.first, effects.count == 1 else {
      Issue.record("expected a journal entry and nothing else, not \(effects)")
      return (round, [])
    }
    return (round, digest)
  }

  private func messages(_ effects: [ClientRoundEffect]) -> [Message] {
    effects.compactMap { if case .send(let message) = $0 { message } else { nil } }
  }

  @Test("answer, compute, journal, send, settle; and the coordinator takes what was sent")
  func happyPath() throws {
    var round = try makeRound()
    let joins = Message.answer(Answer(round: harness.offer.round, joins: true))
    #expect(try round.handle(.decided(joins: true)) == [.send(joins)])
    #expect(try round.handle(proceed) == [.computeUpdate])
    let effects = try round.handle(.updateReady(update))
    #expect(!round.hasSent)
    let sent = messages(try round.handle(.journaled))
    #expect(round.hasSent && !round.isSettled)
    guard case .updateHeader(let header)? = sent.first else {
      Issue.record("the header comes first")
      return
    }
    #expect(effects == [.journal(digest: header.digest)])
    try harness.join(1)
    #expect(harness.send(sent, from: 1).results == ["1 accepted"])
    let sum = try harness.releaseExactSum()
    #expect(sum == [0.5, 0, 0, -0.5])
    let settled = ClientRoundEffect.settled(accepted: true, detail: "accepted")
    #expect(try round.handle(result(nil)) == [settled])
    #expect(round.isSettled)
  }

  @Test("nothing is sent before the journal entry is durable")
  func journalComesFirst() throws {
    var (round, _) = try sealedRound()
    #expect(try round.handle(proceed).isEmpty)
    #expect(try round.handle(.updateReady(update)).isEmpty)
    #expect(!round.hasSent)
    #expect(messages(try round.handle(.journaled)).count == 2)
  }

  @Test("a sealed update that was never journalled is journalled first, also after a reconnect")
  func journalComesFirstAfterReconnect() throws {
    // The storage failed, or the connection was lost, between sealing and the journal entry.
    var (round, digest) = try sealedRound()
    _ = round.reconnected()
    let effects = try round.handle(proceed)
    #expect(effects == [.journal(digest: digest)])
    #expect(!round.hasSent)
  }

  @Test("a declined round asks for nothing and sends one answer of the usual size")
  func declined() throws {
    var round = try makeRound()
    let declines = Message.answer(Answer(round: harness.offer.round, joins: false))
    let joins = Message.answer(Answer(round: harness.offer.round, joins: true))
    #expect(try round.handle(.decided(joins: false)) == [.send(declines)])
    #expect(declines.encoded().count == joins.encoded().count)
    #expect(round.isSettled && !round.hasSent)
    #expect(try round.handle(proceed).isEmpty)
    #expect(try round.handle(.updateReady(update)).isEmpty)
    #expect(try round.handle(.journaled).isEmpty)
    #expect(try round.handle(result(nil)).isEmpty)
    #expect(round.reconnected().isEmpty)
  }

  @Test("an update of the wrong length or with a value that is not finite goes nowhere")
  func badUpdate() throws {
    for (bad, rejection): ([Float], UpdateRejection) in [
      ([0, 0, 0], .wrongLength), ([0, 0, 0, 0, 0], .wrongLength), ([], .wrongLength),
      ([0, .nan, 0, 0], .nonFinite), ([.infinity, 0, 0, 0], .nonFinite),
    ] {
      var round = try makeRound()
      _ = try round.handle(.decided(joins: true))
      _ = try round.handle(proceed)
      #expect(throws: rejection) { try round.handle(.updateReady(bad)) }
      #expect(try round.handle(.journaled).isEmpty)
      #expect(!round.hasSent)
    }
  }

  @Test("after a lost connection the same sealed bytes are sent again", arguments: [1, 2, 5])
  func resend(times: Int) throws {
    var (round, _) = try sealedRound()
    let sent = messages(try round.handle(.journaled))
    for _ in 0..<times {
      let joins = Message.answer(Answer(round: harness.offer.round, joins: true))
      #expect(round.reconnected() == [.send(joins)])
      #expect(messages(try round.handle(proceed)) == sent)
    }
  }

  @Test("a connection lost while the update is computed leads to one update")
  func lostWhileComputing() throws {
    var round = try makeRound()
    _ = try round.handle(.decided(joins: true))
    _ = try round.handle(proceed)
    _ = round.reconnected()
    // The answer to the first request comes before the new slot: it waits for its turn.
    #expect(try round.handle(.updateReady(update)).isEmpty)
    #expect(try round.handle(proceed) == [.computeUpdate])
    #expect(try round.handle(.updateReady(update)).count == 1)
    #expect(try round.handle(.updateReady(update)).isEmpty)
  }

  @Test("a round that is settled stays settled", arguments: [nil, UpdateRejection.badSeal])
  func settled(rejection: UpdateRejection?) throws {
    var (round, _) = try sealedRound()
    _ = try round.handle(.journaled)
    let detail = rejection?.rawValue ?? "accepted"
    let first = try round.handle(result(rejection))
    #expect(first == [.settled(accepted: rejection == nil, detail: detail)])
    #expect(try round.handle(result(nil)).isEmpty)
    #expect(try round.handle(proceed).isEmpty)
    #expect(round.reconnected().isEmpty)
  }

  @Test("messages of another round change nothing")
  func otherRound() throws {
    var round = try makeRound()
    _ = try round.handle(.decided(joins: true))
    let other = harness.offer.round + 1
    #expect(try round.handle(.message(.proceed(Proceed(round: other)))).isEmpty)
    #expect(try round.handle(result(.tooSlow, round: other)).isEmpty)
    #expect(try round.handle(proceed) == [.computeUpdate])
  }

  @Test("the sealed update opens for its client and its round only")
  func sealIsBound() throws {
    var (round, _) = try sealedRound()
    let sent = messages(try round.handle(.journaled))
    for id: ClientID in 1...2 { try harness.join(id) }
    #expect(harness.send(sent, from: 2).results.first == "2 bad-signature")
    #expect(harness.send(sent, from: 1).results == ["1 accepted"])
  }

  @Test("messages have sizes that follow from the offer alone")
  func sizesTellNothing() throws {
    func sizes(_ update: [Float]) throws -> [Int] {
      var round = try makeRound()
      var sent = messages(try round.handle(.decided(joins: true)))
      _ = try round.handle(proceed)
      _ = try round.handle(.updateReady(update))
      sent += messages(try round.handle(.journaled))
      return sent.map { $0.encoded().count }
    }
    let empty = try sizes([0, 0, 0, 0])
    #expect(try sizes([1, 0, 0, 0]) == empty)
    #expect(try sizes([0.1, -0.2, 0.3, -0.4]) == empty)
  }
}
