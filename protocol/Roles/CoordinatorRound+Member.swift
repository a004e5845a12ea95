internal import Cryptography
internal import SecureAggregation

extension CoordinatorRound {
  /// Where one member stands in the round.
  struct Member: Sendable {
    enum State: Equatable, Sendable {
      case offered
      case waiting
      case uploading
      case accepted
      case declined
      case rejected
      case gone
    }

    let key: VerifyingKey
    var state: State
    var isConnected = true

    /// The round still waits for this member.
    var isPending: Bool {
      switch state {
      case .offered, .waiting, .uploading: true
      case .accepted, .declined, .rejected, .gone: false
      }
    }
  }
}

extension UploadQueue<UpdateHeader>.Upload {
  /// The sealed update, once its digest is the signed one.
  func verified() throws(UpdateRejection) -> SealedUpdate {
    guard let header, isComplete else { throw .wrongLength }
    guard UpdateDigest.sha256(of: chunks) == header.digest else { throw .badSignature }
    return SealedUpdate(
      ephemeralKey: header.ephemeralKey, header: header.streamHeader, chunks: chunks)
  }
}

/// The digest that an update's signature covers.
package enum UpdateDigest {
  /// SHA-256 over the chunks, concatenated: 32 bytes.
  package static func sha256(of chunks: [[UInt8]]) -> [UInt8] {
    var hash = SHA256()
    for chunk in chunks { hash.update(chunk) }
    return hash.finalize().bytes
  }
}

extension Message {
  /// The round that a member's message speaks of; 0 for messages outside rounds.
  package var round: UInt64 {
    switch self {
    case .answer(let body): body.round
    case .updateHeader(let body): body.round
    case .updateChunk(let body): body.round
    case .proceed(let body): body.round
    case .updateResult(let body): body.round
    case .roundClosed(let body): body.round
    case .offer(let body): body.round
    case .advertise(let body): body.round
    case .roundRoster(let body): body.round
    case .rosterChunk(let body): body.round
    case .shares(let body): body.round
    case .deliver(let body): body.round
    case .maskedHeader(let body): body.round
    case .survivors(let body): body.round
    case .agree(let body): body.round
    case .proof(let body): body.round
    case .unmask(let body): body.round
    case .refuseRound(let body): body.round
    case .askCredentials(let body): body.round
    case .credentials(let body): body.round
    case .unreadableShares(let body): body.round
    default: 0
    }
  }
}
