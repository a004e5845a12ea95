internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Operations
internal import Synchronization

/// The HTTP server of one device: few connections, small requests, one at a time.
final class LoopbackServer: Sendable {
  private static let maximumConnections = 16
  static let largestBody = 4_096
  private static let idleSeconds: Int64 = 30

  /// As a Host header names it.
  let authority: String
  private let group: MultiThreadedEventLoopGroup
  private let worker: RequestWorker
  private let listener: any Channel

  private init(
    authority: String, group: MultiThreadedEventLoopGroup, worker: RequestWorker,
    listener: any Channel
  ) {
    self.authority = authority
    self.group = group
    self.worker = worker
    self.listener = listener
  }

  /// - Throws: `CommandFailure`: exit 75 where the port is taken.
  static func start(
    _ api: sending DeviceAPI, on address: LoopbackAddress, token: String
  ) async throws -> LoopbackServer {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let worker = RequestWorker(api)
    let loop = group.next()
    let connections = ConnectionCount()
    do {
      let listener = try await ServerBootstrap(group: loop)
        .serverChannelOption(.backlog, value: 16)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            guard connections.admit(channel, limit: maximumConnections) else {
              channel.close(promise: nil)
              return
            }
            guard let port = channel.localAddress?.port else {
              channel.close(promise: nil)
              return
            }
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(idleSeconds)))
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(
              RequestHandler(guard: RequestGuard(port: port, token: token), worker: worker))
          }
        }
        .bind(host: address.host, port: address.port).get()
      let host = address.host == "::1" ? "[::1]" : address.host
      return LoopbackServer(
        authority: "\(host):\(listener.localAddress?.port ?? address.port)", group: group,
        worker: worker, listener: listener)
    } catch {
      try? await group.shutdownGracefully()  // It holds nothing yet.
      throw CommandFailure(
        what: "cannot listen on \(address.host):\(address.port)", why: "\(error)",
        next: "stop what uses the port, or choose another: --listen \(address.host):0",
        exit: .temporary)
    }
  }

  /// Answers what is running, closes the store and every connection.
  func stop() async throws {
    try await listener.close()
    try await worker.stop()
    try await group.shutdownGracefully()
  }
}

/// Connections that are open.
private final class ConnectionCount: Sendable {
  private let open = Mutex(0)

  func admit(_ channel: any Channel, limit: Int) -> Bool {
    let isAdmitted = open.withLock { count in
      guard count < limit else { return false }
      count += 1
      return true
    }
    if isAdmitted { channel.closeFuture.whenComplete { _ in self.open.withLock { $0 -= 1 } } }
    return isAdmitted
  }
}

/// Runs requests one after the other on a thread of its own, since the store blocks.
///
/// `@unchecked Sendable`: the API is used by that one thread only, and by `stop` after the last request;
/// `Tests/EndToEndTests/ServeTests` runs requests side by side under the thread sanitizer.
final class RequestWorker: @unchecked Sendable {
  private let api: DeviceAPI
  private let thread = NIOThreadPool(numberOfThreads: 1)

  init(_ api: sending DeviceAPI) {
    self.api = api
    thread.start()
  }

  func answer(_ request: APIRequest, on loop: any EventLoop) -> EventLoopFuture<APIResponse> {
    thread.runIfActive(eventLoop: loop) { self.api.answer(request) }
  }

  func stop() async throws {
    try await thread.runIfActive { try self.api.close() }
    try await thread.shutdownGracefully()
  }
}
