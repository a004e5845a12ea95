internal import Cryptography
internal import Privacy

/// Reads the lines of rounds without going through a JSON document: replay is then as fast as hashing allows.
///
/// A line is accepted here only if it is, byte for byte, fixed text around fields, and each field
/// is spelled as `LedgerEntry` writes it: integers without leading zeros up to 2^53 - 1, digests of
/// 64 lower-case digits, strings of printable ASCII without escapes. So writing what was read gives
/// the same bytes, which is all that the strict reader asks for. Every other line, GENESIS, masked
/// charges and whatever is wrong, is left to that reader and its errors.
struct CanonicalLine {
  /// Decimals read lately: a ledger repeats those of its plan.
  private var decimals: [(text: String, value: ExactDecimal)] = []
  private static let mostDecimals = 16

  /// The parts of a line at `index`; nil if it is not of this form.
  mutating func read(
    _ line: [UInt8], at index: Int
  ) -> (previous: SHA256Digest, record: LedgerRecord)? {
    guard line.count > Self.kindOffset + 1 else { return nil }
    var scanner = LineScanner(line)
    let record: LedgerRecord?
    // The first letters of the first field tell the kinds apart.
    switch (line[Self.kindOffset], line[Self.kindOffset + 1]) {
    case (UInt8(ascii: "c"), UInt8(ascii: "a")): record = .offer(offer(&scanner))
    case (UInt8(ascii: "c"), UInt8(ascii: "l")): record = charge(&scanner).map(LedgerRecord.charge)
    case (UInt8(ascii: "c"), UInt8(ascii: "h")): record = ended(&scanner)
    case (UInt8(ascii: "r"), UInt8(ascii: "e")): record = .void(void(&scanner))
    default: record = nil
    }
    guard let record else { return nil }
    scanner.skip(Text.index)
    guard scanner.integer() == index else { return nil }
    scanner.skip(Text.kind)
    scanner.skip(Array(record.kind.rawValue.utf8))
    scanner.skip(Text.previous)
    let previous = scanner.digest()
    scanner.skip(Text.end)
    return scanner.isWhole ? (previous, record) : nil
  }

  private static let kindOffset = 10

  private mutating func offer(_ scanner: inout LineScanner) -> OfferRecord {
    scanner.skip(Text.Offer.catalogueHash)
    let catalogueHash = scanner.digest()
    scanner.skip(Text.Offer.deadlineSeconds)
    let deadlineSeconds = scanner.integer()
    scanner.skip(Text.Offer.mode)
    let mode = scanner.string()
    scanner.skip(Text.Offer.modelIn)
    let modelIn = scanner.digest()
    scanner.skip(Text.Offer.planIndex)
    let planIndex = scanner.integer()
    scanner.skip(Text.Offer.policyHash)
    let policyHash = scanner.digest()
    scanner.skip(Text.Offer.round)
    let round = scanner.integer()
    scanner.skip(Text.Offer.stage)
    let stage = scanner.string()
    scanner.skip(Text.endOfString)
    return OfferRecord(
      round: UInt64(round), planIndex: planIndex, stage: stage, mode: mode, modelIn: modelIn,
      catalogueHash: catalogueHash, policyHash: policyHash, deadlineSeconds: deadlineSeconds)
  }

  private mutating func charge(_ scanner: inout LineScanner) -> ChargeRecord? {
    scanner.skip(Text.Charge.clipNorm)
    let clipNorm = decimal(scanner.string())
    scanner.skip(Text.Charge.cohortMinimum)
    let cohortMinimum = scanner.integer()
    scanner.skip(Text.Charge.count)
    let count = scanner.integer()
    scanner.skip(Text.Charge.dimension)
    let dimension = scanner.integer()
    scanner.skip(Text.Charge.filter)
    let filter = scanner.string()
    scanner.skip(Text.Charge.fractionBits)
    let fractionBits = scanner.integer()
    scanner.skip(Text.Charge.mechanism)
    let mechanism = scanner.string()
    scanner.skip(Text.Charge.mode)
    let mode = scanner.string()
    scanner.skip(Text.Charge.noiseMultiplier)
    let noiseMultiplier = decimal(scanner.string())
    scanner.skip(Text.Charge.protocolDelta)
    let protocolDelta = scanner.string()
    scanner.skip(Text.Charge.relation)
    let relation = NeighbouringRelation(rawValue: scanner.string())
    scanner.skip(Text.Charge.rng)
    let rng = ChargeRecord.RandomSource(rawValue: scanner.string())
    scanner.skip(Text.Charge.round)
    let round = scanner.integer()
    scanner.skip(Text.Charge.scale)
    let scale = scanner.integer()
    scanner.skip(Text.Charge.sensitivity)
    let sensitivity = scanner.integer()
    scanner.skip(Text.Charge.unit)
    let unit = PrivacyUnit(rawValue: scanner.string())
    scanner.skip(Text.endOfString)
    guard let clipNorm, let noiseMultiplier, let relation, let rng, let unit else { return nil }
    return ChargeRecord(
      round: UInt64(round), mechanism: mechanism, noiseMultiplier: noiseMultiplier,
      clipNorm: clipNorm, scale: UInt64(scale), sensitivity: UInt64(sensitivity),
      fractionBits: fractionBits, dimension: dimension, mode: mode, relation: relation, unit: unit,
      cohortMinimum: cohortMinimum, count: count, rng: rng, protocolDelta: protocolDelta,
      filter: filter)
  }

