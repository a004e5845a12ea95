package import Cryptography
package import Ledger
package import Privacy
internal import SecureAggregation

/// Why a client does not take part in an offered round. Kept on the device and listed there; the
/// coordinator only sees a declining answer of the usual size.
package enum OfferRefusal: Error, Equatable, Sendable {
  case badSignature
  case roundNotAfter(journal: UInt64)
  case outcomeNotProven(round: UInt64)
  case wrongPolicy
  case undefinedPlanIndex(UInt32)
  case unknownCatalogue
  /// The policy's mode is not one that this program runs, or admits no round.
  case unsupportedMode(String)
  case noiseBelowPolicy(offered: UInt64, needed: UInt64)
  case budgetExhausted(spentEpsilon: Double, limit: Double)
  /// What the ledger has charged, as far as it was proven to this device, leaves no room for the round (R3).
  case ledgerExhausted(spentEpsilon: Double, limit: Double)
  /// The ledger has charged more rounds than a device adds up (R3).
  case ledgerTooLong(entries: Int)
  /// Nothing proves that the ledger holds this offer for everybody (R6).
  case offerNotProven(String)
  /// The offer claims a place in a block of correlated noise that the policy does not give it.
  case wrongBlock
  /// In mode `secagg`: the device took part in a charged round that released nothing. Another sum from the same
  /// history, with other survivors, would tell customers apart (ruling 27).
  case sumLost(round: UInt64)
  /// The policy's rule of participation keeps this device from the round.
  case participation(ParticipationObjection)
  /// What sparse graphs add to delta in so many rounds is more than the policy's delta (ruling 25).
  case deltaExhausted(rounds: Int)
  case noConsent
  case optedOut
}

extension OfferRefusal: CustomStringConvertible {
  package var description: String {
    switch self {
    case .badSignature: "the offer is not signed by the coordinator of this federation"
    case .roundNotAfter(let round): "round \(round) is already in this device's journal"
    case .outcomeNotProven(let round):
      "the coordinator has not said how round \(round) ended, in which this device took part"
    case .wrongPolicy: "the offer names another policy than the one consented to"
    case .undefinedPlanIndex(let index): "the policy plans no round \(index)"
    case .unknownCatalogue: "the catalogue is not the one with the offered hash"
    case .unsupportedMode(let mode): "no round can be run under the policy in mode \(mode)"
    case .noiseBelowPolicy(let offered, let needed):
      "the offer adds noise of \(offered) grid steps, the policy promises \(needed)"
    case .budgetExhausted(let spent, let limit):
      "this device has contributed epsilon \(spent) of \(limit)"
    case .ledgerExhausted(let spent, let limit):
      "the ledger has charged epsilon \(spent) of \(limit)"
    case .ledgerTooLong(let entries):
      "the ledger holds \(entries) charges and releases, and this device adds up no more of them: "
        + "further rounds need a new federation"
    case .offerNotProven(let detail):
      "the offer is not proven to be the one made to everybody: \(detail)"
    case .wrongBlock: "the offer has another place in a block of correlated noise than planned"
    case .sumLost(let round):
      "round \(round) was charged and released nothing: whoever holds its exact sum could tell customers "
        + "apart by another one"
    case .participation(let objection): "\(objection)"
    case .deltaExhausted(let rounds):
      "the sparse graphs of \(rounds) rounds add more to delta than the policy has"
    case .noConsent: "no consent is stored for this policy"
    case .optedOut: "TACIT_OPT_OUT is set"
    }
  }
}

