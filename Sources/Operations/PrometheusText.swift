/// Metrics in the Prometheus text format, version 0.0.4.
///
/// Names, help texts and label names are the program's own; label values are escaped.
package struct PrometheusText: Sendable {
  /// Content type of an HTTP answer that carries it.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// What a family's samples mean.
  package enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  /// The exposition so far; ends with a line feed.
  package private(set) var text = ""

  /// An exposition without metrics.
  package init() {}

  /// Adds a family of one or more samples.
  /// - Parameters:
  ///   - name: `[a-z_]`, in base units; a counter's ends in `_total`.
  ///   - samples: label pairs and value; written in the order given.
  package mutating func family(
    _ name: String, _ kind: Kind, help: String,
    samples: [(labels: [(name: String, value: String)], value: Double)]
  ) {
    header(name, kind, help: help)
    for sample in samples { line(name, sample.labels, sample.value) }
  }

  /// Adds a family with one sample and no labels.
  package mutating func value(_ name: String, _ kind: Kind, help: String, _ value: Double) {
    family(name, kind, help: help, samples: [([], value)])
  }

  /// Adds a histogram.
  package mutating func histogram(_ name: String, help: String, _ histogram: Histogram) {
    header(name, .histogram, help: help)
    var cumulative = 0
    for (bound, count) in zip(histogram.bounds, histogram.counts) {
      cumulative += count
      line("\(name)_bucket", [("le", Self.number(bound))], Double(cumulative))
    }
    line("\(name)_bucket", [("le", "+Inf")], Double(histogram.count))
    line("\(name)_sum", [], histogram.sum)
    line("\(name)_count", [], Double(histogram.count))
  }

  private mutating func header(_ name: String, _ kind: Kind, help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private mutating func line(
    _ name: String, _ labels: [(name: String, value: String)], _ value: Double
  ) {
    let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
    text += name + (pairs.isEmpty ? "" : "{\(pairs)}") + " \(Self.number(value))\n"
  }

  private static func number(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : "\(value)"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}

/// Counts of observations up to fixed bounds.
package struct Histogram: Equatable, Sendable {
  /// Upper bounds of the buckets, ascending; what lies above all of them is counted in `count` only.
  package let bounds: [Double]
  /// Observations in each bucket, not cumulative.
  package private(set) var counts: [Int]
  package private(set) var count = 0
  package private(set) var sum = 0.0

  /// - Parameter bounds: ascending.
  package init(bounds: [Double]) {
    self.bounds = bounds
    counts = [Int](repeating: 0, count: bounds.count)
  }

  /// Counts one observation.
  package mutating func observe(_ value: Double) {
    count += 1
    sum += value
    if let index = bounds.firstIndex(where: { value <= $0 }) { counts[index] += 1 }
  }
}
