internal import CSodium

/// Sizes of a sealed stream (`crypto_secretstream_xchacha20poly1305`).
package enum SealedStream {
  /// Number of bytes of the key.
  package static let keyByteCount = Int(crypto_secretstream_xchacha20poly1305_keybytes())
  /// Number of bytes of the header that the opener needs before the first chunk.
  package static let headerByteCount = Int(crypto_secretstream_xchacha20poly1305_headerbytes())
  /// Number of bytes by which a sealed chunk is longer than its plaintext.
  package static let overheadByteCount = Int(crypto_secretstream_xchacha20poly1305_abytes())

  /// A zeroed stream state in guarded memory: the state holds the key.
  static func makeState() throws(CryptographyError) -> StatePointer {
    try Sodium.requireReady()
    let byteCount = crypto_secretstream_xchacha20poly1305_statebytes()
    guard let base = sodium_malloc(byteCount) else {
      throw .secretMemoryUnavailable(byteCount: byteCount)
    }
    // sodium_malloc aligns to the end of a page; the state is made of bytes, so that any address is
    // aligned.
    return base.assumingMemoryBound(to: crypto_secretstream_xchacha20poly1305_state.self)
  }

  static func requireKey(_ key: SecretBytes) throws(CryptographyError) {
    guard key.count == keyByteCount else {
      throw .invalidLength(value: "stream key", expected: keyByteCount, actual: key.count)
    }
  }

  typealias StatePointer = UnsafeMutablePointer<crypto_secretstream_xchacha20poly1305_state>
}

/// Seals a sequence of chunks so that none can be altered, dropped, repeated or reordered
/// unnoticed.
///
/// Not copyable: two copies would seal different chunks under one nonce.
package struct StreamSealer: ~Copyable {
  /// Public bytes that the opener needs, `SealedStream.headerByteCount` of them.
  package let header: [UInt8]
  private let state: SealedStream.StatePointer
  private var isEnded = false

  /// - Parameter key: `SealedStream.keyByteCount` bytes, used for this stream only.
  /// - Throws: `CryptographyError.invalidLength`, or a failure to reserve memory.
  package init(key: SecretBytes) throws(CryptographyError) {
    try SealedStream.requireKey(key)
    let state = try SealedStream.makeState()
    var header = [UInt8](repeating: 0, count: SealedStream.headerByteCount)
    let status = key.withUnsafePointer {
      crypto_secretstream_xchacha20poly1305_init_push(state, &header, $0)
    }
    guard status == 0 else {
      sodium_free(state)
      throw .operationFailed("crypto_secretstream_xchacha20poly1305_init_push")
    }
    self.state = state
    self.header = header
  }

  deinit { sodium_free(state) }

  /// The sealed form of `chunk`, `SealedStream.overheadByteCount` bytes longer.
  /// - Parameter isFinal: true exactly for the last chunk; without it the opener reports a cut
  ///   stream.
  /// - Throws: `CryptographyError.streamEnded` after the final chunk.
  package mutating func seal(
    _ chunk: Span<UInt8>, isFinal: Bool
  ) throws(CryptographyError) -> [UInt8] {
    guard !isEnded else { throw .streamEnded }
    let tag =
      isFinal
      ? crypto_secretstream_xchacha20poly1305_tag_final()
      : crypto_secretstream_xchacha20poly1305_tag_message()
    var sealed = [UInt8](repeating: 0, count: chunk.count + SealedStream.overheadByteCount)
    let status = chunk.withUnsafeBufferPointer {
      crypto_secretstream_xchacha20poly1305_push(
        state, &sealed, nil, $0.baseAddress, UInt64($0.count), nil, 0, tag)
    }
    guard status == 0 else {
      throw .operationFailed("crypto_secretstream_xchacha20poly1305_push")
    }
    isEnded = isFinal
    return sealed
  }

  /// As `seal(_:isFinal:)` on a span.
  package mutating func seal(
    _ chunk: [UInt8], isFinal: Bool
  ) throws(CryptographyError) -> [UInt8] {
    try seal(chunk.span, isFinal: isFinal)
  }
}
