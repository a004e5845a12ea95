internal import Cryptography

/// The byte strings that hashes, keys and signatures of a masked round cover.
///
/// Each starts with a label of its own and holds the round's context, so that nothing made for one
/// purpose, round, model or roster serves another (secure aggregation §3.5). All fields have a fixed
/// length or are hashes.
enum MaskingTranscript {
  static func littleEndian(_ value: UInt32) -> [UInt8] {
    [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  /// Signed by a member over its advert.
  static func advert(context: [UInt8], _ advert: MaskingAdvert) -> [UInt8] {
    Array("tacit advert/2".utf8) + context + littleEndian(advert.clientID) + advert.channelKey
      + advert.maskKey
  }

  /// Hashed with b behind it to commit to b.
  static func seedCommitment(context: [UInt8], clientID: UInt32) -> [UInt8] {
    Array("tacit b/1".utf8) + context + littleEndian(clientID)
  }

  /// ctx1: everything that is agreed once the roster is known.
  static func rosterContext(
    context: [UInt8], parameters: MaskingParameters, adverts: [MaskingAdvert]
  ) -> [UInt8] {
    var message =
      Array("tacit u1/2".utf8) + context + parameters.bytes + littleEndian(UInt32(adverts.count))
    message.reserveCapacity(message.count + adverts.count * MaskingAdvert.byteCount)
    for advert in adverts {
      message += littleEndian(advert.clientID)
      message += advert.channelKey
      message += advert.maskKey
      message += advert.signature
    }
    return BLAKE2b.hash256(message)
  }

  static func graphSeed(rosterContext: [UInt8]) -> [UInt8] {
    BLAKE2b.hash256(Array("tacit graph/1".utf8) + rosterContext)
  }

  static func committeeSeed(rosterContext: [UInt8]) -> [UInt8] {
    BLAKE2b.hash256(Array("tacit committee/1".utf8) + rosterContext)
  }

  /// What the key of the shares from `dealer` to `holder` is bound to.
  static func channelKey(rosterContext: [UInt8], dealer: UInt32, holder: UInt32) -> [UInt8] {
    Array("tacit enc/1".utf8) + rosterContext + littleEndian(dealer) + littleEndian(holder)
  }

  /// Additional data of the shares from `dealer` to `holder`.
  static func shares(rosterContext: [UInt8], dealer: UInt32, holder: UInt32) -> [UInt8] {
    rosterContext + littleEndian(dealer) + littleEndian(holder)
  }

  /// Signed by a dealer over all of its encrypted shares and its commitment.
  static func bundle(rosterContext: [UInt8], _ bundle: ShareBundle) -> [UInt8] {
    var ciphertexts: [UInt8] = []
    for share in bundle.shares {
      ciphertexts += littleEndian(share.peerID) + share.ciphertext
    }
    return Array("tacit shares/2".utf8) + rosterContext + littleEndian(bundle.clientID)
      + bundle.seedCommitment + BLAKE2b.hash256(ciphertexts)
  }

  /// What the mask of a pair is bound to; the same from both ends.
  static func pairwiseMask(rosterContext: [UInt8], _ first: UInt32, _ second: UInt32) -> [UInt8] {
    Array("tacit mask/1".utf8) + rosterContext + littleEndian(min(first, second))
      + littleEndian(max(first, second))
  }

  /// Signed by a member over its masked update.
  static func maskedUpdate(
    rosterContext: [UInt8], sharers: MemberSet, clientID: UInt32, digest: [UInt8], dimension: Int
  ) -> [UInt8] {
    Array("tacit masked/1".utf8) + rosterContext + sharers.digest + littleEndian(clientID) + digest
      + littleEndian(UInt32(dimension))
  }

  /// Signed by members that agree on who is in the sum.
  static func agreement(
    rosterContext: [UInt8], sharers: MemberSet, survivors: MemberSet
  ) -> [UInt8] {
    Array("tacit u3/1".utf8) + rosterContext + sharers.digest + survivors.digest
  }
}
