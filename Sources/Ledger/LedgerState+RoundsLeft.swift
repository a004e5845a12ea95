package import Privacy

extension LedgerState {
  /// How many more rounds a device joins that was proven every CHARGE and RELEASE so far: it adds up
  /// ``ProvenSpend/maximumEntries`` of them, and takes part in nothing after that.
  ///
  /// A device that was away for some of them joins longer.
  package var roundsForDevices: Int {
    let room = ProvenSpend.maximumEntries - rounds.charged - rounds.released
    return max(0, (room + 1) / 2)
  }

  /// How many more rounds of `event` there can be: as many as the budget admits, and as devices join.
  package func roundsLeft(of event: PrivacyEvent) -> Int {
    min(filter.roundsLeft(of: event), roundsForDevices)
  }
}