/// The rules that a client holds an offer against before it answers (reliability specification,
/// R1 to R9), in every mode.
package enum OfferRules {
  /// - Parameters:
  ///   - offer: as received.
  ///   - policy: the policy consented to, and its digest.
  ///   - coordinatorKey: the key pinned at enrolment.
  ///   - lastRound: the newest round in the device's journal, if any.
  ///   - unsettled: the oldest round in it without a proven outcome, if any (R9).
  ///   - lostSum: the newest charged round in it of which no release is known, if any.
  ///   - spent: the device's own filter over its journal, but for its rounds in the offered block: with the offered round
  ///     they are charged once.
  ///   - ledger: the policy's filter over what the ledger was proven to have charged.
  ///   - proven: what `ledger` was made of; says whether the offered block is paid for in it.
  ///   - participation: this device's rounds in the offered block, if it is of one.
  /// - Returns: what the round would be charged, or its whole block.
  /// - Throws: the first rule that the offer breaks.
  package static func check(
    _ offer: Offer, policy: PrivacyPolicy, policyHash: [UInt8], coordinatorKey: VerifyingKey,
    lastRound: UInt64?, unsettled: UInt64?, lostSum: UInt64?, spent: GDPFilter,
    ledger: GDPFilter, proven: ProvenSpend = ProvenSpend(),
    participation: ParticipationRecord = ParticipationRecord()
  ) throws(OfferRefusal) -> PrivacyEvent {
    guard coordinatorKey.isValidSignature(offer.signature, for: offer.signedBytes) else {
      throw .badSignature
    }
    guard offer.policyHash == policyHash else { throw .wrongPolicy }
    guard Int(offer.planIndex) < policy.plan.count else {
      throw .undefinedPlanIndex(offer.planIndex)
    }
    if let lastRound, offer.round <= lastRound { throw .roundNotAfter(journal: lastRound) }
    if let unsettled { throw .outcomeNotProven(round: unsettled) }
    guard isSupported(policy) else { throw .unsupportedMode(policy.mode) }
    // The noise of the other masked mode is in the sum before anybody sees it.
    if let lostSum, policy.mode == AggregationMode.secagg.rawValue {
      throw .sumLost(round: lostSum)
    }
    try checkBlock(of: offer, policy: policy, participation: participation)
    let (index, bits) = (Int(offer.planIndex), Int(offer.fractionBits))
    let event: PrivacyEvent
    do {
      let needed = try policy.noiseScale(ofPlanned: index, fractionBits: bits)
      guard offer.noiseScale >= needed else {
        throw OfferRefusal.noiseBelowPolicy(offered: offer.noiseScale, needed: needed)
      }
      event = try .discreteGaussian(
        scale: offer.noiseScale,
        sensitivity: try policy.sensitivity(ofPlanned: index, fractionBits: bits))
    } catch let refusal as OfferRefusal {
      throw refusal
    } catch {
      throw .noiseBelowPolicy(offered: offer.noiseScale, needed: UInt64.max)
    }
    guard spent.admits(event) else {
      throw .budgetExhausted(
        spentEpsilon: spent.epsilonSpent, limit: policy.epsilonLimit.doubleValue)
    }
    // The first round of a block pays for the others, if the ledger was proven to hold its charge.
    let isPaid = offer.block.map { proven.hasPaid(event.muSquared, for: $0) } ?? false
    guard isPaid ? ledger.spent <= ledger.limit : ledger.admits(event) else {
      throw .ledgerExhausted(
        spentEpsilon: ledger.epsilonSpent, limit: policy.epsilonLimit.doubleValue)
    }
    return event
  }

  private static func checkBlock(
    of offer: Offer, policy: PrivacyPolicy, participation: ParticipationRecord
  ) throws(OfferRefusal) {
    let noise = policy.correlatedNoise(ofPlanned: Int(offer.planIndex))
    guard let noise, let block = offer.block else {
      guard noise == nil, offer.block == nil else { throw .wrongBlock }
      return
    }
    guard block.round == 0 ? block.start == offer.round : block.start < offer.round else {
      throw .wrongBlock
    }
    if let objection = noise.rule.objection(to: block.round, after: participation) {
      throw .participation(objection)
    }
  }

  private static func isSupported(_ policy: PrivacyPolicy) -> Bool {
    guard let mode = AggregationMode(rawValue: policy.mode) else { return false }
    // Whatever the reason why there are no such rounds, there is none to join.
    let maskingPolicy = try? MaskingPolicy(of: policy)
    return mode.isMasked == (maskingPolicy != nil)
  }
}
