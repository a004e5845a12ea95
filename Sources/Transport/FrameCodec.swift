package import NIOCore

/// Frames on a byte stream: a `u32` big-endian payload length, then the payload.
///
/// The length is checked as soon as its four bytes are there, before anything of the payload is
/// stored. A stream that ends inside a frame is an error.
package struct FrameCodec: ByteToMessageDecoder, MessageToByteEncoder, Sendable {
  package typealias InboundOut = [UInt8]
  package typealias OutboundIn = [UInt8]

  /// Largest payload in bytes.
  package let maximumFrameBytes: Int

  static let headerByteCount = 4

  /// - Parameter maximumFrameBytes: largest payload in bytes, 1 ... 2^31 - 1.
  package init(maximumFrameBytes: Int) {
    self.maximumFrameBytes = maximumFrameBytes
  }

  /// Whether a payload of this size may travel.
  package func check(payloadByteCount: Int) throws(TransportError) {
    guard payloadByteCount > 0 else { throw .emptyFrame }
    guard payloadByteCount <= maximumFrameBytes else {
      throw .frameTooLong(actual: payloadByteCount, limit: maximumFrameBytes)
    }
  }

  package mutating func decode(
    context: ChannelHandlerContext, buffer: inout ByteBuffer
  ) throws -> DecodingState {
    guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else {
      return .needMoreData
    }
    let byteCount = Int(length)
    try check(payloadByteCount: byteCount)
    let frameByteCount = FrameCodec.headerByteCount + byteCount
    guard buffer.readableBytes >= frameByteCount,
      let payload = buffer.getBytes(
        at: buffer.readerIndex + FrameCodec.headerByteCount, length: byteCount)
    else {
      // Nothing is reserved: memory follows the bytes that arrive, not the length that was
      // announced.
      return .needMoreData
    }
    buffer.moveReaderIndex(forwardBy: frameByteCount)
    context.fireChannelRead(NIOAny(payload))
    return .continue
  }

  package mutating func decodeLast(
    context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
  ) throws -> DecodingState {
    while try decode(context: context, buffer: &buffer) == .continue {}
    guard buffer.readableBytes == 0 else { throw TransportError.truncated }
    return .needMoreData
  }

  package func shouldReclaimBytes(buffer: ByteBuffer) -> Bool {
    buffer.readerIndex > maximumFrameBytes
  }

  package func encode(data: [UInt8], out: inout ByteBuffer) throws {
    try check(payloadByteCount: data.count)
    out.reserveCapacity(minimumWritableBytes: FrameCodec.headerByteCount + data.count)
    out.writeInteger(UInt32(data.count))
    out.writeBytes(data)
  }
}
