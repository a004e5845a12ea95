import SecureAggregation
import Testing
import VectorMath
import WireProtocol

/// Each way in which member 9 misbehaves, between honest members 1 to 3.
@Suite("Coordinator round: rejections")
struct CoordinatorRejectionTests {
  enum Attack: CaseIterable {
    case notANumber, infinite
    case oneValueMore, oneValueLess, twiceAsLong, chunkCountOfAnotherLength, chunkOutOfOrder
    case chunkTooLong, emptyChunk
    case headerOfAnotherRound, chunkOfAnotherRound, answerOfAnotherRound
    case secondHeader, sentTwice
    case neverOffered
    case signedByAnother, signatureAltered, digestOfOtherChunks, contextOfAnotherRound
    case sealedForAnother, sealAltered, sealOfAnotherRound, ephemeralKeyOfLowOrder
    case beforeItsAnswer, chunkWithoutHeader
    case tooSlow

    var rejection: UpdateRejection {
      switch self {
      case .notANumber, .infinite: .nonFinite
      case .oneValueMore, .oneValueLess, .twiceAsLong, .chunkCountOfAnotherLength,
        .chunkOutOfOrder, .chunkTooLong, .emptyChunk:
        .wrongLength
      case .headerOfAnotherRound, .chunkOfAnotherRound, .answerOfAnotherRound: .wrongRound
      case .secondHeader, .sentTwice: .replayed
      case .neverOffered: .notEnrolled
      case .signedByAnother, .signatureAltered, .digestOfOtherChunks, .contextOfAnotherRound:
        .badSignature
      case .sealedForAnother, .sealAltered, .sealOfAnotherRound, .ephemeralKeyOfLowOrder: .badSeal
      case .beforeItsAnswer, .chunkWithoutHeader: .notOffered
      case .tooSlow: .tooSlow
      }
    }
  }

  private static let bad: ClientID = 9
  private static let honest: [ClientID: [Float]] = [
    1: [0.5, 0, -0.25, 0.125], 2: [1, 0, 0, 0], 3: [0, -0.3, 0.3, 0.9],
  ]

