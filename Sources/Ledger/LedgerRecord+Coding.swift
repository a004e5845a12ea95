internal import CanonicalJSON
internal import Cryptography
internal import Privacy

extension LedgerRecord {
  /// Longest free text in a record, in bytes.
  static let maximumTextBytes = 200

  /// The `body` of an entry.
  /// - Throws: `LedgerError.invalidField` for an integer that JSON cannot carry exactly.
  func body(entry: Int) throws(LedgerError) -> JSONValue {
    let writer = FieldWriter(entry: entry)
    return switch self {
    case .genesis(let record): try record.body(writer)
    case .offer(let record): try record.body(writer)
    case .charge(let record): try record.body(writer)
    case .release(let record): try record.body(writer)
    case .void(let record): try record.body(writer)
    case .burned(let record): try record.body(writer)
    case .policy(let record): record.body
    case .roster(let record): try record.body(writer)
    case .key(let record): record.body
    }
  }

  /// Reads the `body` of entry `entry`; every field of the kind must be there, and no other.
  init(kind: LedgerRecordKind, body: JSONValue, entry: Int) throws(LedgerError) {
    var reader = try FieldReader(body, entry: entry, field: "body")
    switch kind {
    case .genesis: self = .genesis(try GenesisRecord(&reader))
    case .offer: self = .offer(try OfferRecord(&reader))
    case .charge: self = .charge(try ChargeRecord(&reader))
    case .release: self = .release(try ReleaseRecord(&reader))
    case .void: self = .void(try VoidRecord(&reader))
    case .burned: self = .burned(try BurnedRecord(&reader))
    case .policy: self = .policy(try PolicyRecord(&reader))
    case .roster: self = .roster(try RosterRecord(&reader))
    case .key: self = .key(try KeyRecord(&reader))
    }
    try reader.finish()
  }
}

/// Turns integers into JSON, and refuses those that would not survive it.
struct FieldWriter {
  let entry: Int

  func integer(_ field: String, _ value: some FixedWidthInteger) throws(LedgerError) -> JSONValue {
    guard let number = Int64(exactly: value), 0 <= number,
      number <= JSONValue.safeIntegers.upperBound
    else {
      throw .invalidField(entry: entry, field: field, expected: "an integer from 0 to 2^53 - 1")
    }
    return .integer(number)
  }
}

extension GenesisRecord {
  fileprivate func body(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    .object([
      "format": try writer.integer("format", format),
      "ledger_id": .string(ledgerID.hex),
      "coordinator_key": .string(HexCoding.encode(coordinatorKey.bytes)),
      "policy": policy,
      "policy_hash": .string(policyHash.hex),
      "filter": .string(filter),
      "software_version": .string(softwareVersion),
      "created_at_seconds": try writer.integer("created_at_seconds", createdAtSeconds),
      "enrolment_key_held_by_coordinator": .bool(enrolmentKeyHeldByCoordinator),
    ])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      format: try reader.integer("format"),
      ledgerID: try reader.ledgerID("ledger_id"),
      coordinatorKey: try reader.verifyingKey("coordinator_key"),
      policy: try reader.value("policy"),
      policyHash: try reader.digest("policy_hash"),
      filter: try reader.string("filter"),
      softwareVersion: try reader.text("software_version", limit: LedgerRecord.maximumTextBytes),
      createdAtSeconds: try reader.integer("created_at_seconds"),
      enrolmentKeyHeldByCoordinator: try reader.bool("enrolment_key_held_by_coordinator"))
  }
}

extension OfferRecord {
  fileprivate func body(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    .object([
      "round": try writer.integer("round", round),
      "plan_index": try writer.integer("plan_index", planIndex),
      "stage": .string(stage),
      "mode": .string(mode),
      "model_in": .string(modelIn.hex),
      "catalogue_hash": .string(catalogueHash.hex),
      "policy_hash": .string(policyHash.hex),
      "deadline_seconds": try writer.integer("deadline_seconds", deadlineSeconds),
    ])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      round: try reader.integer("round"),
      planIndex: try reader.integer("plan_index"),
      stage: try reader.string("stage"),
      mode: try reader.string("mode"),
      modelIn: try reader.digest("model_in"),
      catalogueHash: try reader.digest("catalogue_hash"),
      policyHash: try reader.digest("policy_hash"),
      deadlineSeconds: try reader.integer("deadline_seconds"))
  }
}

