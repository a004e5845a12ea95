/// A client's update as it travels in mode `sealed`: only the holder of the round key can open it.
///
/// The chunks are sealed in order as one stream; all but the last hold
/// `UpdateSeal.chunkPlaintextBytes`.
package struct SealedUpdate: Equatable, Sendable {
  /// The client's X25519 public key, made for this update, 32 bytes.
  package var ephemeralKey: [UInt8]
  /// The stream header, 24 bytes.
  package var header: [UInt8]
  /// The sealed chunks.
  package var chunks: [[UInt8]]

  /// Checks nothing: `RoundSealingKey.open` does.
  package init(ephemeralKey: [UInt8], header: [UInt8], chunks: [[UInt8]]) {
    self.ephemeralKey = ephemeralKey
    self.header = header
    self.chunks = chunks
  }
}
