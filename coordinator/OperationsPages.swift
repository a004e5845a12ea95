internal import Glibc
internal import NIOHTTP1
internal import NIOPosix
internal import Operations

/// The pages of a serving coordinator.
enum OperationsPages {
  /// - Parameter address: nil for no pages.
  /// - Throws: `CommandFailure` (exit 75) where the port is busy.
  static func start(
    _ server: CoordinatorServer, at address: (host: String, port: UInt16)?
  ) async throws -> OperationsServer? {
    guard let address else { return nil }
    do {
      return try await OperationsServer.start(
        host: address.host, port: Int(address.port), on: .singleton
      ) { path in await answer(path, by: server) }
    } catch {
      throw CommandFailure(
        what: "the pages cannot be served on \(address.host):\(address.port)", why: "\(error)",
        next: "choose another port with --operations HOST:PORT", exit: .temporary)
    }
  }

  private static func answer(
    _ path: String, by server: CoordinatorServer
  ) async -> OperationsServer.Answer {
    // Not by way of the engine, which may hang.
    if path == "/healthz" {
      return server.isAlive ? .text(.ok, "ok") : .text(.serviceUnavailable, "the engine hangs")
    }
    let snapshot = await server.snapshot
    switch path {
    case "/":
      return OperationsServer.Answer(
        status: .ok, contentType: "text/html; charset=utf-8", body: LivePage.html(snapshot))
    case "/metrics":
      return OperationsServer.Answer(
        status: .ok, contentType: PrometheusText.contentType, body: snapshot.prometheusText)
    case "/readyz":
      return snapshot.unready.map { .text(.serviceUnavailable, $0) } ?? .text(.ok, "ready")
    default: return .text(.notFound, "there are /, /metrics, /healthz and /readyz")
    }
  }
}
