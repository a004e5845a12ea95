/// Measures what docs claim, as ratios within one run. See Benchmarks/README.md.
///
/// CPU seconds of this process, least of several repetitions: the machines are shared, and a wall
/// clock would measure the neighbours.

let suites: [(name: String, run: () throws -> Void)] = [
  ("masks", MaskBenchmark.run), ("accounting", AccountingBenchmark.run),
  ("samplers", SamplerBenchmark.run), ("device", DeviceBenchmark.run),
  ("store", StoreBenchmark.run),
]

let chosen = CommandLine.arguments.dropFirst()
for name in chosen where !suites.contains(where: { $0.name == name }) {
  print("there is no suite \(name); known are \(suites.map(\.name).joined(separator: ", "))")
}
for suite in suites where chosen.isEmpty || chosen.contains(suite.name) {
  try suite.run()
}
