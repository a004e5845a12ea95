import CanonicalJSON
import Glibc

/// One figure of a benchmark.
enum Measurement {
  /// CPU seconds of this process.
  static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The least CPU time of `repeats` runs of `body`, in seconds.
  static func best(of repeats: Int, _ body: () throws -> Void) rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<repeats {
      let start = cpuSeconds()
      try body()
      best = min(best, cpuSeconds() - start)
    }
    return best
  }

  /// One JSON object a line, so that scripts/benchmark.sh can set ours beside the peers'.
  static func report(_ question: String, _ figures: [String: Double]) {
    var members: [String: JSONValue] = ["question": .string(question)]
    for (name, value) in figures { members[name] = .number(value) }
    print(String(decoding: JSONValue.object(members).canonicalBytes, as: UTF8.self))
    fflush(nil)
  }
}
