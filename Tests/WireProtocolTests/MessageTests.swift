import SecureAggregation
import Testing
import VectorMath
import WireProtocol

@Suite("Message")
struct MessageTests {
  typealias Samples = SampleMessages

  @Test("every message comes back as it was sent, and has one spelling")
  func roundTrip() throws {
    for (name, message) in Samples.all + [("largest", Samples.largest)] {
      let bytes = message.encoded()
      let decoded = try Message(decoding: bytes)
      #expect(decoded == message, "\(name)")
      #expect(decoded.encoded() == bytes, "\(name)")
      #expect(bytes.first == message.kind.rawValue, "\(name)")
    }
  }

  @Test("the largest chunk fits a frame, and a frame one byte longer than the limit is refused")
  func frameLimit() {
    #expect(Samples.largest.encoded().count <= FrameLimits.maximumFrameBytes)
    let tooLong = [UInt8](repeating: 32, count: FrameLimits.maximumFrameBytes + 1)
    #expect(
      throws: WireError.messageTooLong(
        actual: tooLong.count, limit: FrameLimits.maximumFrameBytes)
    ) { try Message(decoding: tooLong) }
  }

  @Test("an empty frame is no message")
  func emptyFrame() {
    #expect(throws: WireError.emptyMessage) { try Message(decoding: []) }
  }

  @Test("every message cut at any byte is truncated")
  func truncation() {
    for (name, message) in Samples.all {
      let bytes = message.encoded()
      for count in 1..<bytes.count {
        do {
          let cut = try Message(decoding: Array(bytes.prefix(count)))
          Issue.record("\(name) cut at \(count) reads as \(cut.kind)")
        } catch {
          guard case .truncated = error else {
            Issue.record("\(name) cut at \(count): \(error)")
            continue
          }
        }
      }
    }
  }

  @Test("bytes after the last field are refused and counted", arguments: [1, 7, 1_000])
  func trailingBytes(count: Int) {
    for (name, message) in Samples.all {
      let bytes = message.encoded() + [UInt8](repeating: 0, count: count)
      #expect(throws: WireError.trailingBytes(count: count), "\(name)") {
        try Message(decoding: bytes)
      }
    }
  }

  @Test("a first byte that is no kind is refused and named")
  func unknownKinds() {
    let known = Set(Message.Kind.allCases.map(\.rawValue))
    for raw in UInt8.min...UInt8.max where !known.contains(raw) {
      #expect(throws: WireError.unknownMessage(kind: raw)) {
        try Message(decoding: [raw] + [UInt8](repeating: 0, count: 300))
      }
    }
  }

  /// Where a message holds the length of a field, and what that field may hold at most.
  struct LengthField: Sendable {
    let name: String
    let offset: Int
    let width: Int
    let limit: Int
  }

  static let lengthFields = [
    // Offsets follow protocol/SPEC.md section 5; the kind is byte 0.
    LengthField(name: "welcome", offset: 78, width: 2, limit: 4_096),
    LengthField(name: "welcome", offset: 85, width: 2, limit: 2_048),
    LengthField(name: "welcome", offset: 151, width: 2, limit: 64_070),
    LengthField(name: "refused", offset: 3, width: 2, limit: 512),
    LengthField(name: "update_chunk", offset: 13, width: 4, limit: 262_144),
    LengthField(name: "update_result_refused", offset: 9, width: 2, limit: 64),
    LengthField(name: "round_closed", offset: 42, width: 2, limit: 4_096),
    LengthField(name: "round_closed", offset: 50, width: 2, limit: 512),
    LengthField(name: "ledger_shown", offset: 9, width: 2, limit: 4_096),
    LengthField(name: "ledger_shown", offset: 17, width: 2, limit: 2_048),
    LengthField(name: "ledger_shown", offset: 92, width: 2, limit: 8_192),
    LengthField(name: "ledger_shown", offset: 104, width: 2, limit: 2_016),
    LengthField(name: "blob_chunk", offset: 41, width: 4, limit: 262_144),
    LengthField(name: "round_roster", offset: 13, width: 2, limit: 128),
    LengthField(name: "roster_chunk", offset: 13, width: 4, limit: 262_144),
    LengthField(name: "deliver", offset: 9, width: 2, limit: 512),
    LengthField(name: "survivors", offset: 9, width: 2, limit: 512),
    LengthField(name: "proof", offset: 147, width: 2, limit: 16_384),
    LengthField(name: "proof", offset: 197, width: 2, limit: 2_048),
    LengthField(name: "refuse_round", offset: 9, width: 2, limit: 64),
    // These count elements, not bytes.
    LengthField(name: "shares", offset: 13, width: 2, limit: 254),
    LengthField(name: "deliver", offset: 49, width: 2, limit: 254),
    LengthField(name: "proof", offset: 9, width: 2, limit: 1_024),
    LengthField(name: "unmask", offset: 13, width: 2, limit: 254),
  ]

  @Test("a field that declares more than its limit is refused before it is read")
  func overlongFields() throws {
    for field in Self.lengthFields {
      let sample = try #require(Samples.all.first { $0.name == field.name })
      for declared in [field.limit + 1, field.width == 2 ? 65_535 : Int(UInt32.max)] {
        var bytes = sample.message.encoded()
        for byte in 0..<field.width {
          bytes[field.offset + byte] = UInt8(
            truncatingIfNeeded: declared >> (8 * (field.width - 1 - byte)))
        }
        #expect(
          throws: WireError.fieldTooLong(actual: declared, limit: field.limit),
          "\(field.name) at \(field.offset)"
        ) { try Message(decoding: bytes) }
      }
    }
  }

  @Test("undefined values of enumerations are refused with the field and the value")
  func undefinedValues() throws {
    func sample(_ name: String, setting offset: Int, to value: UInt8) throws -> [UInt8] {
      var bytes = try #require(Samples.all.first { $0.name == name }).message.encoded()
      bytes[offset] = value
      return bytes
    }
    for value in UInt8(2)...255 {
      let bytes = try sample("answer_join", setting: 9, to: value)
      #expect(throws: WireError.unknownValue(field: "answer", value: UInt64(value))) {
        try Message(decoding: bytes)
      }
    }
    for value: UInt8 in [0, 4, 255] {
      let closed = try sample("round_closed", setting: 9, to: value)
      #expect(throws: WireError.unknownValue(field: "outcome", value: UInt64(value))) {
        try Message(decoding: closed)
      }
    }
    for value: UInt8 in [0, 4, 255] {
      let finished = try sample("finished", setting: 1, to: value)
      #expect(throws: WireError.unknownValue(field: "finish reason", value: UInt64(value))) {
        try Message(decoding: finished)
      }
    }
    for value: UInt8 in [0, 16, 255] {
      let refused = try sample("refused", setting: 2, to: value)
      #expect(throws: WireError.unknownValue(field: "refusal code", value: UInt64(value))) {
        try Message(decoding: refused)
      }
    }
    for value: UInt8 in [0, 17, 255] {
      let hello = try sample("server_hello", setting: 1, to: value)
      #expect(throws: WireError.unknownValue(field: "version count", value: UInt64(value))) {
        try Message(decoding: hello)
      }
    }
    let name = try sample("update_result_refused", setting: 11, to: UInt8(ascii: "m"))
    #expect(throws: WireError.unknownValue(field: "rejection", value: 10)) {
      try Message(decoding: name)
    }
  }

  @Test("a count of elements that the frame cannot hold is refused before room is made for them")
  func countsBeyondTheFrame() throws {
    for (name, offset, count, size) in [
      ("shares", 13, 254, 85), ("deliver", 49, 254, 85), ("proof", 9, 1_024, 68),
      ("unmask", 13, 254, 36),
    ] {
      var bytes = try #require(Samples.all.first { $0.name == name }).message.encoded()
      bytes[offset] = UInt8(count >> 8)
      bytes[offset + 1] = UInt8(truncatingIfNeeded: count)
      let left = bytes.count - offset - 2
      #expect(
        throws: WireError.truncated(needed: count * size, available: left), "\(name)"
      ) { try Message(decoding: bytes) }
    }
  }

  @Test("a roster of nobody, or of more members than a round may have, is refused")
  func rosterSize() throws {
    for count: UInt32 in [0, 4_097, .max] {
      let roster = Message.roundRoster(
        RoundRoster(
          round: 1, memberCount: count, parameters: [], digest: Samples.ramp(32, from: 0)))
      let bytes = roster.encoded()
      #expect(throws: WireError.fieldTooLong(actual: Int(count), limit: 4_096)) {
        try Message(decoding: bytes)
      }
    }
  }

  @Test("a reason to leave a round that the specification does not name is refused")
  func unknownRoundRefusal() throws {
    var bytes = try #require(Samples.all.first { $0.name == "refuse_round" }).message.encoded()
    bytes[11] = UInt8(ascii: "x")
    #expect(throws: WireError.unknownValue(field: "round refusal", value: 12)) {
      try Message(decoding: bytes)
    }
  }

  @Test("the largest of the masked messages fit a frame")
  func largestMaskedMessages() throws {
    let ramp64 = Samples.ramp(64, from: 0)
    let share = EncryptedShare(
      peerID: 1, ciphertext: Samples.ramp(81, from: 0))
    let shares = [EncryptedShare](repeating: share, count: 254)
    let revealed = [RevealedShare](
      repeating: RevealedShare(ownerID: 1, share: Samples.ramp(32, from: 0)), count: 254)
    let signatures = [AgreementSignature](
      repeating: AgreementSignature(clientID: 1, signature: ramp64), count: 1_024)
    for message: Message in [
      .shares(
        Shares(
          round: 1,
          bundle: ShareBundle(
            clientID: 1, shares: shares, seedCommitment: Samples.ramp(32, from: 0),
            signature: ramp64))),
      .askCredentials(AskCredentials(round: 1, members: Samples.ramp(512, from: 0))),
      .credentials(RoundChunk(round: 1, index: 3, data: Samples.ramp(262_144, from: 0))),
      .unreadableShares(UnreadableShares(round: 1, dealers: Samples.ramp(512, from: 0))),
      .deliver(Deliver(round: 1, sharers: Samples.ramp(512, from: 0), shares: shares)),
      .rosterChunk(RoundChunk(round: 1, index: 0, data: Samples.ramp(262_144, from: 0))),
      .proof(
        Proof(
          round: 1, signatures: signatures, receipt: Samples.ramp(16_384, from: 0), heldSize: 1,
          consistency: Samples.ramp(2_048, from: 0))),
      .unmask(Unmask(round: 1, revealed: RevealedShares(clientID: 1, shares: revealed))),
    ] {
      let bytes = message.encoded()
      #expect(bytes.count <= FrameLimits.maximumFrameBytes)
      #expect(try Message(decoding: bytes) == message)
    }
  }

  @Test("an offer of no coordinate or too many is refused")
  func offerDimension() throws {
    guard case .offer(var offer) = try #require(Samples.all.first { $0.name == "offer" }).message
    else { return }
    for dimension in [0, FrameLimits.maximumDimension + 1, Int(UInt32.max)] {
      offer.dimension = UInt32(dimension)
      let bytes = Message.offer(offer).encoded()
      #expect(throws: WireError.self) { try Message(decoding: bytes) }
    }
    offer.dimension = UInt32(FrameLimits.maximumDimension)
    let largest = Message.offer(offer)
    #expect(try Message(decoding: largest.encoded()) == largest)
  }

  @Test("entries of a ledger are shown by rising index, each once")
  func shownEntries() throws {
    for indices: [UInt64] in [[2, 1], [2, 2], [1, 3, 2], [.max, 0]] {
      let shown = Message.ledgerShown(
        LedgerShown(
          heldSize: 9, checkpoint: [], consistency: [],
          entries: indices.map { LedgerShown.Entry(index: $0, line: [1], path: []) }))
      let last = try #require(indices.last)
      let error = WireError.unknownValue(field: "order of shown entries", value: last)
      #expect(throws: error, "\(indices)") { try Message(decoding: shown.encoded()) }
    }
  }

  @Test("a blob chunk lies within its blob")
  func blobChunkIndex() {
    for (index, count): (UInt32, UInt32) in [(1, 0), (3, 3), (4, 3), (0, 257), (.max, .max)] {
      let chunk = Message.blobChunk(
        BlobChunk(hash: Samples.ramp(32, from: 0), index: index, count: count, data: []))
      let bytes = chunk.encoded()
      #expect(throws: WireError.self, "\(index) of \(count)") { try Message(decoding: bytes) }
    }
  }

  @Test("text that is not UTF-8 is refused")
  func notUTF8() {
    for text: [UInt8] in [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80]] {
      let bytes = [5, 0, 3, 0, UInt8(text.count)] + text
      #expect(throws: WireError.notUTF8) { try Message(decoding: bytes) }
    }
  }

  @Test("a reason that is too long for the wire is cut between characters")
  func reasonIsCut() throws {
    for filler in ["a", "\u{EB}", "\u{1F9E6}", "e\u{301}"] {
      let reason = "x" + String(repeating: filler, count: 600)
      let message = Message.refused(Refused(.tooSlow, reason))
      guard case .refused(let read) = try Message(decoding: message.encoded()) else {
        Issue.record("a refusal reads as something else")
        continue
      }
      #expect(reason.hasPrefix(read.reason))
      let limit = FrameLimits.maximumReasonBytes
      #expect((limit - 3...limit).contains(read.reason.utf8.count))
    }
  }

  @Test("10,000 mutated messages never crash, and whatever reads has one spelling")
  func mutations() {
    var random = SeededRandom(seed: 2_026)
    let encoded = Samples.all.map { $0.message.encoded() }
    var read = 0
    for _ in 0..<10_000 {
      guard let original = encoded.randomElement(using: &random) else { return }
      let bytes = Self.mutated(original, using: &random)
      guard let message = try? Message(decoding: bytes) else { continue }
      read += 1
      if message.encoded() != bytes {
        Issue.record("\(message.kind) reads from bytes that it does not encode to: \(bytes)")
      }
    }
    // Enough of them reach the end of the reader for this to say something.
    #expect(read > 1_000)
  }

  @Test("no single flipped bit reads as the message that was sent")
  func bitFlips() {
    for (name, message) in Samples.all {
      let bytes = message.encoded()
      for bit in 0..<bytes.count * 8 {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        if let other = try? Message(decoding: flipped), other == message {
          Issue.record("\(name) reads the same with bit \(bit) flipped")
        }
      }
    }
  }

  /// 1 to 4 changes: flips, new bytes, insertions, removals, a copied stretch, an extreme length.
  private static func mutated(
    _ original: [UInt8], using random: inout SeededRandom
  ) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[place] = .random(in: 0...255, using: &random)
      case 2: bytes.insert(.random(in: 0...255, using: &random), at: place)
      case 3: bytes.remove(at: place)
      case 4:
        let end = min(bytes.count, place + 9)
        bytes.insert(contentsOf: bytes[place..<end], at: place)
      default:
        for index in place..<min(bytes.count, place + 4) { bytes[index] = 0xFF }
      }
    }
    return bytes
  }
}
