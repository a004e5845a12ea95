package import Cryptography
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
  ///   - spent: the device's own filter over its journal.
  /// - Returns: what the round would be charged.
  /// - Throws: the first rule that the offer breaks.
  package static func check(
    _ offer: Offer, policy: PrivacyPolicy, policyHash: [UInt8], coordinatorKey: VerifyingKey,
    lastRound: UInt64?, unsettled: UInt64?, spent: GDPFilter
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
    let planned = policy.plan[Int(offer.planIndex)]
    let event: PrivacyEvent
    do {
      let needed = try planned.noiseMultiplier.scaled(toGrid: Int(offer.fractionBits))
      guard offer.noiseScale >= needed else {
        throw OfferRefusal.noiseBelowPolicy(offered: offer.noiseScale, needed: needed)
      }
      event = try .discreteGaussian(
        scale: offer.noiseScale, sensitivity: UInt64(1) << UInt64(offer.fractionBits))
    } catch let refusal as OfferRefusal {
      throw refusal
    } catch {
      throw .noiseBelowPolicy(offered: offer.noiseScale, needed: UInt64.max)
    }
    guard spent.admits(event) else {
      throw .budgetExhausted(
        spentEpsilon: spent.epsilonSpent, limit: policy.epsilonLimit.doubleValue)
    }
    return event
  }

  private static func isSupported(_ policy: PrivacyPolicy) -> Bool {
    guard let mode = AggregationMode(rawValue: policy.mode) else { return false }
    // Whatever the reason why there are no such rounds, there is none to join.
    let maskingPolicy = try? MaskingPolicy(of: policy)
    return mode.isMasked == (maskingPolicy != nil)
  }
}
