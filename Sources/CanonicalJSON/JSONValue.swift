/// A JSON document as a value.
///
/// Numbers come in two cases so that counts stay exact: ``parse(_:limit:depth:)`` returns
/// `.integer` for every number whose value is an integer in ``safeIntegers``, however it is
/// spelled, and `.number` for all others. A document built by hand in that form is equal to the
/// parse of its own ``canonicalBytes``.
///
/// Strings compare as Swift strings do, by canonical equivalence. Compare ``canonicalBytes`` where
/// bytes matter (hashes, signatures).
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  /// An integer in ``safeIntegers``; a larger quantity travels as a string.
  case integer(Int64)
  /// A finite number.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// ±(2^53 - 1), the integers that every JSON implementation holds exactly.
  ///
  /// Source: RFC 7493 §2.2, to which RFC 8785 §3.1 refers.
  package static let safeIntegers: ClosedRange<Int64> =
    -9_007_199_254_740_991...9_007_199_254_740_991
}

extension JSONValue {
  /// The member `key` of an object; nil if it is absent or this is not an object.
  package subscript(_ key: String) -> JSONValue? { objectValue?[key] }

  package var isNull: Bool { self == .null }

  package var boolValue: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  package var integerValue: Int64? {
    guard case .integer(let value) = self else { return nil }
    return value
  }

  /// The value of either kind of number.
  package var numberValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  package var stringValue: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  package var arrayValue: [JSONValue]? {
    guard case .array(let value) = self else { return nil }
    return value
  }

  package var objectValue: [String: JSONValue]? {
    guard case .object(let value) = self else { return nil }
    return value
  }

  /// What this is, for error messages: "null", "bool", "number", "string", "array" or "object".
  package var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "bool"
    case .integer, .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}
