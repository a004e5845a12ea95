import NIOCore
import NIOEmbedded
import NIOTestUtils
import Testing

@testable import Transport

@Suite struct FrameCodecTests {
  static let limit = 1_000

  static func frame(_ payload: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(payload.count).bigEndian) { Array($0) } + payload
  }

  static func decoder() throws -> EmbeddedChannel {
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(
      ByteToMessageHandler(FrameCodec(maximumFrameBytes: limit)))
    return channel
  }

  @Test("frames survive every way of cutting the stream")
  func anyCut() throws {
    let payloads: [[UInt8]] = [
      [1], [2, 3], Array(0..<200), [UInt8](repeating: 9, count: Self.limit),
    ]
    let cases = payloads.map { (ByteBuffer(bytes: Self.frame($0)), [$0]) }
    try ByteToMessageDecoderVerifier.verifyDecoder(inputOutputPairs: cases) {
      FrameCodec(maximumFrameBytes: Self.limit)
    }
  }

  @Test("a payload is encoded as its length in big-endian order and itself")
  func encoding() throws {
    let codec = FrameCodec(maximumFrameBytes: Self.limit)
    var out = ByteBuffer()
    try codec.encode(data: [UInt8](repeating: 5, count: 258), out: &out)
    #expect(Array(out.readableBytesView.prefix(5)) == [0, 0, 1, 2, 5])
    #expect(out.readableBytes == 262)
  }

  @Test(
    "a length over the limit is refused by its four bytes alone",
    arguments: [1_001, Int(UInt32.max)])
  func tooLong(announced: Int) throws {
    let channel = try Self.decoder()
    var header = ByteBuffer()
    header.writeInteger(UInt32(announced))
    #expect(throws: TransportError.frameTooLong(actual: announced, limit: Self.limit)) {
      try channel.writeInbound(header)
    }
  }

  @Test("a length of zero is refused")
  func empty() throws {
    let channel = try Self.decoder()
    #expect(throws: TransportError.emptyFrame) {
      try channel.writeInbound(ByteBuffer(bytes: [0, 0, 0, 0]))
    }
  }

  @Test("a frame over the limit or empty is not sent", arguments: [0, 1_001])
  func encodingRefused(byteCount: Int) {
    let codec = FrameCodec(maximumFrameBytes: Self.limit)
    var out = ByteBuffer()
    #expect(throws: TransportError.self) {
      try codec.encode(data: [UInt8](repeating: 0, count: byteCount), out: &out)
    }
    #expect(out.readableBytes == 0)
  }

  @Test("a stream that ends inside a frame is truncated", arguments: 1..<9)
  func endsInside(byteCount: Int) throws {
    let channel = try Self.decoder()
    let bytes = Self.frame([1, 2, 3, 4, 5]).prefix(byteCount)
    try channel.writeInbound(ByteBuffer(bytes: bytes))
    #expect(throws: TransportError.truncated) { try channel.finish() }
  }
}
