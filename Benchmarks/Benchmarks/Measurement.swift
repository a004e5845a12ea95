import CanonicalJSON
import Foundation

/// One figure of a benchmark.
enum Measurement {
  /// CPU seconds of this process.
  static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// CPU time of this thread.
  static func threadNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }

  /// Begins a new measurement of `peakBytes`.
  static func resetPeak() {
    // Where the kernel does not allow it, the peak is that of the whole process, which is no less.
    try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
  }

  /// Most memory that this process held at once since `resetPeak`, in bytes. Not `getrusage`, which
  /// in a child counts what its parent held when it started it.
  static func peakBytes() throws -> Double {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    guard let kibibytes = line?.split(separator: " ").compactMap({ Double($0) }).first else {
      throw CocoaError(.fileReadCorruptFile)
    }
    return kibibytes * 1_024
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
