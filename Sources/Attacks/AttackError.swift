/// Why an attack or an empirical audit could not be run.
package enum AttackError: Error, Equatable, Sendable {
  /// Too few customers with a history for what was asked.
  case tooFewCustomers(have: Int, need: Int)
  /// The policy gives a round that the attack cannot stage.
  case unsuitablePolicy(String)
  /// A count, probability or share outside of its range.
  case invalidParameter(name: String, value: String, accepted: String)
}

extension AttackError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tooFewCustomers(let have, let need):
      "the data have \(have) customers with a history, and \(need) are needed"
    case .unsuitablePolicy(let reason): reason
    case .invalidParameter(let name, let value, let accepted):
      "\(name) is \(value); accepted: \(accepted)"
    }
  }
}
