internal import CanonicalJSON

/// Typed access to the members of one JSON object of a policy, with errors that name the field.
struct PolicyFields {
  private let members: [String: JSONValue]
  private let path: String

  /// - Parameters:
  ///   - path: of the object inside the policy; empty for the policy itself.
  ///   - known: every key the object may have.
  init(_ json: JSONValue, path: String, known: [String]) throws(PrivacyError) {
    guard let members = json.objectValue else {
      throw .invalidPolicyField(
        field: path.isEmpty ? "policy" : path, value: "of kind \(json.kindName)",
        accepted: "an object")
    }
    self.members = members
    self.path = path
    // In order, so that the same file always gives the same error.
    for key in members.keys.sorted() where !known.contains(key) {
      let distances = known.map { name in
        let oneBeginsTheOther = name.hasPrefix(key) || key.hasPrefix(name)
        return (name: name, distance: oneBeginsTheOther ? 0 : Self.editDistance(key, name))
      }
      let nearest = distances.min { $0.distance < $1.distance }?.name ?? ""
      throw .unknownPolicyField(field: full(key), nearest: full(nearest))
    }
  }

  func value(_ key: String, accepted: String) throws(PrivacyError) -> JSONValue {
    guard let value = members[key] else {
      throw .missingPolicyField(field: full(key), accepted: accepted)
    }
    return value
  }

  func has(_ key: String) -> Bool { members[key] != nil }

  func string(_ key: String) throws(PrivacyError) -> String {
    let value = try value(key, accepted: "a string")
    guard let text = value.stringValue else {
      throw invalid(key, "of kind \(value.kindName)", accepted: "a string")
    }
    return text
  }

  func integer(_ key: String) throws(PrivacyError) -> Int {
    let value = try value(key, accepted: "an integer")
    guard let integer = value.integerValue else {
      throw invalid(key, "of kind \(value.kindName)", accepted: "an integer")
    }
    return Int(integer)
  }

  func array(_ key: String) throws(PrivacyError) -> [JSONValue] {
    let value = try value(key, accepted: "a list")
    guard let elements = value.arrayValue else {
      throw invalid(key, "of kind \(value.kindName)", accepted: "a list")
    }
    return elements
  }

  func decimal(_ key: String) throws(PrivacyError) -> ExactDecimal {
    let accepted = "a decimal number in quotes, such as \"0.635\""
    let value = try value(key, accepted: accepted)
    guard let text = value.stringValue else {
      throw invalid(key, "of kind \(value.kindName)", accepted: accepted)
    }
    do {
      return try ExactDecimal(text)
    } catch {
      throw invalid(key, "\"\(text.prefix(48))\"", accepted: accepted)
    }
  }

  func word<Word: RawRepresentable & CaseIterable>(
    _ key: String
  ) throws(PrivacyError) -> Word where Word.RawValue == String {
    let text = try string(key)
    guard let word = Word(rawValue: text) else {
      let accepted = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
      throw invalid(key, "\"\(text.prefix(48))\"", accepted: accepted)
    }
    return word
  }

  func invalid(_ key: String, _ value: String, accepted: String) -> PrivacyError {
    .invalidPolicyField(field: full(key), value: value, accepted: accepted)
  }

  private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// Fewest insertions, deletions and substitutions of bytes between two keys.
  private static func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8.prefix(64)), Array(right.utf8))
    var row = Array(0...right.count)
    for (i, leftByte) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, rightByte) in right.enumerated() {
        let substituted = diagonal + (leftByte == rightByte ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}
