/// What the privacy layer refuses. No case carries anything computed from a user's data.
package enum PrivacyError: Error, Equatable, Sendable {
  /// A noise multiplier that is not a finite number above zero.
  case invalidNoiseMultiplier(Double)
  /// A parameter of a mechanism, sampler or accountant that is not accepted.
  case invalidParameter(name: String, value: String, accepted: String)
  /// Noise of `scale` grid steps, outside ``PrivacyEvent/chargeableScales``.
  case scaleNotChargeable(UInt64)
  /// A sensitivity of `steps` grid steps, outside ``PrivacyEvent/chargeableSensitivities``.
  case sensitivityNotChargeable(UInt64)
  /// A variance that ``DiscreteGaussian`` cannot sample without risk of overflow.
  case unsupportedVariance(numerator: UInt64, denominator: UInt64)
  /// The charge does not fit what is left of the budget.
  case budgetExhausted(BudgetShortfall)
  /// Not a decimal number in the accepted form, or out of the range of ``ExactDecimal``.
  case invalidDecimal(String)
  /// A decimal times 2^`fractionBits` does not fit 64 bits, or the grid is not one of 0...62 bits.
  case notOnGrid(value: ExactDecimal, fractionBits: Int)
  /// Shares of mu squared that are not all positive, or add up to more than 1.
  case invalidShares([Double])
  /// A policy field with a value that is not accepted, as the file spells it.
  case invalidPolicyField(field: String, value: String, accepted: String)
  case missingPolicyField(field: String, accepted: String)
  /// A key that no policy has; `nearest` is the known key that resembles it most.
  case unknownPolicyField(field: String, nearest: String)
  /// The policy is not JSON; the text says where and why.
  case malformedPolicy(String)
  /// A parameter of a ``DPEvent`` outside its range. `event` is the kind in words.
  case invalidEventParameter(event: String, parameter: String, value: String, accepted: String)
  /// A mechanism that gives no guarantee under this relation, or none that is known here.
  case unsupportedRelation(event: String, relation: NeighbouringRelation, reason: String)
  /// Text that is no list of events. `offset` counts bytes from 0.
  case malformedEvents(offset: Int, reason: String)
  /// An accountant that has no analysis of an event.
  case notAccountable(event: String, accountant: String, reason: String)
  /// A query outside its range, such as a delta of 2.
  case invalidQuery(parameter: String, value: String, accepted: String)
  /// No value of the free parameter reaches the target.
  case notCalibratable(reason: String)
}

/// Why a charge was refused, in the unit people read: epsilon at the ledger's delta.
package struct BudgetShortfall: Equatable, Sendable {
  /// Epsilon of everything charged so far.
  package let spentEpsilon: Double
  /// Epsilon of everything so far and the refused charge.
  package let neededEpsilon: Double
  package let limitEpsilon: Double
  package let delta: Double
  /// How many of the refused rounds would still have fitted, 0 or more.
  package let roundsThatFit: Int
}

extension PrivacyError: CustomStringConvertible {
  /// One sentence without a full stop: what is wrong and what would be accepted.
  package var description: String {
    switch self {
    case .invalidNoiseMultiplier(let value):
      "noise multiplier \(value) is not a finite number above 0"
    case .invalidParameter(let name, let value, let accepted):
      "\(name) is \(value); accepted: \(accepted)"
    case .scaleNotChargeable(let scale):
      "noise of \(scale) grid steps cannot be charged; accepted: \(PrivacyEvent.chargeableScales)"
    case .sensitivityNotChargeable(let steps):
      "sensitivity of \(steps) grid steps cannot be charged; "
        + "accepted: \(PrivacyEvent.chargeableSensitivities)"
    case .unsupportedVariance(let numerator, let denominator):
      "no sampler for a variance of \(numerator)/\(denominator); accepted: 1 to 2^60, "
        + "denominator up to 2^20"
    case .budgetExhausted(let shortfall): shortfall.description
    case .invalidDecimal(let text):
      "\"\(text)\" is not a decimal number such as 0.635 or 1e-5 (at most 19 digits)"
    case .notOnGrid(let value, let fractionBits):
      "\(value) in steps of 2^-\(fractionBits) does not fit 64 bits"
    case .invalidShares(let shares):
      "budget shares \(shares) are not all above 0 with a sum of at most 1"
    case .invalidPolicyField(let field, let value, let accepted):
      "policy field \(field) is \(value); accepted: \(accepted)"
    case .missingPolicyField(let field, let accepted):
      "policy field \(field) is missing; accepted: \(accepted)"
    case .unknownPolicyField(let field, let nearest):
      "policy has no field \(field); did you mean \(nearest)?"
    case .malformedPolicy(let reason): "the policy is not valid JSON: \(reason)"
    case .invalidEventParameter(let event, let parameter, let value, let accepted):
      "\(parameter) of \(event) is \(value); accepted: \(accepted)"
    case .unsupportedRelation(let event, let relation, let reason):
      "\(event) cannot be accounted under \(relation.rawValue): \(reason)"
    case .malformedEvents(let offset, let reason): "events, byte \(offset): \(reason)"
    case .notAccountable(let event, let accountant, let reason):
      "the \(accountant) accountant has no figure for \(event): \(reason)"
    case .invalidQuery(let parameter, let value, let accepted):
      "\(parameter) is \(value); accepted: \(accepted)"
    case .notCalibratable(let reason): reason
    }
  }
}

extension BudgetShortfall: CustomStringConvertible {
  package var description: String {
    "epsilon \(spentEpsilon) is spent and this needs \(neededEpsilon), over the limit "
      + "\(limitEpsilon) at delta \(delta); \(roundsThatFit) such rounds would have fitted"
  }
}
