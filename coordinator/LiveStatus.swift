internal import CanonicalJSON
internal import Federation
internal import Glibc
internal import Operations

/// The small file by which `coordinator status` sees a live `serve`.
enum LiveStatus {
  static func write(_ snapshot: ServeMetrics.Snapshot, to path: String) {
    var fields: [String: JSONValue] = [
      "pid": .integer(Int64(getpid())), "connected": .integer(Int64(snapshot.connected)),
      "written_at_seconds": .integer(Int64(time(nil))),
      "uptime_seconds": .integer(Int64(snapshot.uptimeSeconds)),
      "bytes_received": .integer(Int64(snapshot.counts.bytesReceived)),
      "bytes_sent": .integer(Int64(snapshot.counts.bytesSent)),
      "updates_rejected": counts(snapshot.counts.rejections),
      "logins_refused": counts(snapshot.counts.refusals),
      "last_event": .string(snapshot.counts.events.last ?? ""),
    ]
    if let left = snapshot.secondsLeft { fields["seconds_left"] = .integer(Int64(left)) }
    if let reason = snapshot.unready { fields["unready"] = .string(reason) }
    if let round = snapshot.round {
      fields["round"] = .object([
        "round": .integer(Int64(round.round)), "stage": .string(round.stage),
        "joined": .integer(Int64(round.joined)), "contributed": .integer(Int64(round.contributed)),
        "pending": .integer(Int64(round.pending)),
      ])
    }
    let bytes = JSONValue.object(fields).canonicalBytes
    // A convenience for people: a full disk must not stop a round for it.
    try? DurableFile.replaceUnsynced(bytes, at: path)
  }

  private static func counts(_ counts: [String: Int]) -> JSONValue {
    .object(counts.mapValues { .integer(Int64($0)) })
  }

  static func remove(_ path: String) { unlink(path) }

  /// - Returns: nil when no live process wrote the file.
  static func read(_ path: String) -> JSONValue? {
    // An unreadable status is no status.
    guard let bytes = try? DurableFile.read(path, limit: 1 << 16),
      let json = try? JSONValue.parse(bytes), let pid = json["pid"]?.integerValue,
      kill(pid_t(truncatingIfNeeded: pid), 0) == 0
    else { return nil }
    return json
  }
}