  @Test("a bad update is refused by name; the honest sum is the same", arguments: Attack.allCases)
  func refusedByName(attack: Attack) throws {
    let expected = try Self.honestSum()
    let harness = try RoundHarness()
    for id in Self.honest.keys.sorted() { try harness.connect(id) }
    if attack != .neverOffered { try harness.connect(Self.bad) }
    harness.answer(1)
    try harness.upload(Self.honest[1] ?? [], from: 1)
    let results = try Self.perform(attack, on: harness).results
    #expect(
      results.contains("9 \(attack.rejection.rawValue)"),
      "\(results)")
    #expect(results.contains("9 accepted") == (attack == .sentTwice))
    #expect(harness.rejectionCounts[attack.rejection] ?? 0 >= 1)
    for id: ClientID in 2...3 { harness.answer(id) }
    try harness.upload(Self.honest[2] ?? [], from: 2)
    harness.disconnect(Self.bad)
    #expect(try harness.upload(Self.honest[3] ?? [], from: 3).last == .charge)
    // An update of zeros, for the one attack that begins with an honest upload.
    #expect(harness.contributorCount == (attack == .sentTwice ? 4 : 3))
    #expect(try harness.release().values == expected)
  }

  @Test("every attack that a client can make is tried above, but for the closed round and masks")
  func everyRejection() {
    let tried = Set(Attack.allCases.map(\.rejection))
    let rest = Set(UpdateRejection.allCases).subtracting(tried)
    #expect(rest == [.roundClosed, .malformed, .coordinatorFault])
  }

  @Test("what comes after the close is refused by name")
  func roundClosed() throws {
    let harness = try RoundHarness(minimumCohort: 1)
    for id: ClientID in [1, 9] { try harness.join(id) }
    harness.disconnect(9)
    try harness.upload([1, 0, 0, 0], from: 1)
    let late = try harness.upload([0, 1, 0, 0], from: 9)
    #expect(late.results == ["9 round-closed", "9 round-closed"])
    #expect(try harness.releaseExactSum() == [1, 0, 0, 0])
    #expect(try harness.upload([0, 1, 0, 0], from: 9).results.first == "9 round-closed")
  }

  @Test("messages that are not a member's leave the round as it is")
  func foreignMessages() throws {
    let harness = try RoundHarness()
    for id in Self.honest.keys.sorted() { try harness.join(id) }
    let round = harness.offer.round
    let foreign: [Message] = [
      .offer(harness.offer), .proceed(Proceed(round: round)),
      .updateResult(UpdateResult(round: round, rejection: nil)),
    ]
    for message in foreign { #expect(harness.send([message], from: 1).isEmpty) }
    for (id, update) in Self.honest.sorted(by: { $0.key < $1.key }) {
      try harness.upload(update, from: id)
    }
    #expect(try harness.release().values == Self.honestSum())
  }

  private static func honestSum() throws -> [Double] {
    let harness = try RoundHarness()
    for id in honest.keys.sorted() { try harness.join(id) }
    for (id, update) in honest { try harness.upload(update, from: id) }
    return try harness.release().values
  }

  private static func perform(
    _ attack: Attack, on harness: RoundHarness
  ) throws -> [CoordinatorRoundEffect] {
    let update: [Float] = [0.5, 0.5, 0.5, 0.5]
    if attack != .neverOffered && attack != .beforeItsAnswer { harness.answer(bad) }
    var messages = try harness.sealed(update, from: bad)
    switch attack {
    case .notANumber: messages = try harness.sealed([0, .nan, 0, 0], from: bad)
    case .infinite: messages = try harness.sealed([0, 0, 0, -.infinity], from: bad)
    case .oneValueMore: messages = try harness.sealed(update + [0], from: bad)
    case .oneValueLess: messages = try harness.sealed([1, 0, 0], from: bad)
    case .twiceAsLong:
      messages = try harness.sealed([Float](repeating: 0, count: 600), from: bad)
    case .chunkCountOfAnotherLength, .secondHeader, .signedByAnother, .signatureAltered,
      .digestOfOtherChunks, .contextOfAnotherRound, .headerOfAnotherRound,
      .ephemeralKeyOfLowOrder:
      messages = try alteredHeader(attack, messages, harness)
    case .chunkOutOfOrder, .chunkOfAnotherRound, .sealAltered, .chunkTooLong, .emptyChunk:
      messages = try alteredChunk(attack, messages, harness)
    case .answerOfAnotherRound:
      messages = [.answer(Answer(round: harness.offer.round + 1, joins: true))]
    case .sentTwice:
      // Zeros, so that the honest sum shows that the second copy added nothing.
      messages = try harness.sealed([0, 0, 0, 0], from: bad)
      messages += messages
    case .sealedForAnother:
      messages = try resigned(try harness.sealed(update, from: 1), harness)
    case .sealOfAnotherRound:
      let other = try RoundHarness(round: harness.offer.round - 1)
      messages = try resigned(
        try harness.sealed(update, from: bad, context: other.context), harness)
    case .chunkWithoutHeader: messages.removeFirst()
    case .tooSlow:
      return harness.send([messages[0]], from: bad) + harness.clock(seconds: 31)
    case .neverOffered, .beforeItsAnswer: break
    }
    return harness.send(messages, from: bad)
  }

  private static func alteredHeader(
    _ attack: Attack, _ messages: [Message], _ harness: RoundHarness
  ) throws -> [Message] {
    guard case .updateHeader(var header) = messages[0] else { return [] }
    switch attack {
    case .chunkCountOfAnotherLength:
      header.chunkCount = 2
      try harness.sign(&header, by: bad)
    case .secondHeader: return [messages[0], messages[0]]
    case .signedByAnother: try harness.sign(&header, by: 1)
    case .signatureAltered: header.signature[63] ^= 1
    case .digestOfOtherChunks:
      header.digest[0] ^= 1
      try harness.sign(&header, by: bad)
    case .contextOfAnotherRound:
      let other = try RoundHarness(round: harness.offer.round - 1)
      try harness.sign(&header, by: bad, context: other.context)
    case .headerOfAnotherRound:
      header.round += 1
      try harness.sign(&header, by: bad)
    case .ephemeralKeyOfLowOrder:
      header.ephemeralKey = [UInt8](repeating: 0, count: 32)
      try harness.sign(&header, by: bad)
    default: break
    }
    return [.updateHeader(header)] + messages.dropFirst()
  }

  private static func alteredChunk(
    _ attack: Attack, _ messages: [Message], _ harness: RoundHarness
  ) throws -> [Message] {
    guard case .updateChunk(var chunk) = messages[1] else { return [] }
    switch attack {
    case .chunkOutOfOrder: chunk.index = 1
    case .chunkOfAnotherRound: chunk.round -= 1
    case .sealAltered: chunk.data[0] ^= 1
    case .chunkTooLong: chunk.data = [UInt8](repeating: 0, count: 262_144)
    case .emptyChunk: chunk.data = []
    default: break
    }
    let altered = [messages[0], .updateChunk(chunk)]
    return attack == .sealAltered || attack == .emptyChunk
      ? try resigned(altered, harness) : altered
  }

  /// With the digest and the signature of the bad member over whatever the chunks now are.
  private static func resigned(
    _ messages: [Message], _ harness: RoundHarness
  ) throws -> [Message] {
    guard case .updateHeader(var header) = messages[0] else { return [] }
    let chunks = messages.dropFirst().compactMap { message in
      if case .updateChunk(let chunk) = message { chunk.data } else { nil }
    }
    header.digest = UpdateDigest.sha256(of: chunks)
    try harness.sign(&header, by: bad)
    return [.updateHeader(header)] + messages.dropFirst()
  }
}
