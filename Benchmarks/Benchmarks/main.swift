import Glibc

/// Measures what docs claim, as ratios within one run. See Benchmarks/README.md.
///
/// CPU seconds of this process, least of several repetitions: the machines are shared, and a wall
/// clock would measure the neighbours.

let suites: [(name: String, run: () async throws -> Void)] = [
  ("masks", { try MaskBenchmark.run() }), ("unmask", { try CohortBenchmark.unmasking() }),
  ("round", { try await RoundBenchmark.run() }), ("cohorts", { try CohortBenchmark.run() }),
  ("hostile", { try HostileBenchmark.run() }),
  ("accounting", { try AccountingBenchmark.run() }), ("samplers", { try SamplerBenchmark.run() }),
  ("device", { try DeviceBenchmark.run() }), ("store", { try StoreBenchmark.run() }),
  ("ledger", { try LedgerBenchmark.run() }),
  // Last: it swaps the entropy of the thread it runs on.
  ("faults", { try FaultBenchmark.run() }),
]

let chosen = Array(CommandLine.arguments.dropFirst())
if chosen.first == RoundBenchmark.clientsArgument {
  try await RoundBenchmark.runClients(Array(chosen.dropFirst()))
  exit(0)
}
for name in chosen where !suites.contains(where: { $0.name == name }) {
  print("there is no suite \(name); known are \(suites.map(\.name).joined(separator: ", "))")
}
for suite in suites where chosen.isEmpty || chosen.contains(suite.name) {
  try await suite.run()
}