  /// RELEASE or BURNED, which begin alike.
  private mutating func ended(_ scanner: inout LineScanner) -> LedgerRecord {
    scanner.skip(Text.Release.chargeIndex)
    let chargeIndex = scanner.integer()
    guard scanner.begins(with: Text.Release.epsilonAfter) else {
      scanner.skip(Text.Burned.round)
      let round = scanner.integer()
      scanner.skip(Text.endOfInteger)
      return .burned(BurnedRecord(round: UInt64(round), chargeIndex: chargeIndex))
    }
    scanner.skip(Text.Release.epsilonAfter)
    let epsilonAfter = scanner.string()
    scanner.skip(Text.Release.modelOut)
    let modelOut = scanner.digest()
    scanner.skip(Text.Release.muSquaredAfter)
    let muSquaredAfter = scanner.string()
    scanner.skip(Text.Release.round)
    let round = scanner.integer()
    scanner.skip(Text.endOfInteger)
    return .release(
      ReleaseRecord(
        round: UInt64(round), chargeIndex: chargeIndex, modelOut: modelOut,
        claims: SpendClaims(epsilonAfter: epsilonAfter, muSquaredAfter: muSquaredAfter)))
  }

  private mutating func void(_ scanner: inout LineScanner) -> VoidRecord {
    scanner.skip(Text.Void.reason)
    let reason = scanner.string(lengths: 1...LedgerRecord.maximumTextBytes)
    scanner.skip(Text.Void.round)
    let round = scanner.integer()
    scanner.skip(Text.endOfInteger)
    return VoidRecord(round: UInt64(round), reason: reason)
  }

  private mutating func decimal(_ text: String) -> ExactDecimal? {
    if let known = decimals.first(where: { $0.text == text }) { return known.value }
    do {
      let value = try ExactDecimal(text)
      if decimals.count == Self.mostDecimals { decimals.removeFirst() }
      decimals.append((text, value))
      return value
    } catch {
      // The strict reader names the field.
      return nil
    }
  }
}

/// The fixed text of a line: RFC 8785 sorts members by name, so that it stands in this order.
private enum Text {
  static let index = Array(#","index":"#.utf8)
  static let kind = Array(#","kind":""#.utf8)
  static let previous = Array(#"","prev":""#.utf8)
  static let end = Array(#""}"#.utf8)
  static let endOfString = Array(#""}"#.utf8)
  static let endOfInteger = Array("}".utf8)

  enum Offer {
    static let catalogueHash = Array(#"{"body":{"catalogue_hash":""#.utf8)
    static let deadlineSeconds = Array(#"","deadline_seconds":"#.utf8)
    static let mode = Array(#","mode":""#.utf8)
    static let modelIn = Array(#"","model_in":""#.utf8)
    static let planIndex = Array(#"","plan_index":"#.utf8)
    static let policyHash = Array(#","policy_hash":""#.utf8)
    static let round = Array(#"","round":"#.utf8)
    static let stage = Array(#","stage":""#.utf8)
  }

  enum Charge {
    static let clipNorm = Array(#"{"body":{"clip_norm":""#.utf8)
    static let cohortMinimum = Array(#"","cohort_minimum":"#.utf8)
    static let count = Array(#","count":"#.utf8)
    static let dimension = Array(#","dimension":"#.utf8)
    static let filter = Array(#","filter":""#.utf8)
    static let fractionBits = Array(#"","fraction_bits":"#.utf8)
    static let mechanism = Array(#","mechanism":""#.utf8)
    static let mode = Array(#"","mode":""#.utf8)
    static let noiseMultiplier = Array(#"","noise_multiplier":""#.utf8)
    static let protocolDelta = Array(#"","protocol_delta":""#.utf8)
    static let relation = Array(#"","relation":""#.utf8)
    static let rng = Array(#"","rng":""#.utf8)
    static let round = Array(#"","round":"#.utf8)
    static let scale = Array(#","scale":"#.utf8)
    static let sensitivity = Array(#","sensitivity":"#.utf8)
    static let unit = Array(#","unit":""#.utf8)
  }

  enum Release {
    static let chargeIndex = Array(#"{"body":{"charge_index":"#.utf8)
    static let epsilonAfter = Array(#","epsilon_after":""#.utf8)
    static let modelOut = Array(#"","model_out":""#.utf8)
    static let muSquaredAfter = Array(#"","mu_squared_after":""#.utf8)
    static let round = Array(#"","round":"#.utf8)
  }

  enum Burned {
    static let round = Array(#","round":"#.utf8)
  }

  enum Void {
    static let reason = Array(#"{"body":{"reason":""#.utf8)
    static let round = Array(#"","round":"#.utf8)
  }
}
