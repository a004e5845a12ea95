internal import Federation
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy
internal import Transport
internal import WireProtocol

/// What `serve` says on stderr, one line an event. No line holds a client id or a figure of one
/// client.
final class ServeReporter: Sendable {
  private static let roundsForDevicesWorthSaying = 100

  func listening(host: String, port: Int, federation: OpenedFederation) {
    let policy = federation.identity.policy
    let state = federation.ledger.state
    let recovery = federation.recovery
    if let round = recovery.burnedRound {
      line("recover  round \(round) was charged and has no output: burned, its charge stays")
    }
    if let round = recovery.voidedRound {
      line("recover  round \(round) was open and not charged: void, free")
    }
    if let restoration = federation.restoration { line("restored \(restoration.sentence)") }
    if federation.orphanCount > 0 {
      line("recover  \(federation.orphanCount) file(s) of models that were never released: removed")
    }
    line("mode     \(PolicyText.modeSentence(of: policy))")
    line(
      "budget   epsilon \(Format.decimal(state.epsilonSpent, places: 4)) of "
        + "\(policy.epsilonLimit) spent at delta \(policy.delta), per customer")
    if state.roundsForDevices < Self.roundsForDevicesWorthSaying {
      line(
        "devices  those that saw every round join \(state.roundsForDevices) more: they add up "
          + "\(Format.count(ProvenSpend.maximumEntries)) charges and releases of one ledger; train on under a new "
          + "one and new consent")
    }
    line("next     round \(state.lastRound + 1)")
    line("listen   \(host):\(port)")
  }

  func operations(port: Int) {
    line("pages    http://127.0.0.1:\(port)/ and /metrics, on loopback only")
  }

  func report(_ note: CoordinatorNote) {
    switch note {
    case .loginRefused(let code): line("refused  \(code.meaning)")
    case .roundOffered(let round, let stage, let members, let dimension):
      line(
        "round \(round)  \(stage): offered to \(Format.count(members)) members, "
          + "\(Format.count(dimension)) numbers each")
    case .roundCharged(let round, let contributors):
      line("round \(round)  charged; \(Format.count(contributors)) contributions")
    case .roundReleased(let round, _, let ratio):
      line("round \(round)  released; \(PolicyText.signal(ratio))")
    case .roundVoid(let round, let reason): line("round \(round)  void, free: \(reason)")
    case .roundBurned(let round, let reason, let excluded):
      line("round \(round)  burned, its charge stays: \(reason)")
      if excluded > 0 {
        line("round \(round)  \(Format.count(excluded)) member(s) are offered no more rounds")
      }
    case .sharesUnreadable(let round, let dealers, let holders):
      line(
        "round \(round)  shares of \(Format.count(dealers.count)) member(s) (\(Self.list(dealers))) did not open "
          + "for \(Self.list(holders)); the round went on without them. Dealer or holder may be at fault"
      )
    case .retryRefused:
      line("error: a charged round gave no sum, and its updates are not asked for again")
      line(
        "why:   in mode secagg the coordinator may hold that sum: a second one, of nearly the same "
          + "customers, would show what the others sent")
      line(
        "next:  the model released last is served; train on under a new ledger and new consent: "
          + "coordinator init --mode secagg-ddp, which retries")
    case .updatesRejected(let round, let counts):
      let list = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      line("round \(round)  rejected: \(list.joined(separator: ", "))")
    case .sharesInconsistent(let round, let owners, let holders):
      line(
        "round \(round)  shares of \(Format.count(owners.count)) member(s) (\(Self.list(owners))) do not fit what "
          + "they committed to; revealed by \(Self.list(holders)). The sum is right; owner or holder may be at fault"
      )
    case .budgetRefused(let spent, let withRound, let limit, let left, let all):
      line("error: the next round is refused before it starts")
      line(
        "why:   epsilon \(Format.decimal(spent, places: 4)) of \(limit) is spent and it would reach "
          + "\(Format.decimal(withRound, places: 4)); \(left) such round(s) would have fitted, "
          + "\(all) in an unspent budget")
      line("next:  a new period is a new ledger and new consent: coordinator init")
    }
  }

  func report(_ event: TransportServerEvent) {
    switch event {
    case .handshakeFailed(let error, _): line("refused  a TLS handshake failed: \(error)")
    case .connectionRefused(let limit, _):
      line("refused  a connection: \(limit) are open (maximum-connections)")
    }
  }

  func finished() { line("trained  the plan is complete; the model is served until SIGTERM") }

  private static func list(_ ids: [ClientID]) -> String {
    ids.prefix(5).map(String.init).joined(separator: ", ") + (ids.count > 5 ? ", ..." : "")
  }

  private func line(_ text: String) { StandardError.write(text + "\n") }
}
