package import CanonicalJSON

/// Reads a model's hyperparameters from the policy: an object of integers and decimal strings.
package struct Hyperparameters {
  private let members: [String: JSONValue]

  /// - Parameter known: the names that the model accepts.
  /// - Throws: `.hyperparametersNotObject`, `.unknownHyperparameter`.
  package init(_ value: JSONValue, known: [String]) throws(RecommendationError) {
    guard let members = value.objectValue else {
      throw .hyperparametersNotObject(actual: value.kindName)
    }
    for name in members.keys.sorted() where !known.contains(name) {
      throw .unknownHyperparameter(name: name, known: known)
    }
    self.members = members
  }

  /// The integer `name` in `range`; nil if it is absent.
  package func integer(
    _ name: String, in range: ClosedRange<Int>
  ) throws(RecommendationError) -> Int? {
    guard let value = members[name] else { return nil }
    guard let wide = value.integerValue, let integer = Int(exactly: wide), range.contains(integer)
    else {
      throw .invalidHyperparameter(
        name: name, accepted: "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// The string `name`; nil if it is absent.
  func text(_ name: String) throws(RecommendationError) -> String? {
    guard let value = members[name] else { return nil }
    guard let text = value.stringValue else {
      throw .invalidHyperparameter(name: name, accepted: "a string")
    }
    return text
  }

  /// The string `name`, one of `choices`; nil if it is absent.
  package func choice(
    _ name: String, among choices: [String]
  ) throws(RecommendationError) -> String? {
    guard let text = try text(name) else { return nil }
    guard choices.contains(text) else {
      throw .invalidHyperparameter(
        name: name, accepted: choices.map { "\"\($0)\"" }.joined(separator: " or "))
    }
    return text
  }

  /// The first second of the date `name`, a string such as "2011-07-01"; nil if it is absent.
  func date(_ name: String) throws(RecommendationError) -> Int64? {
    guard let text = try text(name) else { return nil }
    guard let seconds = CalendarTime.seconds(ofDate: text) else {
      throw .invalidHyperparameter(name: name, accepted: "a date such as \"2011-07-01\"")
    }
    return seconds
  }

  /// The string `name` as one of the cases of a type; nil if it is absent.
  package func choice<Choice: CaseIterable & RawRepresentable>(
    _ name: String
  ) throws(RecommendationError) -> Choice? where Choice.RawValue == String {
    try choice(name, among: Choice.allCases.map(\.rawValue)).flatMap(Choice.init(rawValue:))
  }

  /// The decimal string `name`, such as "0.5", in `range`; nil if it is absent.
  package func decimal(
    _ name: String, in range: ClosedRange<Double>
  ) throws(RecommendationError) -> Double? {
    guard let value = members[name] else { return nil }
    let digits = Set("0123456789.".utf8)
    guard let text = value.stringValue, text.utf8.allSatisfy(digits.contains),
      let number = Double(text), range.contains(number)
    else {
      throw .invalidHyperparameter(
        name: name,
        accepted: "a decimal in a string from \"\(range.lowerBound)\" to \"\(range.upperBound)\"")
    }
    return number
  }
}
