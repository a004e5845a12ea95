import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite struct SecureChannelTests {
  @Test(
    "frames that arrive before anyone asks are kept, in order, and need no further byte to be seen")
  func framesBeforeUse() async throws {
    let context = try TLSContext.server(identity: TestIdentity.make())
    let limits = ConnectionLimits(maximumFrameBytes: 100)
    let channel = NIOAsyncTestingChannel()
    let pending = try await channel.testingEventLoop.submit {
      try SecureChannel.configure(channel, context: context, expectedPin: [], limits: limits)
    }.get()
    try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()

    let peer = try RawTLSPeer()
    try await channel.writeInbound(ByteBuffer(bytes: peer.exchange([])))
    var flight: [UInt8] = []
    while let sent = try await channel.readOutbound(as: ByteBuffer.self) {
      flight += sent.readableBytesView
    }
    let finished = peer.exchange(flight)
    let firstFrame = peer.write([0, 0, 0, 1, 7])
    let secondFrame = peer.write([0, 0, 0, 2, 8, 9])
    // The first frame comes with the end of the handshake, the second in a read of its own.
    try await channel.writeInbound(ByteBuffer(bytes: finished + firstFrame))
    try await channel.writeInbound(ByteBuffer(bytes: secondFrame))

    let handshake = try await pending.handshake.get()
    try await SecureChannel.use(channel, handshake: handshake, limits: limits) { connection in
      var frames = connection.frames.makeAsyncIterator()
      let received = [try await frames.next(), try await frames.next()]
      #expect(received == [[7], [8, 9]])
      connection.abort()
    }
  }
}
