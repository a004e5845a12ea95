package import Cryptography

/// The coordinator's X25519 key of one round, dropped with the round.
///
/// Whoever records the traffic, or later takes the coordinator's disk, cannot open an update of a
/// past round.
package struct RoundSealingKey: Sendable {
  private let agreementKey: AgreementKey

  /// Makes a new key.
  /// - Throws: `CryptographyError` if guarded memory is not to be had.
  package init() throws(CryptographyError) {
    agreementKey = try AgreementKey()
  }

  /// What clients seal to, 32 bytes.
  package var publicKey: [UInt8] { agreementKey.publicKey }

  /// Opens one update.
  ///
  /// All lengths are compared with `dimension` before anything is allocated or computed. The result
  /// is one customer's data in the clear: hand it to `AggregateSum.add` and keep no copy.
  /// - Parameters:
  ///   - sealed: as it came from the network.
  ///   - context: the digest of the round's offer.
  ///   - clientID: the authenticated sender.
  ///   - dimension: the round's number of values, at least 1.
  /// - Returns: `dimension` finite values.
  /// - Throws: `wrongLength` when the chunks are not those of `dimension` values; `badSeal` when
  ///   the keys are malformed or a chunk was altered, cut, reordered, or sealed for another key,
  ///   context or client; `nonFinite`; `coordinatorFault` when guarded memory is not to be had.
  package func open(
    _ sealed: SealedUpdate, context: [UInt8], clientID: UInt32, dimension: Int
  ) throws(UpdateRejection) -> [Float] {
    precondition(dimension >= 1, "a round has at least one value")
    let layout = ChunkLayout(dimension: dimension)
    guard sealed.ephemeralKey.count == AgreementKey.byteCount,
      sealed.header.count == SealedStream.headerByteCount
    else { throw .badSeal }
    guard layout.describes(sealed.chunks) else { throw .wrongLength }
    var update: [Float]
    do {
      update = try decrypt(sealed, layout, context: context, clientID: clientID)
    } catch {
      throw RoundSealingKey.rejection(for: error)
    }
    guard update.allSatisfy(\.isFinite) else {
      wipe(&update)
      throw .nonFinite
    }
    return update
  }

  private func decrypt(
    _ sealed: SealedUpdate, _ layout: ChunkLayout, context: [UInt8], clientID: UInt32
  ) throws(CryptographyError) -> [Float] {
    let key = try UpdateSeal.streamKey(
      sharedSecret: agreementKey.sharedSecret(with: sealed.ephemeralKey), context: context,
      ephemeralKey: sealed.ephemeralKey, roundKey: publicKey, clientID: clientID)
    var opener = try StreamOpener(key: key, header: sealed.header)
    var update = [Float](repeating: 0, count: layout.dimension)
    var plaintext = [UInt8](repeating: 0, count: layout.byteCount(ofChunk: 0))
    defer { wipe(&plaintext) }
    for (index, chunk) in sealed.chunks.enumerated() {
      var bytes = plaintext.mutableSpan
      let isFinal = try opener.open(chunk, into: &bytes)
      // A final mark that comes early or not at all: chunks of one stream passed off as a shorter
      // or longer one.
      guard isFinal == (index == layout.chunkCount - 1) else { throw .authenticationFailed }
      UpdateSeal.load(plaintext.span, into: &update, at: layout.values(ofChunk: index))
    }
    return update
  }

  private static func rejection(for error: CryptographyError) -> UpdateRejection {
    switch error {
    case .secretMemoryUnavailable, .missingLibrary, .operationFailed: .coordinatorFault
    default: .badSeal
    }
  }
}
