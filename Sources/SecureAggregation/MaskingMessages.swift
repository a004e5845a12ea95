internal import Cryptography

/// Message 1 of a masked round: a member's keys for this round, signed by its identity key.
package struct MaskingAdvert: Equatable, Sendable {
  package static let byteCount = 132

  package var clientID: UInt32
  /// X25519, for the encryption of shares, 32 bytes.
  package var channelKey: [UInt8]
  /// X25519, for pairwise masks, 32 bytes.
  package var maskKey: [UInt8]
  /// Ed25519, 64 bytes.
  package var signature: [UInt8]

  package init(
    clientID: UInt32, channelKey: [UInt8], maskKey: [UInt8], signature: [UInt8]
  ) {
    self.clientID = clientID
    self.channelKey = channelKey
    self.maskKey = maskKey
    self.signature = signature
  }

  /// Whether every field has its length.
  var isWellFormed: Bool {
    [channelKey, maskKey].allSatisfy { $0.count == 32 }
      && signature.count == SigningKey.signatureByteCount
  }
}

/// One holder's shares of one dealer's secrets, encrypted to the holder.
///
/// The key is fresh in every roster and of one direction of one pair, and a dealer deals once: it encrypts
/// one message, so that the nonce is zero and is not sent.
package struct EncryptedShare: Equatable, Sendable {
  static let nonce = [UInt8](repeating: 0, count: 24)
  /// Index of the share, share of b, share of the mask key, and the tag.
  package static let ciphertextByteCount = 81

  /// The holder in a bundle, the dealer in a delivery.
  package var peerID: UInt32
  /// 81 bytes.
  package var ciphertext: [UInt8]

  package init(peerID: UInt32, ciphertext: [UInt8]) {
    self.peerID = peerID
    self.ciphertext = ciphertext
  }

  var isWellFormed: Bool {
    ciphertext.count == Self.ciphertextByteCount
  }
}

/// Message 3: a dealer's shares for all of its neighbours.
package struct ShareBundle: Equatable, Sendable {
  package var clientID: UInt32
  /// One for each neighbour, in the order of their ids.
  package var shares: [EncryptedShare]
  /// Commitment to the seed b of the dealer's own mask, 32 bytes: for the coordinator, which combines shares.
  package var seedCommitment: [UInt8]
  /// Ed25519, 64 bytes.
  package var signature: [UInt8]

  package init(
    clientID: UInt32, shares: [EncryptedShare], seedCommitment: [UInt8], signature: [UInt8]
  ) {
    self.clientID = clientID
    self.seedCommitment = seedCommitment
    self.shares = shares
    self.signature = signature
  }
}

/// Message 4: the shares that neighbours dealt to one member, and who dealt at all.
package struct ShareDelivery: Equatable, Sendable {
  /// In the order of the dealers' ids.
  package var shares: [EncryptedShare]
  /// U2.
  package var sharers: MemberSet

  package init(shares: [EncryptedShare], sharers: MemberSet) {
    self.shares = shares
    self.sharers = sharers
  }
}

/// Message 5: an update under its masks.
package struct MaskedUpdate: Equatable, Sendable {
  /// Shape `[dimension]`, in Z_2^32.
  package var values: [UInt32]
  package var header: MaskedUpdateHeader

  package init(values: [UInt32], header: MaskedUpdateHeader) {
    self.values = values
    self.header = header
  }
}

/// What identifies a masked update, and its sender's signature.
package struct MaskedUpdateHeader: Equatable, Sendable {
  /// SHA-256 over the values as little-endian words, 32 bytes.
  package var digest: [UInt8]
  /// Ed25519, 64 bytes.
  package var signature: [UInt8]

  package init(digest: [UInt8], signature: [UInt8]) {
    self.digest = digest
    self.signature = signature
  }
}

/// Message 7: a member signs who is in the sum. Message 8 is a list of them in the order of ids.
package struct AgreementSignature: Equatable, Sendable {
  package var clientID: UInt32
  /// Ed25519, 64 bytes.
  package var signature: [UInt8]

  package init(clientID: UInt32, signature: [UInt8]) {
    self.clientID = clientID
    self.signature = signature
  }
}

/// One share that a holder reveals: of its owner's seed b if the owner is in the sum, of its mask
/// key otherwise.
package struct RevealedShare: Equatable, Sendable {
  package var ownerID: UInt32
  /// 32 bytes.
  package var share: [UInt8]

  package init(ownerID: UInt32, share: [UInt8]) {
    self.ownerID = ownerID
    self.share = share
  }
}

/// Message 9: all that a holder reveals in a round, in the order of owners.
package struct RevealedShares: Equatable, Sendable {
  package var clientID: UInt32
  package var shares: [RevealedShare]

  package init(clientID: UInt32, shares: [RevealedShare]) {
    self.clientID = clientID
    self.shares = shares
  }
}
