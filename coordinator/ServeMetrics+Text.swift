internal import Ledger
internal import Operations

extension ServeMetrics.Snapshot {
  /// The metrics in the Prometheus text format.
  var prometheusText: String {
    var text = PrometheusText()
    text.family(
      "tacit_build_info", .gauge, help: "The program and the aggregation mode of the federation.",
      samples: [([("version", ProductVersion.current), ("mode", mode)], 1)])
    text.value(
      "tacit_ready", .gauge, help: "1 while the coordinator can run rounds.", unready == nil ? 1 : 0
    )
    text.value("tacit_uptime_seconds", .gauge, help: "Life of the process.", Double(uptimeSeconds))
    text.value(
      "tacit_privacy_epsilon", .gauge, help: "Epsilon spent per customer, from the ledger.",
      epsilonSpent)
    text.value(
      "tacit_privacy_epsilon_limit", .gauge, help: "Epsilon of the policy; it never resets.",
      Double(epsilonLimit) ?? .nan)
    text.value(
      "tacit_privacy_rounds_left", .gauge,
      help: "More rounds of the next kind that the budget admits.",
      Double(roundsLeft))
    text.family(
      "tacit_rounds_total", .counter, help: "Ended rounds of the ledger's life, by outcome.",
      samples: [
        ([("outcome", "released")], Double(rounds.released)),
        ([("outcome", "void")], Double(rounds.void)),
        ([("outcome", "burned")], Double(rounds.burned)),
      ])
    text.histogram(
      "tacit_round_duration_seconds", help: "Rounds of this process, from offer to end.",
      counts.roundSeconds)
    participants(&text)
    text.family(
      "tacit_updates_rejected_total", .counter,
      help: "Refused updates, by reason: late, malformed, or not from a member.",
      samples: Self.samples("reason", counts.rejections))
    text.family(
      "tacit_logins_refused_total", .counter, help: "Refused logins and connections, by code.",
      samples: Self.samples("code", counts.refusals))
    text.value(
      "tacit_ledger_entries", .gauge, help: "Entries of the ledger.", Double(ledgerEntries))
    text.histogram(
      "tacit_ledger_fsync_seconds", help: "How long the disk took to make ledger files durable.",
      synchronizeSeconds)
    text.family(
      "tacit_bytes_total", .counter, help: "Payload of protocol frames, all peers together.",
      samples: [
        ([("direction", "received")], Double(counts.bytesReceived)),
        ([("direction", "sent")], Double(counts.bytesSent)),
      ])
    return text.text
  }

  private func participants(_ text: inout PrometheusText) {
    text.value(
      "tacit_members_connected", .gauge, help: "Members here now, as the power of two below.",
      Double(ServeMetrics.bucket(connected)))
    if let last = counts.lastContributors {
      text.value(
        "tacit_participants", .gauge,
        help: "Contributions of the last released round, as the power of two below.", Double(last))
    }
  }

  private static func samples(
    _ label: String, _ counts: [String: Int]
  ) -> [(labels: [(name: String, value: String)], value: Double)] {
    counts.sorted { $0.key < $1.key }.map { ([(label, $0.key)], Double($0.value)) }
  }
}
