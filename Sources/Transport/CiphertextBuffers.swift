internal import COpenSSL
internal import NIOCore

/// The ciphertext of one connection on its way into and out of OpenSSL.
///
/// OpenSSL reads and writes these buffers in place through a BIO of our own type. Two `BIO_s_mem`
/// would do the same with one more copy in each direction and keep their largest size for the life
/// of an idle connection.
///
/// Confined to the event loop of its channel.
final class CiphertextBuffers {
  /// Received and not yet consumed by OpenSSL.
  private(set) var inbound = ByteBuffer()
  /// Produced by OpenSSL and not yet sent.
  private(set) var outbound = ByteBuffer()
  /// Bytes that OpenSSL has consumed since the connection began.
  private(set) var consumedByteCount = 0

  /// Adds received bytes, without a copy when none are waiting.
  func receive(_ bytes: ByteBuffer) {
    if inbound.readableBytes == 0 {
      inbound = bytes
    } else {
      inbound.writeImmutableBuffer(bytes)
    }
  }

  /// Forgets what was received and not consumed.
  func discardInbound() {
    inbound = ByteBuffer()
  }

  /// Makes room for the ciphertext of a write of known size.
  func reserveOutbound(_ byteCount: Int) {
    outbound.reserveCapacity(minimumWritableBytes: byteCount)
  }

  /// What is to be sent, or nil if there is nothing.
  func takeOutbound() -> ByteBuffer? {
    guard outbound.readableBytes > 0 else { return nil }
    defer { outbound = ByteBuffer() }
    return outbound
  }

  fileprivate func consume(into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = inbound.readWithUnsafeReadableBytes { available in
      let count = min(available.count, target.count)
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: available[..<count]))
      return count
    }
    consumedByteCount += count
    if inbound.readableBytes == 0 {
      inbound = ByteBuffer()
    }
    return count
  }

  fileprivate func produce(_ bytes: UnsafeRawBufferPointer) {
    outbound.writeBytes(bytes)
  }
}

extension CiphertextBuffers {
  /// A BIO over `buffers`, which must outlive it, or nil if memory is short. Owned by the caller.
  static func makeBIO(over buffers: CiphertextBuffers) -> OpaquePointer? {
    guard let method = method.pointer, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(buffers).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }

  /// Safe to share: the table is written once, before the first use, and OpenSSL only reads it.
  private struct Method: @unchecked Sendable {
    let pointer: OpaquePointer?
  }

  private static let method: Method = {
    let type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
    guard type != -1, let method = BIO_meth_new(type, "tacit ciphertext") else {
      return Method(pointer: nil)
    }
    BIO_meth_set_read_ex(method) { bio, target, capacity, count in
      BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
      guard let buffers = CiphertextBuffers.behind(bio), let target, let count else { return 0 }
      count.pointee = buffers.consume(
        into: UnsafeMutableRawBufferPointer(start: target, count: capacity))
      guard count.pointee > 0 else {
        // Empty is "not yet": the end of the stream is the handler's to judge, not the BIO's.
        BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        return 0
      }
      return 1
    }
    BIO_meth_set_write_ex(method) { bio, source, byteCount, count in
      BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
      guard let buffers = CiphertextBuffers.behind(bio), let source, let count else { return 0 }
      buffers.produce(UnsafeRawBufferPointer(start: source, count: byteCount))
      count.pointee = byteCount
      return 1
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in
      // OpenSSL flushes after each flight and treats failure as fatal; no other command applies.
      command == BIO_CTRL_FLUSH ? 1 : 0
    }
    return Method(pointer: method)
  }()

  private static func behind(_ bio: OpaquePointer?) -> CiphertextBuffers? {
    guard let data = BIO_get_data(bio) else { return nil }
    return Unmanaged<CiphertextBuffers>.fromOpaque(data).takeUnretainedValue()
  }
}