extension ChargeRecord {
  fileprivate func body(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    var members: [String: JSONValue] = [
      "round": try writer.integer("round", round),
      "mechanism": .string(mechanism),
      "noise_multiplier": .string(noiseMultiplier.description),
      "clip_norm": .string(clipNorm.description),
      "scale": try writer.integer("scale", scale),
      "sensitivity": try writer.integer("sensitivity", sensitivity),
      "fraction_bits": try writer.integer("fraction_bits", fractionBits),
      "dimension": try writer.integer("dimension", dimension),
      "mode": .string(mode),
      "relation": .string(relation.rawValue),
      "unit": .string(unit.rawValue),
      "cohort_minimum": try writer.integer("cohort_minimum", cohortMinimum),
      "count": try writer.integer("count", count),
      "rng": .string(rng.rawValue),
      "protocol_delta": .string(protocolDelta),
      "filter": .string(filter),
    ]
    // Absent where there is nothing to say: each ledger has one spelling.
    if jointCoordinates > 0 {
      members["joint_coordinates"] = try writer.integer("joint_coordinates", jointCoordinates)
    }
    if let masked { members["masked"] = try masked.json(writer) }
    if let block { members["block"] = try block.json(writer) }
    return .object(members)
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      round: try reader.integer("round"),
      mechanism: try reader.string("mechanism"),
      noiseMultiplier: try reader.decimal("noise_multiplier"),
      clipNorm: try reader.decimal("clip_norm"),
      scale: try reader.integer("scale"),
      sensitivity: try reader.integer("sensitivity"),
      fractionBits: try reader.integer("fraction_bits"),
      dimension: try reader.integer("dimension"),
      jointCoordinates: try reader.optionalInteger("joint_coordinates"),
      mode: try reader.string("mode"),
      relation: try reader.word("relation", expected: "a neighbouring relation"),
      unit: try reader.word("unit", expected: "a privacy unit"),
      cohortMinimum: try reader.integer("cohort_minimum"),
      count: try reader.integer("count"),
      rng: try reader.word("rng", expected: "\"system\" or \"seeded\""),
      protocolDelta: try reader.string("protocol_delta"),
      filter: try reader.string("filter"),
      masked: try reader.optionalObject("masked").map(MaskedTerms.init),
      block: try reader.optionalObject("block").map(BlockPosition.init))
  }
}

extension BlockPosition {
  fileprivate func json(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    .object([
      "start": try writer.integer("start", start), "round": try writer.integer("round", round),
    ])
  }

  fileprivate init(_ reader: FieldReader) throws(LedgerError) {
    var reader = reader
    let start: UInt64 = try reader.integer("start")
    let round: Int = try reader.integer("round")
    guard round >= 0 else { throw reader.invalid("round", "0 or more") }
    self.init(start: start, round: round)
    try reader.finish()
  }
}

extension MaskedTerms {
  fileprivate func json(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    var members: [String: JSONValue] = [
      "cohort_size": try writer.integer("cohort_size", cohortSize),
      "degree": try writer.integer("degree", degree),
      "corrupt_fraction": .string(corruptFraction.description),
      "dropout_fraction": .string(dropoutFraction.description),
    ]
    if let noiseShares {
      members["honest_noise_shares"] = try writer.integer(
        "honest_noise_shares", noiseShares.honestShares)
      members["share_variance"] = .string(noiseShares.variance.description)
      members["tau"] = .string(noiseShares.tau.description)
    }
    return .object(members)
  }

  fileprivate init(_ reader: FieldReader) throws(LedgerError) {
    var reader = reader
    let hasShares = reader.has("share_variance")
    self.init(
      cohortSize: try reader.integer("cohort_size"), degree: try reader.integer("degree"),
      corruptFraction: try reader.decimal("corrupt_fraction"),
      dropoutFraction: try reader.decimal("dropout_fraction"),
      noiseShares: hasShares
        ? NoiseShares(
          honestShares: try reader.integer("honest_noise_shares"),
          variance: try reader.rational("share_variance"), tau: try reader.decimal("tau")) : nil)
    try reader.finish()
  }
}

