internal import CSodium

/// Opens the chunks of a `StreamSealer` in their order.
///
/// The stream is whole only once a chunk came back with `isFinal`; until then it may have been cut.
package struct StreamOpener: ~Copyable {
  private let state: SealedStream.StatePointer
  private var isEnded = false

  /// - Parameters:
  ///   - key: the sealer's key, `SealedStream.keyByteCount` bytes.
  ///   - header: the sealer's header, `SealedStream.headerByteCount` bytes.
  /// - Throws: `CryptographyError.invalidLength`, or a failure to reserve memory.
  package init(key: SecretBytes, header: [UInt8]) throws(CryptographyError) {
    try SealedStream.requireKey(key)
    guard header.count == SealedStream.headerByteCount else {
      throw .invalidLength(
        value: "stream header", expected: SealedStream.headerByteCount, actual: header.count)
    }
    let state = try SealedStream.makeState()
    let status = key.withUnsafePointer {
      crypto_secretstream_xchacha20poly1305_init_pull(state, header, $0)
    }
    guard status == 0 else {
      sodium_free(state)
      throw .operationFailed("crypto_secretstream_xchacha20poly1305_init_pull")
    }
    self.state = state
  }

  deinit { sodium_free(state) }

  /// Opens one chunk into the front of `plaintext`, which the caller wipes.
  ///
  /// After a failure the stream stays where it was, and `plaintext` holds nothing of the chunk.
  /// - Parameters:
  ///   - chunk: a sealed chunk, at least `SealedStream.overheadByteCount` bytes.
  ///   - plaintext: at least as long as the chunk less the overhead.
  /// - Returns: whether this was the final chunk.
  /// - Throws: `CryptographyError.authenticationFailed`; `.streamEnded` after the final chunk;
  ///   `.invalidLength`.
  package mutating func open(
    _ chunk: [UInt8], into plaintext: inout MutableSpan<UInt8>
  ) throws(CryptographyError) -> Bool {
    guard !isEnded else { throw .streamEnded }
    guard chunk.count >= SealedStream.overheadByteCount else {
      throw .invalidLength(
        value: "sealed chunk", expected: SealedStream.overheadByteCount, actual: chunk.count)
    }
    guard plaintext.count >= chunk.count - SealedStream.overheadByteCount else {
      throw .invalidLength(
        value: "plaintext buffer", expected: chunk.count - SealedStream.overheadByteCount,
        actual: plaintext.count)
    }
    var tag: UInt8 = 0
    let status = plaintext.withUnsafeMutableBufferPointer {
      crypto_secretstream_xchacha20poly1305_pull(
        state, $0.baseAddress, nil, &tag, chunk, UInt64(chunk.count), nil, 0)
    }
    guard status == 0 else { throw .authenticationFailed }
    isEnded = tag == crypto_secretstream_xchacha20poly1305_tag_final()
    return isEnded
  }

  /// Opens one chunk into a new array.
  /// - Throws: as `open(_:into:)`.
  package mutating func open(
    _ chunk: [UInt8]
  ) throws(CryptographyError) -> (bytes: [UInt8], isFinal: Bool) {
    var bytes = [UInt8](
      repeating: 0, count: max(0, chunk.count - SealedStream.overheadByteCount))
    var plaintext = bytes.mutableSpan
    let isFinal = try open(chunk, into: &plaintext)
    return (bytes, isFinal)
  }
}
