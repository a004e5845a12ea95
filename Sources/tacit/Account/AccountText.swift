internal import Glibc
internal import Operations
internal import Privacy

/// Answers of the accountants in words and figures.
enum AccountText {
  static func answer(_ question: AccountQuestion) throws(PrivacyError) -> String {
    var lines: [String] = []
    var best: AccountedLoss?
    for accountant in question.accountants {
      do {
        let loss = try question.answer(by: accountant)
        lines.append(line(loss))
        if best.map({ isLess(loss, than: $0) }) ?? true { best = loss }
      } catch {
        guard question.accountants.count > 1 else { throw error }
        lines.append(pad(accountant.rawValue) + "no figure: \(error)")
      }
    }
    lines.append("relation  \(meaning(of: question.relation))")
    if let best { lines.append(sentence(best)) }
    return lines.joined(separator: "\n")
  }

  static func calibration(
    _ free: FreeParameter, _ solution: Calibration.Solution, target: Double
  ) -> String {
    """
    \(free.name) = \(wholeOrDecimal(solution.value))
    \(line(solution.loss))
    The target is epsilon \(target); the value is on its safe side.
    \(sentence(solution.loss))
    """
  }

  private static func isLess(_ left: AccountedLoss, than right: AccountedLoss) -> Bool {
    left.epsilon < right.epsilon || (left.epsilon == right.epsilon && left.delta < right.delta)
  }

  private static func line(_ loss: AccountedLoss) -> String {
    let delta = loss.delta > 0 ? figure(loss.delta) : "e^\(figure(loss.logDelta))"
    let text = pad(loss.accountant.rawValue) + "epsilon \(figure(loss.epsilon)) at delta \(delta)"
    switch loss.excess {
    case 0?: return text + ", exact"
    case let excess?:
      return text + ", at most \(Format.percent(excess, places: 3)) above the truth"
    case nil: return text + ", an upper bound"
    }
  }

  private static func pad(_ name: String) -> String {
    name + String(repeating: " ", count: max(1, 10 - name.count))
  }

  /// A count as `688`, a noise multiplier as `0.6002290721990067`.
  private static func wholeOrDecimal(_ value: Double) -> String {
    Int64(exactly: value).map(String.init) ?? "\(value)"
  }

  /// Seven significant digits, rounded up: a printed bound is never below the computed one.
  private static func figure(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    // As short as it was given, if it was.
    if "\(value)".utf8.count <= 9 { return "\(value)" }
    let digits = Int(floor(log10(value.magnitude)))
    let unit = pow(10, Double(6 - digits))
    guard unit.isFinite, unit > 0 else { return "\(value)" }
    let rounded = (value * unit).rounded(.up) / unit
    return (-4...9).contains(digits)
      ? Format.decimal(rounded, places: min(9, max(0, 6 - digits)))
      : "\(rounded)"
  }

  /// What an observer can learn, as a chance: somebody who thinks the odds are even.
  private static func sentence(_ loss: AccountedLoss) -> String {
    guard loss.epsilon.isFinite, loss.delta < 1 else {
      return """
        In words  no protection: whoever sees the releases may learn everything about a
                  person.
        """
    }
    let chance = 1 / (1 + exp(-loss.epsilon))
    let limit =
      chance > 0.9999 ? "above 99.99 %" : "at most \(Format.percent(chance, places: 2))"
    return """
      In words  whoever sees all releases, and thought it as likely as not that your data
                was used, can become \(limit) sure of it\(exception(loss.delta)).
      """
  }

  private static func exception(_ delta: Double) -> String {
    delta > 0 ? ",\n          except with a probability of about \(figure(delta))" : ""
  }

  private static func meaning(of relation: NeighbouringRelation) -> String {
    switch relation {
    case .zeroOut: "zero-out: your data against none, with the same people taking part"
    case .addRemoveOne: "add-remove: you present against you absent"
    case .replaceOne: "replace-one: your data against anyone's, twice as far apart (2C)"
    }
  }
}