extension ReleaseRecord {
  fileprivate func body(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    .object([
      "round": try writer.integer("round", round),
      "charge_index": try writer.integer("charge_index", chargeIndex),
      "model_out": .string(modelOut.hex),
      "epsilon_after": .string(claims.epsilonAfter),
      "mu_squared_after": .string(claims.muSquaredAfter),
    ])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      round: try reader.integer("round"),
      chargeIndex: try reader.integer("charge_index"),
      modelOut: try reader.digest("model_out"),
      claims: SpendClaims(
        epsilonAfter: try reader.string("epsilon_after"),
        muSquaredAfter: try reader.string("mu_squared_after")))
  }
}

extension VoidRecord {
  fileprivate func body(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    .object(["round": try writer.integer("round", round), "reason": .string(reason)])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      round: try reader.integer("round"),
      reason: try reader.text("reason", limit: LedgerRecord.maximumTextBytes))
  }
}

extension BurnedRecord {
  fileprivate func body(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    .object([
      "round": try writer.integer("round", round),
      "charge_index": try writer.integer("charge_index", chargeIndex),
    ])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      round: try reader.integer("round"), chargeIndex: try reader.integer("charge_index"))
  }
}

extension PolicyRecord {
  fileprivate var body: JSONValue {
    .object([
      "policy": policy, "policy_hash": .string(policyHash.hex),
      "previous_policy_hash": .string(previousPolicyHash.hex),
    ])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      policy: try reader.value("policy"), policyHash: try reader.digest("policy_hash"),
      previousPolicyHash: try reader.digest("previous_policy_hash"))
  }
}

extension RosterRecord {
  fileprivate func body(_ writer: FieldWriter) throws(LedgerError) -> JSONValue {
    .object([
      "epoch": try writer.integer("epoch", epoch),
      "size": try writer.integer("size", members.size),
      "roster_hash": .string(members.hash.hex),
      "revocations_hash": .string(revocationsHash.hex),
    ])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      epoch: try reader.integer("epoch"),
      members: RosterCommitment(
        size: try reader.integer("size"), hash: try reader.digest("roster_hash")),
      revocationsHash: try reader.digest("revocations_hash"))
  }
}

extension KeyRecord {
  fileprivate var body: JSONValue {
    .object([
      "previous_key": .string(previousKey.description), "next_key": .string(nextKey.description),
      "possession": .string(HexCoding.encode(possession)),
    ])
  }

  fileprivate init(_ reader: inout FieldReader) throws(LedgerError) {
    self.init(
      previousKey: try reader.verifyingKey("previous_key"),
      nextKey: try reader.verifyingKey("next_key"),
      possession: try reader.signature("possession"))
  }
}

extension FieldReader {
  fileprivate mutating func signature(_ field: String) throws(LedgerError) -> [UInt8] {
    let text = try string(field)
    do {
      let bytes = try HexCoding.decode(text)
      if bytes.count == SigningKey.signatureByteCount { return bytes }
    } catch {
      // Said below.
    }
    throw invalid(field, "an Ed25519 signature as 128 lower-case hexadecimal digits")
  }

  fileprivate mutating func ledgerID(_ field: String) throws(LedgerError) -> LedgerID {
    let text = try string(field)
    do {
      return try LedgerID(hex: text)
    } catch {
      throw invalid(field, "32 lower-case hexadecimal digits")
    }
  }

  fileprivate mutating func verifyingKey(_ field: String) throws(LedgerError) -> VerifyingKey {
    let text = try string(field)
    do {
      return try VerifyingKey(hex: text)
    } catch {
      throw invalid(field, "an Ed25519 public key in lower-case hexadecimal")
    }
  }

  fileprivate mutating func rational(_ field: String) throws(LedgerError) -> MaskedTerms.Rational {
    let text = try string(field)
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let numerator = UInt64(parts[0]), let denominator = UInt64(parts[1]),
      denominator > 0
    else { throw invalid(field, "two integers as \"numerator/denominator\"") }
    return MaskedTerms.Rational(numerator, over: denominator)
  }

  fileprivate mutating func decimal(_ field: String) throws(LedgerError) -> ExactDecimal {
    let text = try string(field)
    do {
      return try ExactDecimal(text)
    } catch {
      throw invalid(field, "a decimal number as text")
    }
  }
}
