internal import NIOCore
internal import NIOHTTP1
internal import Operations

/// Collects one request, checks who asks, and writes the answer.
final class RequestHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private static let longestTarget = 2_048

  private let guardian: RequestGuard
  private let worker: RequestWorker
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var isTooLarge = false

  init(guard guardian: RequestGuard, worker: RequestWorker) {
    self.guardian = guardian
    self.worker = worker
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = []
      isTooLarge = head.uri.utf8.count > Self.longestTarget
    case .body(let buffer):
      guard !isTooLarge, body.count + buffer.readableBytes <= LoopbackServer.largestBody else {
        isTooLarge = true
        return
      }
      body += buffer.readableBytesView
    case .end:
      guard let head else { return }
      self.head = nil
      answer(head, context: context)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func answer(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
    guard !isTooLarge else {
      return write(
        Self.refused("the request is too large", "a body has at most 4096 bytes", status: 413),
        closing: true, context: context)
    }
    let target = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = (target.first ?? "").split(separator: "/").map {
      Self.decoded(String($0))
    }
    let asset = head.method == .GET ? ConsolePage.asset(path) : nil
    if let refusal = guardian.refusal(
      hosts: head.headers["host"], origins: head.headers["origin"],
      sites: head.headers["sec-fetch-site"], authorizations: head.headers["authorization"],
      needsToken: asset == nil)
    {
      return write(
        Self.response(to: refusal), closing: !head.isKeepAlive, context: context)
    }
    if let asset { return write(asset, closing: !head.isKeepAlive, context: context) }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let isKept = head.isKeepAlive
    worker.answer(
      APIRequest(method: head.method.rawValue, path: path, body: body), on: context.eventLoop
    ).whenComplete { result in
      let (handler, context) = bound.value
      switch result {
      case .success(let response):
        handler.write(response, closing: !isKept, context: context)
      // The server is stopping.
      case .failure: context.close(promise: nil)
      }
    }
  }

  private func write(_ response: APIResponse, closing: Bool, context: ChannelHandlerContext) {
    var headers = HTTPHeaders([
      ("Content-Type", response.contentType), ("Content-Length", String(response.body.count)),
      ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"),
      ("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin"),
      (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
          + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
      ),
    ])
    if closing { headers.add(name: "Connection", value: "close") }
    let status = HTTPResponseStatus(statusCode: response.status)
    context.write(
      wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))),
      promise: nil)
    context.write(
      wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      if closing { bound.value.close(promise: nil) }
    }
  }

  private static func response(to refusal: RequestGuard.Refusal) -> APIResponse {
    switch refusal {
    case .foreignHost:
      refused(
        "this server answers to its own address only", "the Host header names another",
        status: 403)
    case .foreignOrigin:
      refused(
        "another site may not ask", "the request comes from a page of another site",
        status: 403)
    case .missingToken:
      refused(
        "the token is missing or wrong", "each session of client serve has its own",
        status: 401)
    }
  }

  private static func refused(_ what: String, _ why: String, status: Int) -> APIResponse {
    .failure(
      CommandFailure(
        what: what, why: why, next: "open the address that client serve printed", exit: .usage),
      status: status)
  }

  /// With percent-encoding resolved; a segment that is not valid UTF-8 stays as it is.
  private static func decoded(_ segment: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(segment.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self) ?? segment
  }
}
