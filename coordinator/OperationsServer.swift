internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Operations

/// Answers `GET` of `/`, `/metrics`, `/healthz` and `/readyz` over HTTP/1.1, on loopback only:
/// there is no login.
final class OperationsServer: Sendable {
  /// What is answered for a path.
  struct Answer: Sendable {
    let status: HTTPResponseStatus
    let contentType: String
    let body: String

    static func text(_ status: HTTPResponseStatus, _ body: String) -> Answer {
      Answer(status: status, contentType: "text/plain; charset=utf-8", body: body + "\n")
    }
  }

  /// More connections than a few browsers and one collector need are refused.
  private static let maximumConnections = 32
  private static let idleSeconds: Int64 = 15

  private let channel: any Channel

  private init(channel: any Channel) { self.channel = channel }

  /// The port that was bound.
  var port: Int { channel.localAddress?.port ?? 0 }

  /// - Parameters:
  ///   - host: a loopback address.
  ///   - answer: called on an event loop for each request's path.
  /// - Throws: what binding throws.
  static func start(
    host: String, port: Int, on group: MultiThreadedEventLoopGroup,
    answer: @escaping @Sendable (String) async -> Answer
  ) async throws -> OperationsServer {
    let open = ConnectionCount(limit: maximumConnections)
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 16)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withPipeliningAssistance: true, withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandlers(
            IdleStateHandler(allTimeout: .seconds(idleSeconds)),
            RequestHandler(open: open, answer: answer))
        }
      }
      .bind(host: host, port: port).get()
    return OperationsServer(channel: channel)
  }

  /// Stops listening; open answers end with their connections.
  func stop() async {
    // Closing a listener that is closed already is no failure of anything.
    try? await channel.close()
  }
}

/// Connections open at once.
private final class ConnectionCount: Sendable {
  private let count = NIOLockedValueBox(0)
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  func enter() -> Bool {
    count.withLockedValue { count in
      guard count < limit else { return false }
      count += 1
      return true
    }
  }

  func leave() { count.withLockedValue { $0 -= 1 } }
}

/// One connection. Requests have no body worth reading; what comes is dropped.
private final class RequestHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let open: ConnectionCount
  private let answer: @Sendable (String) async -> OperationsServer.Answer
  private var request: HTTPRequestHead?
  private var isCounted = false

  init(
    open: ConnectionCount, answer: @escaping @Sendable (String) async -> OperationsServer.Answer
  ) {
    self.open = open
    self.answer = answer
  }

  func channelActive(context: ChannelHandlerContext) {
    isCounted = open.enter()
    if !isCounted { context.close(promise: nil) }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    if isCounted { open.leave() }
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): request = head
    case .body: break
    case .end:
      guard let head = request else { return }
      request = nil
      respond(to: head, context: context)
    }
  }

  private func respond(to head: HTTPRequestHead, context: ChannelHandlerContext) {
    let path = head.uri.split(separator: "?", maxSplits: 1).first.map(String.init) ?? "/"
    let isReading = head.method == .GET || head.method == .HEAD
    let answer = answer
    let context = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.value.eventLoop.makeFutureWithTask {
      isReading
        ? await answer(path) : .text(.methodNotAllowed, "only GET and HEAD are answered here")
    }.assumeIsolated().whenSuccess { [self] answer in
      write(answer, to: head, context: context.value)
    }
  }

  private func write(
    _ answer: OperationsServer.Answer, to head: HTTPRequestHead, context: ChannelHandlerContext
  ) {
    let body = ByteBuffer(string: answer.body)
    var headers = HTTPHeaders([
      ("content-type", answer.contentType), ("content-length", "\(body.readableBytes)"),
      ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
    ])
    if !head.isKeepAlive { headers.add(name: "connection", value: "close") }
    context.write(
      wrapOutboundOut(
        .head(HTTPResponseHead(version: head.version, status: answer.status, headers: headers))),
      promise: nil)
    if head.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    let done = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if !head.isKeepAlive {
      let context = NIOLoopBound(context, eventLoop: context.eventLoop)
      done.assumeIsolated().whenComplete { _ in context.value.close(promise: nil) }
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
