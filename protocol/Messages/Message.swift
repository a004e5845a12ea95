/// Every message of the protocol. One frame carries one message: a kind byte, then its fields.
///
/// Wire specification section 3.
package enum Message: Equatable, Sendable {
  case serverHello(ServerHello)
  case clientAuth(ClientAuth)
  case clientEnrol(ClientEnrol)
  case welcome(Welcome)
  case refused(Refused)
  case askKeys(AskKeys)
  case keysShown(KeysShown)
  case offer(Offer)
  case answer(Answer)
  case proceed(Proceed)
  case updateHeader(UpdateHeader)
  case updateChunk(RoundChunk)
  case updateResult(UpdateResult)
  case roundClosed(RoundClosed)
  case finished(Finished)
  case askOutcomes(AskOutcomes)
  case outcomes(Outcomes)
  case ledgerShown(LedgerShown)
  case fetchBlob(FetchBlob)
  case blobChunk(BlobChunk)
  case advertise(Advertise)
  case roundRoster(RoundRoster)
  case rosterChunk(RoundChunk)
  case shares(Shares)
  case deliver(Deliver)
  case maskedHeader(MaskedHeader)
  case survivors(Survivors)
  case agree(Agree)
  case proof(Proof)
  case unmask(Unmask)
  case refuseRound(RefuseRound)
  case askCredentials(AskCredentials)
  case credentials(RoundChunk)
  case unreadableShares(UnreadableShares)
}

extension Message {
  /// First byte of the frame payload. Values are never reused.
  package enum Kind: UInt8, CaseIterable, Sendable {
    case serverHello = 1
    case clientAuth = 2
    case clientEnrol = 3
    case welcome = 4
    case refused = 5
    case askKeys = 6
    case keysShown = 7
    case offer = 16
    case answer = 17
    case proceed = 18
    case updateHeader = 19
    case updateChunk = 20
    case updateResult = 21
    case roundClosed = 22
    case finished = 23
    case askOutcomes = 24
    case outcomes = 25
    case ledgerShown = 26
    case fetchBlob = 32
    case blobChunk = 33
    case advertise = 48
    case roundRoster = 49
    case rosterChunk = 50
    case shares = 51
    case deliver = 52
    case maskedHeader = 53
    case survivors = 54
    case agree = 55
    case proof = 56
    case unmask = 57
    case refuseRound = 58
    case askCredentials = 59
    case credentials = 60
    case unreadableShares = 61
  }

  package var kind: Kind {
    switch self {
    case .serverHello: .serverHello
    case .clientAuth: .clientAuth
    case .clientEnrol: .clientEnrol
    case .welcome: .welcome
    case .refused: .refused
    case .askKeys: .askKeys
    case .keysShown: .keysShown
    case .offer: .offer
    case .answer: .answer
    case .proceed: .proceed
    case .updateHeader: .updateHeader
    case .updateChunk: .updateChunk
    case .updateResult: .updateResult
    case .roundClosed: .roundClosed
    case .finished: .finished
    case .askOutcomes: .askOutcomes
    case .outcomes: .outcomes
    case .ledgerShown: .ledgerShown
    case .fetchBlob: .fetchBlob
    case .blobChunk: .blobChunk
    case .advertise: .advertise
    case .roundRoster: .roundRoster
    case .rosterChunk: .rosterChunk
    case .shares: .shares
    case .deliver: .deliver
    case .maskedHeader: .maskedHeader
    case .survivors: .survivors
    case .agree: .agree
    case .proof: .proof
    case .unmask: .unmask
    case .refuseRound: .refuseRound
    case .askCredentials: .askCredentials
    case .credentials: .credentials
    case .unreadableShares: .unreadableShares
    }
  }

