package import SecureAggregation

/// The coordinator's answer to a complete update.
package struct UpdateResult: Equatable, Sendable {
  package var round: UInt64
  /// Nil when the update is part of the sum.
  package var rejection: UpdateRejection?

  package init(round: UInt64, rejection: UpdateRejection?) {
    self.round = round
    self.rejection = rejection
  }

  func write(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.text(rejection?.rawValue ?? "", limit: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    let name = try reader.text(limit: 64)
    if name.isEmpty {
      rejection = nil
    } else {
      guard let value = UpdateRejection(rawValue: name) else {
        throw .unknownValue(field: "rejection", value: UInt64(name.utf8.count))
      }
      rejection = value
    }
  }
}

/// How a round ended, signed by the coordinator; clients keep it as their receipt.
package struct RoundClosed: Equatable, Sendable {
  package enum Outcome: UInt8, Sendable {
    case released = 1
    case void = 2
    case burned = 3
  }

  package var round: UInt64
  package var outcome: Outcome
  /// Digest of the parameters in force after the round.
  package var modelHash: [UInt8]
  package var checkpoint: [UInt8]
  package var reason: String
  package var signature: [UInt8]

  package init(
    round: UInt64, outcome: Outcome, modelHash: [UInt8], checkpoint: [UInt8], reason: String,
    signature: [UInt8]
  ) {
    self.round = round
    self.outcome = outcome
    self.modelHash = modelHash
    self.checkpoint = checkpoint
    self.reason = reason
    self.signature = signature
  }

  /// What the coordinator signs: a label and every field but the signature.
  package var signedBytes: [UInt8] {
    var writer = ByteWriter()
    writeFields(to: &writer)
    return Array("tacit round closed/1".utf8) + writer.bytes
  }

  private func writeFields(to writer: inout ByteWriter) {
    writer.uint64(round)
    writer.uint8(outcome.rawValue)
    writer.digest(modelHash)
    writer.opaque(checkpoint, limit: FrameLimits.maximumCheckpointBytes)
    writer.text(reason, limit: FrameLimits.maximumReasonBytes)
  }

  func write(to writer: inout ByteWriter) {
    writeFields(to: &writer)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    round = try reader.uint64()
    let raw = try reader.uint8()
    guard let outcome = Outcome(rawValue: raw) else {
      throw .unknownValue(field: "outcome", value: UInt64(raw))
    }
    self.outcome = outcome
    modelHash = try reader.digest()
    checkpoint = try reader.opaque(limit: FrameLimits.maximumCheckpointBytes)
    reason = try reader.text(limit: FrameLimits.maximumReasonBytes)
    signature = try reader.fixed(64)
  }
}

/// A client asks how rounds ended that its journal holds without an outcome.
package struct AskOutcomes: Equatable, Sendable {
  /// Most rounds of one request; a client with more asks again.
  package static let maximumRounds = 8

  /// 1 to `maximumRounds` rounds.
  package var rounds: [UInt64]

  package init(rounds: [UInt64]) {
    self.rounds = rounds
  }

  func write(to writer: inout ByteWriter) {
    precondition(
      (1...Self.maximumRounds).contains(rounds.count), "too few or too many rounds are asked for")
    writer.uint8(UInt8(rounds.count))
    for round in rounds { writer.uint64(round) }
  }

  init(from reader: inout ByteReader) throws(WireError) {
    let count = Int(try reader.uint8())
    guard (1...Self.maximumRounds).contains(count) else {
      throw .fieldTooLong(actual: count, limit: Self.maximumRounds)
    }
    rounds = []
    for _ in 0..<count { rounds.append(try reader.uint64()) }
  }
}

/// The answer to `AskOutcomes`: those of the rounds asked for that have ended, in the order asked.
package struct Outcomes: Equatable, Sendable {
  /// At most `AskOutcomes.maximumRounds`.
  package var closed: [RoundClosed]

  package init(closed: [RoundClosed]) {
    self.closed = closed
  }

  func write(to writer: inout ByteWriter) {
    precondition(closed.count <= AskOutcomes.maximumRounds, "more outcomes than can be asked for")
    writer.uint8(UInt8(closed.count))
    for outcome in closed { outcome.write(to: &writer) }
  }

  init(from reader: inout ByteReader) throws(WireError) {
    let count = Int(try reader.uint8())
    guard count <= AskOutcomes.maximumRounds else {
      throw .fieldTooLong(actual: count, limit: AskOutcomes.maximumRounds)
    }
    closed = []
    for _ in 0..<count { closed.append(try RoundClosed(from: &reader)) }
  }
}

/// No further round will be offered.
package struct Finished: Equatable, Sendable {
  package enum Reason: UInt8, Sendable {
    case planComplete = 1
    case budgetExhausted = 2
    /// A charged round of mode `secagg` gave no sum, and may not be asked for again (ruling 27).
    case sumLost = 3
  }

  package var reason: Reason
  package var modelHash: [UInt8]

  package init(reason: Reason, modelHash: [UInt8]) {
    self.reason = reason
    self.modelHash = modelHash
  }

  func write(to writer: inout ByteWriter) {
    writer.uint8(reason.rawValue)
    writer.digest(modelHash)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    let raw = try reader.uint8()
    guard let reason = Reason(rawValue: raw) else {
      throw .unknownValue(field: "finish reason", value: UInt64(raw))
    }
    self.reason = reason
    modelHash = try reader.digest()
  }
}
