package import Cryptography

/// What admits a member: the enrolment authority's word that the holder of one token is member
/// `clientID`, and the token's word for the identity key that its holder chose.
///
/// The authority signs before it knows any device's key, so it can work offline and in batches; and
/// a coordinator, which never sees the secret of a token, can put no key of its own in a customer's
/// place. The authority gives each token a number of its own and a roster names every number once:
/// one token is one member of a round, whatever its holder signs. Wire specification section 4.
package struct MemberCredential: Hashable, Sendable {
  package static let byteCount = 168

  /// Ed25519 public key of the token, 32 bytes.
  package var tokenKey: [UInt8]
  /// Seconds since 1970; a token is not redeemed from then on.
  package var expiresAtSeconds: UInt64
  /// By the enrolment key over `LoginTranscript.voucher`, 64 bytes.
  package var voucher: [UInt8]
  /// By the token key over `LoginTranscript.credential`, 64 bytes.
  package var binding: [UInt8]

  package init(
    tokenKey: [UInt8], expiresAtSeconds: UInt64, voucher: [UInt8], binding: [UInt8]
  ) {
    self.tokenKey = tokenKey
    self.expiresAtSeconds = expiresAtSeconds
    self.voucher = voucher
    self.binding = binding
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter(capacity: Self.byteCount)
    writer.fixed(tokenKey, count: 32)
    writer.uint64(expiresAtSeconds)
    writer.fixed(voucher, count: 64)
    writer.fixed(binding, count: 64)
    return writer.bytes
  }

  /// - Throws: `WireError` unless there are `byteCount` bytes.
  package init(bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    tokenKey = try reader.fixed(32)
    expiresAtSeconds = try reader.uint64()
    voucher = try reader.fixed(64)
    binding = try reader.fixed(64)
    try reader.finish()
  }

  /// Whether the authority vouched for this token as that of `clientID`.
  package func isVouchedFor(
    as clientID: ClientID, in ledgerID: [UInt8], by authority: VerifyingKey
  ) -> Bool {
    authority.isValidSignature(
      voucher,
      for: LoginTranscript.voucher(
        clientID: clientID, tokenKey: tokenKey, expiresAtSeconds: expiresAtSeconds,
        ledgerID: ledgerID))
  }

  /// Whether `identityKey` is that of member `clientID`. Expiry is the coordinator's to check, when
  /// the token is redeemed: members have no common clock.
  package func admits(
    _ identityKey: [UInt8], as clientID: ClientID, in ledgerID: [UInt8],
    authority: VerifyingKey
  ) -> Bool {
    // Bytes that are no key have signed nothing.
    guard let token = try? VerifyingKey(bytes: tokenKey) else { return false }
    return isVouchedFor(as: clientID, in: ledgerID, by: authority)
      && token.isValidSignature(
        binding,
        for: LoginTranscript.credential(
          clientID: clientID, identityKey: identityKey, ledgerID: ledgerID))
  }
}