  /// The frame payload that carries this message.
  package func encoded() -> [UInt8] {
    var capacity = 256
    if case .updateChunk(let chunk) = self { capacity += chunk.data.count }
    if case .blobChunk(let chunk) = self { capacity += chunk.data.count }
    if case .rosterChunk(let chunk) = self { capacity += chunk.data.count }
    if case .credentials(let chunk) = self { capacity += chunk.data.count }
    var writer = ByteWriter(capacity: capacity)
    writer.uint8(kind.rawValue)
    switch self {
    case .serverHello(let body): body.write(to: &writer)
    case .clientAuth(let body): body.write(to: &writer)
    case .clientEnrol(let body): body.write(to: &writer)
    case .welcome(let body): body.write(to: &writer)
    case .refused(let body): body.write(to: &writer)
    case .askKeys(let body): body.write(to: &writer)
    case .keysShown(let body): body.write(to: &writer)
    case .offer(let body): body.write(to: &writer)
    case .answer(let body): body.write(to: &writer)
    case .proceed(let body): body.write(to: &writer)
    case .updateHeader(let body): body.write(to: &writer)
    case .updateChunk(let body): body.write(to: &writer)
    case .updateResult(let body): body.write(to: &writer)
    case .roundClosed(let body): body.write(to: &writer)
    case .finished(let body): body.write(to: &writer)
    case .askOutcomes(let body): body.write(to: &writer)
    case .outcomes(let body): body.write(to: &writer)
    case .ledgerShown(let body): body.write(to: &writer)
    case .fetchBlob(let body): body.write(to: &writer)
    case .blobChunk(let body): body.write(to: &writer)
    case .advertise(let body): body.write(to: &writer)
    case .roundRoster(let body): body.write(to: &writer)
    case .rosterChunk(let body): body.write(to: &writer)
    case .shares(let body): body.write(to: &writer)
    case .deliver(let body): body.write(to: &writer)
    case .maskedHeader(let body): body.write(to: &writer)
    case .survivors(let body): body.write(to: &writer)
    case .agree(let body): body.write(to: &writer)
    case .proof(let body): body.write(to: &writer)
    case .unmask(let body): body.write(to: &writer)
    case .refuseRound(let body): body.write(to: &writer)
    case .askCredentials(let body): body.write(to: &writer)
    case .credentials(let body): body.write(to: &writer)
    case .unreadableShares(let body): body.write(to: &writer)
    }
    return writer.bytes
  }

  /// Reads one frame payload.
  ///
  /// The encoding is canonical: a payload that decodes encodes back to the same bytes.
  /// - Parameter payload: at most `FrameLimits.maximumFrameBytes` bytes, from a peer.
  /// - Throws: `WireError`, naming the field or length that is wrong.
  package init(decoding payload: [UInt8]) throws(WireError) {
    guard payload.count <= FrameLimits.maximumFrameBytes else {
      throw .messageTooLong(actual: payload.count, limit: FrameLimits.maximumFrameBytes)
    }
    guard !payload.isEmpty else { throw .emptyMessage }
    var reader = ByteReader(payload)
    let raw = try reader.uint8()
    guard let kind = Kind(rawValue: raw) else { throw .unknownMessage(kind: raw) }
    switch kind {
    case .serverHello: self = .serverHello(try ServerHello(from: &reader))
    case .clientAuth: self = .clientAuth(try ClientAuth(from: &reader))
    case .clientEnrol: self = .clientEnrol(try ClientEnrol(from: &reader))
    case .welcome: self = .welcome(try Welcome(from: &reader))
    case .refused: self = .refused(try Refused(from: &reader))
    case .askKeys: self = .askKeys(try AskKeys(from: &reader))
    case .keysShown: self = .keysShown(try KeysShown(from: &reader))
    case .offer: self = .offer(try Offer(from: &reader))
    case .answer: self = .answer(try Answer(from: &reader))
    case .proceed: self = .proceed(try Proceed(from: &reader))
    case .updateHeader: self = .updateHeader(try UpdateHeader(from: &reader))
    case .updateChunk: self = .updateChunk(try RoundChunk(from: &reader))
    case .updateResult: self = .updateResult(try UpdateResult(from: &reader))
    case .roundClosed: self = .roundClosed(try RoundClosed(from: &reader))
    case .finished: self = .finished(try Finished(from: &reader))
    case .askOutcomes: self = .askOutcomes(try AskOutcomes(from: &reader))
    case .outcomes: self = .outcomes(try Outcomes(from: &reader))
    case .ledgerShown: self = .ledgerShown(try LedgerShown(from: &reader))
    case .fetchBlob: self = .fetchBlob(try FetchBlob(from: &reader))
    case .blobChunk: self = .blobChunk(try BlobChunk(from: &reader))
    case .advertise: self = .advertise(try Advertise(from: &reader))
    case .roundRoster: self = .roundRoster(try RoundRoster(from: &reader))
    case .rosterChunk: self = .rosterChunk(try RoundChunk(from: &reader))
    case .shares: self = .shares(try Shares(from: &reader))
    case .deliver: self = .deliver(try Deliver(from: &reader))
    case .maskedHeader: self = .maskedHeader(try MaskedHeader(from: &reader))
    case .survivors: self = .survivors(try Survivors(from: &reader))
    case .agree: self = .agree(try Agree(from: &reader))
    case .proof: self = .proof(try Proof(from: &reader))
    case .unmask: self = .unmask(try Unmask(from: &reader))
    case .refuseRound: self = .refuseRound(try RefuseRound(from: &reader))
    case .askCredentials: self = .askCredentials(try AskCredentials(from: &reader))
    case .credentials: self = .credentials(try RoundChunk(from: &reader))
    case .unreadableShares: self = .unreadableShares(try UnreadableShares(from: &reader))
    }
    try reader.finish()
  }
}
