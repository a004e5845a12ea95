import Cryptography
import Foundation
import Ledger
import SecureAggregation
import Synchronization
import Transport
import WireProtocol

/// A full round of `secagg-ddp`, 100 clients with 1,048,576 coordinates each, over TLS 1.3 on
/// loopback, from offer to released sum. This process is the coordinator, a child the clients.
///
/// Not in it: login, training, the journal's and the ledger's syncs.
enum RoundBenchmark {
  /// First argument of the child that runs the clients.
  static let clientsArgument = "round-clients"

  static let clientCount = 100
  static let dimension = 1 << 20
  private static let uploadSlots = 16

  static func run() async throws {
    try await run("round: 100 clients x 1M, complete graph", degree: nil)
    try await run("round: 100 clients x 1M, degree 14 (comparison only)", degree: 14)
  }

  private static func run(_ question: String, degree: Int?) async throws {
    let federation = try BenchmarkFederation(
      count: clientCount, dimension: dimension, mode: .secaggDDP, degree: degree)
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (certificate, key) = (folder.path + "/tls.crt", folder.path + "/tls.key")
    let now = Int64(Date().timeIntervalSince1970)
    try TLSIdentity.generate(
      certificatePath: certificate, keyPath: key, commonName: "benchmark", validityDays: 1,
      nowSeconds: now)
    let tls = try TLSIdentity.load(certificatePath: certificate, keyPath: key, nowSeconds: now)
    Measurement.resetPeak()
    let before = Measurement.cpuSeconds()
    let started = ContinuousClock.now
    let server = try await TransportServer.bind(
      host: "127.0.0.1", port: 0, identity: tls,
      limits: ServerLimits(
        connection: ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes)))
    let coordinator = RoundCoordinator(
      federation, round: federation.coordinatorRound(uploadSlots: uploadSlots, uploadSeconds: 3_600)
    )
    let clients = Process()
    clients.executableURL = URL(filePath: "/proc/self/exe")
    clients.arguments = [
      clientsArgument, "\(server.boundPort)", HexCoding.encode(tls.spkiHash), "\(degree ?? 0)",
    ]
    let pipe = Pipe()
    clients.standardOutput = pipe
    try clients.run()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run { await coordinator.serve($0) } }
      await coordinator.waitUntilReleased()
      await server.stop()
      try await group.waitForAll()
    }
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    clients.waitUntilExit()
    let theirs = String(decoding: output, as: UTF8.self).split(separator: " ").compactMap {
      Double($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    precondition(theirs.count == 3, "the clients report CPU, noise and memory")
    let outcome = await coordinator.outcome
    precondition(outcome.contributorCount == clientCount, "every client is in the sum")
    // The variance of the ratio is 2 / 2^20, that of the mean below 2 / 100: both bounds are more
    // than 6 standard deviations.
    precondition(abs(outcome.varianceRatio - 1) < 0.009, "the noise that is promised")
    precondition(abs(outcome.markedMean) < 0.85, "the sum holds the updates")
    let own = Measurement.cpuSeconds() - before
    Measurement.report(
      question,
      [
        "coordinator_cpu_seconds": own, "clients_cpu_seconds": theirs[0] - theirs[1],
        "noise_cpu_seconds": theirs[1], "cpu_seconds_without_noise": own + theirs[0] - theirs[1],
        "wall_seconds": (ContinuousClock.now - started) / .seconds(1),
        "coordinator_peak_bytes": try Measurement.peakBytes(), "clients_peak_bytes": theirs[2],
        "degree": Double(outcome.degree),
        "bytes_up_a_coordinate": Double(outcome.bytesUp) / Double(clientCount * dimension),
        "bytes_up_and_down_a_coordinate": Double(outcome.bytesUp + outcome.bytesDown)
          / Double(clientCount * dimension),
        "bytes_of_credentials_a_coordinate": Double(outcome.bytesOfCredentials)
          / Double(clientCount * dimension),
      ])
  }

  // MARK: - The child

  /// Runs all clients and prints their CPU seconds, those of the noise draws, and peak memory.
  static func runClients(_ arguments: [String]) async throws {
    guard arguments.count == 3, let port = Int(arguments[0]), let degree = Int(arguments[2]) else {
      return
    }
    let pin = try HexCoding.decode(arguments[1])
    let federation = try BenchmarkFederation(
      count: clientCount, dimension: dimension, mode: .secaggDDP,
      degree: degree == 0 ? nil : degree)
    let rosters = RosterCache()
    let noise = TimedShares()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for id in 1...ClientID(clientCount) {
        let client = RoundClient(
          id, federation,
          round: try federation.clientRound(id, rosters: rosters, noise: noise))
        group.addTask {
          try await TransportClient.withConnection(
            host: "127.0.0.1", port: port, serverKeyPin: pin,
            limits: ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes)
          ) { try await client.serve($0) }
        }
      }
      try await group.waitForAll()
    }
    print(Measurement.cpuSeconds(), noise.seconds, try Measurement.peakBytes())
  }
}

/// The system's noise, and the CPU time that drawing it took.
final class TimedShares: NoiseShareSource {
  private let nanoseconds = Mutex(0.0)
  private let system = SystemNoiseShares()

  var source: ChargeRecord.RandomSource { system.source }
  var seconds: Double { nanoseconds.withLock { $0 } * 1e-9 }

  func draw(
    dimension: Int, scale: UInt64, parameters: MaskingParameters
  ) throws -> NoiseShare {
    let start = Measurement.threadNanoseconds()
    let share = try system.draw(dimension: dimension, scale: scale, parameters: parameters)
    nanoseconds.withLock { $0 += Measurement.threadNanoseconds() - start }
    return share
  }
}
