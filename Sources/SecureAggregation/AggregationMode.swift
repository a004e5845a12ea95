/// How client updates become a sum, which decides what the coordinator can see.
package enum AggregationMode: String, CaseIterable, Sendable {
  /// The coordinator decrypts each update in memory, clips it and adds it; noise is drawn before
  /// anything leaves.
  case sealed

  /// Whether single updates exist in the clear in the coordinator's memory.
  package var coordinatorCanSeeUpdates: Bool {
    switch self {
    case .sealed: true
    }
  }

  /// What the coordinator can and cannot see, for every command and report.
  package var sentence: String {
    switch self {
    case .sealed:
      "sealed: the coordinator decrypts each update in memory and could read it; only the noised "
        + "sum is kept or leaves the coordinator."
    }
  }
}
