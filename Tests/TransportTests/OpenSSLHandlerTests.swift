import COpenSSL
import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite struct OpenSSLHandlerTests {
  let identity: TLSIdentity

  init() throws {
    identity = try TestIdentity.make()
  }

  @Test("both ends export the same 32 bytes and the client knows the server's key")
  func exporterEqual() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    let client = try #require(pair.client.handshakeResult).get()
    let server = try #require(pair.server.handshakeResult).get()
    #expect(client.exporter == server.exporter)
    #expect(client.exporter.count == 32)
    #expect(client.peerKeyHash == identity.spkiHash)
    #expect(server.peerKeyHash == nil)
  }

  @Test("two sessions with the same server export different bytes")
  func exporterFresh() throws {
    let first = try EmbeddedPair.connected(identity: identity)
    let second = try EmbeddedPair.connected(identity: identity)
    let exporters = try [first, second].map {
      try #require($0.client.handshakeResult).get().exporter
    }
    #expect(exporters[0] != exporters[1])
  }

  @Test("a relay between two sessions cannot give both ends the same exporter")
  func relay() throws {
    // The client has been fooled into pinning the relay; the relay holds an honest session with the
    // server.
    let relayIdentity = try TestIdentity.make()
    let victim = try EmbeddedPair.connected(identity: relayIdentity)
    let upstream = try EmbeddedPair.connected(identity: identity)
    victim.client.send([1, 2, 3])
    try victim.exchange()
    upstream.client.send(try victim.server.takeDelivered())
    try upstream.exchange()
    #expect(try upstream.server.takeDelivered() == [1, 2, 3])
    let client = try #require(victim.client.handshakeResult).get()
    let server = try #require(upstream.server.handshakeResult).get()
    #expect(client.exporter != server.exporter)
  }

  @Test("TLS works when every byte arrives alone")
  func oneByteAtATime() throws {
    let pair = try EmbeddedPair(identity: identity)
    try pair.exchange(chunk: 1)
    pair.server.channel.read()
    let message = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
    pair.client.send(message)
    try pair.exchange(chunk: 1)
    #expect(try pair.server.takeDelivered() == message)
  }

  @Test("the handshake works for every place where a flight is split")
  func splitAtEveryBoundary() throws {
    let serverContext = try TLSContext.server(identity: identity)
    let clientContext = try TLSContext.client()
    var longest = 1
    var split = 1
    while split < longest || split == 1 {
      let server = try EmbeddedPeer(serverContext)
      let client = try EmbeddedPeer(clientContext, pin: identity.spkiHash)
      for (sender, receiver) in [(client, server), (server, client), (client, server)] {
        let flight = try sender.takeSent()
        longest = max(longest, flight.count)
        try receiver.receive(Array(flight.prefix(split)))
        try receiver.receive(Array(flight.dropFirst(split)))
      }
      let agreed = try #require(client.handshakeResult).get()
      #expect(try #require(server.handshakeResult).get().exporter == agreed.exporter)
      split += 1
    }
    #expect(longest > 500)
  }

  @Test("a wrong pin is refused by the client and explained to the server")
  func wrongPin() throws {
    let wrong = [UInt8](repeating: 7, count: 32)
    let pair = try EmbeddedPair(identity: identity, pin: wrong)
    try pair.exchange()
    #expect(throws: TransportError.pinMismatch(expected: wrong, actual: identity.spkiHash)) {
      try #require(pair.client.handshakeResult).get()
    }
    #expect(
      throws: TransportError.handshakeFailed(
        reason: "the peer sent alert 48, unknown CA (it does not trust this key)")
    ) {
      try #require(pair.server.handshakeResult).get()
    }
  }

  @Test("a pin of the wrong size is refused", arguments: [0, 31, 33])
  func malformedPin(byteCount: Int) throws {
    let client = try EmbeddedPeer(.client(), pin: [UInt8](repeating: 0, count: byteCount))
    #expect(throws: TransportError.pinMalformed(byteCount: byteCount)) {
      try #require(client.handshakeResult).get()
    }
  }

  @Test(
    "a certificate outside its dates is refused though the key is right",
    arguments: [-7_200, 172_800])
  func outsideDates(offsetSeconds: Int64) throws {
    let pair = try EmbeddedPair(
      client: EmbeddedPeer(
        .client(), pin: identity.spkiHash, nowSeconds: TestIdentity.nowSeconds + offsetSeconds),
      server: EmbeddedPeer(.server(identity: identity)))
    try pair.exchange()
    let error = #expect(throws: TransportError.self) {
      try #require(pair.client.handshakeResult).get()
    }
    guard case .certificateNotValid = error else {
      Issue.record("unexpected \(String(describing: error))")
      return
    }
    #expect(throws: TransportError.self) { try #require(pair.server.handshakeResult).get() }
  }

  @Test("a peer that speaks TLS 1.2 at most is refused")
  func tls12() throws {
    let server = try EmbeddedPeer(.server(identity: identity))
    let peer = try RawTLSPeer(maximumVersion: TLS1_2_VERSION)
    try server.receive(peer.exchange([]))
    _ = peer.exchange(try server.takeSent())
    #expect(!peer.isConnected)
    #expect(throws: TransportError.handshakeFailed(reason: "unsupported protocol")) {
      try #require(server.handshakeResult).get()
    }
  }

  @Test(
    "bytes that are not TLS end the connection",
    arguments: [
      "GET / HTTP/1.1\r\n\r\n", "hello, is this the coordinator?", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
    ])
  func garbage(text: String) throws {
    let server = try EmbeddedPeer(.server(identity: identity))
    try server.receive(Array(text.utf8))
    #expect(throws: TransportError.self) { try #require(server.handshakeResult).get() }
    server.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
    #expect(!server.channel.isActive)
  }

  @Test("a changed byte of ciphertext is noticed")
  func tampering() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    pair.client.send([1, 2, 3])
    var record = try pair.client.takeSent()
    record[record.count - 1] ^= 1
    try pair.server.receive(record)
    guard case .protocolViolation = pair.server.errors.caught.first else {
      Issue.record("unexpected \(pair.server.errors.caught)")
      return
    }
    #expect(try pair.server.takeDelivered().isEmpty)
  }

  @Test("a silent peer is dropped after the handshake timeout")
  func handshakeTimeout() throws {
    var limits = ConnectionLimits(maximumFrameBytes: 1)
    limits.handshakeTimeout = .milliseconds(300)
    let server = try EmbeddedPeer(.server(identity: identity), limits: limits)
    server.channel.embeddedEventLoop.advanceTime(by: .milliseconds(299))
    #expect(server.channel.isActive)
    server.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
    #expect(throws: TransportError.handshakeTimedOut(after: .milliseconds(300))) {
      try #require(server.handshakeResult).get()
    }
    #expect(!server.channel.isActive)
  }

  @Test("a handshake of too many bytes is refused")
  func handshakeTooLong() throws {
    var limits = ConnectionLimits(maximumFrameBytes: 1)
    limits.maximumHandshakeBytes = 300
    let pair = try EmbeddedPair(
      client: EmbeddedPeer(.client(), pin: identity.spkiHash, limits: limits),
      server: EmbeddedPeer(.server(identity: identity)))
    try pair.exchange()
    #expect(throws: TransportError.handshakeTooLong(limitBytes: 300)) {
      try #require(pair.client.handshakeResult).get()
    }
  }

  @Test("data that arrives with the end of the handshake or right behind it waits for demand")
  func demand() throws {
    let pair = try EmbeddedPair(identity: identity)
    pair.client.send([1, 2, 3])
    try pair.exchange()
    #expect(try pair.server.handler.isEstablished)
    pair.client.send([4, 5])
    try pair.exchange()
    #expect(try pair.server.takeDelivered().isEmpty)
    pair.server.channel.read()
    #expect(try pair.server.takeDelivered() == [1, 2, 3, 4, 5])
  }

  @Test("writes before the handshake wait up to a bound and keep their order")
  func earlyWrites() throws {
    let pair = try EmbeddedPair(identity: identity)
    let bound = OpenSSLHandler.maximumPendingWriteBytes
    pair.client.send([1])
    pair.client.send([UInt8](repeating: 2, count: bound - 1))
    let refused = pair.client.channel.writeAndFlush(ByteBuffer(bytes: [3]))
    #expect(refused.knownError == .sendBufferFull(limitBytes: bound))
    pair.server.channel.read()
    try pair.exchange()
    let delivered = try pair.server.takeDelivered()
    #expect(delivered.count == bound)
    #expect(delivered.first == 1 && delivered.last == 2)
  }

  @Test("the end of the stream without close_notify is a truncation", arguments: [true, false])
  func truncation(onClient: Bool) throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    let peer = onClient ? pair.client : pair.server
    peer.channel.pipeline.fireChannelInactive()
    #expect(peer.errors.caught == [.truncated])
  }

  @Test("close sends close_notify, waits for the peer's, and both ends close without an error")
  func cleanClose() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    let closed = pair.client.channel.close()
    #expect(closed.known == nil && pair.client.channel.isActive)
    try pair.exchange()
    #expect(closed.isKnownToSucceed)
    #expect(!pair.client.channel.isActive && !pair.server.channel.isActive)
    #expect(pair.client.errors.caught.isEmpty && pair.server.errors.caught.isEmpty)
  }

  @Test("data sent before a close arrives before the end")
  func dataBeforeClose() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    pair.client.send([4, 5])
    pair.client.channel.close(promise: nil)
    try pair.exchange()
    #expect(try pair.server.takeDelivered() == [4, 5])
    #expect(pair.server.errors.caught.isEmpty)
  }

  @Test("close does not wait for a silent peer beyond the close timeout")
  func closeTimeout() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    pair.client.channel.close(promise: nil)
    pair.client.channel.embeddedEventLoop.advanceTime(by: .milliseconds(4_999))
    #expect(pair.client.channel.isActive)
    pair.client.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
    #expect(!pair.client.channel.isActive)
  }

  @Test("an abort closes at once and the peer sees a truncation")
  func abort() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    pair.client.channel.triggerUserOutboundEvent(
      OpenSSLHandler.AbortConnection(reason: nil), promise: nil)
    #expect(!pair.client.channel.isActive)
    #expect(try pair.client.takeSent().isEmpty)
  }

  @Test("a write promise completes with its ciphertext, not before")
  func writePromise() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    let written = pair.client.channel.write(ByteBuffer(bytes: [1]))
    #expect(written.known == nil)
    pair.client.channel.flush()
    #expect(written.isKnownToSucceed)
  }

  @Test("a write after close fails")
  func writeAfterClose() throws {
    let pair = try EmbeddedPair.connected(identity: identity)
    pair.client.channel.close(promise: nil)
    let refused = pair.client.channel.writeAndFlush(ByteBuffer(bytes: [1]))
    #expect(refused.knownError == .closed)
  }

  @Test("a peer cannot make this end answer key updates without bound")
  func keyUpdateFlood() throws {
    let server = try EmbeddedPeer(.server(identity: identity))
    let peer = try RawTLSPeer()
    try server.receive(peer.exchange([]))
    try server.receive(peer.exchange(try server.takeSent()))
    #expect(peer.isConnected)
    server.channel.read()
    try server.receive(peer.write([6]))
    #expect(try server.takeDelivered() == [6])
    var answered = 0
    for _ in 0..<10_000 where server.errors.caught.isEmpty {
      try server.receive(peer.requestKeyUpdate())
      answered += try server.takeSent().count
    }
    #expect(server.errors.caught == [.protocolViolation(reason: "too many key updates")])
    #expect(answered <= OpenSSLHandler.maximumReplyBytes)
  }
}
