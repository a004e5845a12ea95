/// How client updates become a sum, which decides what the coordinator can see.
package enum AggregationMode: String, CaseIterable, Sendable {
  /// The coordinator decrypts each update in memory, clips it and adds it; noise is drawn before
  /// anything leaves.
  case sealed
  /// Updates are masked and only their exact sum comes to light in the coordinator, which adds the
  /// noise.
  case secagg
  /// As `secagg`, and every client adds its share of the noise, so that only a noised sum comes to
  /// light.
  case secaggDDP = "secagg-ddp"

  /// Whether single updates exist in the clear in the coordinator's memory.
  package var coordinatorCanSeeUpdates: Bool {
    switch self {
    case .sealed: true
    case .secagg, .secaggDDP: false
    }
  }

  /// Whether clients mask their updates and unmask the sum together.
  package var isMasked: Bool { !coordinatorCanSeeUpdates }

  /// Whether the noise comes from the clients.
  package var clientsAddNoise: Bool { self == .secaggDDP }

  /// What the coordinator can and cannot see, for every command and report.
  package var sentence: String {
    switch self {
    case .sealed:
      "sealed: the coordinator decrypts each update in memory and could read it; only the noised "
        + "sum is kept or leaves the coordinator."
    case .secagg:
      "secagg: the coordinator sees exact sums of cohorts, never one update; cohorts that overlap "
        + "can be differenced, colluding customers shrink a cohort, and an item that one customer "
        + "touched is readable. There is no differential privacy against the coordinator."
    case .secaggDDP:
      "secagg-ddp: the coordinator sees only a noised sum, if at most c of a round's customers "
        + "collude with it. Where the operator also admits customers, or holds the enrolment key "
        + "(the default of init), this protects against a curious operator or a later breach, not "
        + "against a malicious operator."
    }
  }
}
