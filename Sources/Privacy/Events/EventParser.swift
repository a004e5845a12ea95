/// Recursive descent over the bytes of an ``EventExpression``.
struct EventParser {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0
  private var parts = 0
  private(set) var freeParameter: FreeParameter?

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func parse() throws(PrivacyError) -> EventExpression.Node {
    guard bytes.count <= EventExpression.longestText else {
      throw .malformedEvents(
        offset: 0,
        reason: "\(bytes.count) bytes of text; accepted: \(EventExpression.longestText)")
    }
    let node = try events()
    if position < bytes.count { throw unexpected("\";\", \"*\" or the end") }
    return node
  }

  private mutating func events() throws(PrivacyError) -> EventExpression.Node {
    let offset = position
    var nodes = [try event()]
    while skip(";") { nodes.append(try event()) }
    return nodes.count == 1 ? nodes[0] : .composed(nodes, offset: offset)
  }

  private mutating func event() throws(PrivacyError) -> EventExpression.Node {
    parts += 1
    guard parts <= DPEvent.mostParts else {
      throw .malformedEvents(
        offset: position, reason: "more than \(DPEvent.mostParts) events")
    }
    skipSpaces()
    let offset = position
    var node: EventExpression.Node
    if skip("(") {
      node = skip(")") ? .composed([], offset: offset) : try enclosed()
    } else {
      node = try mechanism()
    }
    if skip("*") {
      let count = EventWord.Parameter(name: "count", form: .integer, free: .count)
      node = .repeated(node, count: try argument(count))
    }
    return node
  }

  private mutating func enclosed() throws(PrivacyError) -> EventExpression.Node {
    depth += 1
    guard depth <= DPEvent.deepestNesting else {
      throw .malformedEvents(
        offset: position, reason: "more than \(DPEvent.deepestNesting) parentheses deep")
    }
    let node = try events()
    guard skip(")") else { throw unexpected("\")\"") }
    depth -= 1
    return node
  }

  private mutating func mechanism() throws(PrivacyError) -> EventExpression.Node {
    let offset = position
    let (sampler, base) = try words()
    guard let sampler else {
      let baseArguments = try arguments(base)
      guard base.isSampler else {
        return .mechanism(base, baseArguments, inner: nil, offset: offset)
      }
      guard skip("(") else { throw unexpected("\"(\" and what is sampled") }
      return .mechanism(base, baseArguments, inner: try enclosed(), offset: offset)
    }
    let samplerArguments = try arguments(sampler)
    let inner = EventExpression.Node.mechanism(
      base, try arguments(base), inner: nil, offset: offset)
    return .mechanism(sampler, samplerArguments, inner: inner, offset: offset)
  }

  /// The word at this place; a joined word is split into its sampler and the mechanism's word.
  private mutating func words() throws(PrivacyError) -> (EventWord?, EventWord) {
    let offset = position
    while position < bytes.count, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(bytes[position])
    {
      position += 1
    }
    let text = String(decoding: bytes[offset..<position], as: UTF8.self)
    if let word = EventWord(rawValue: text) { return (nil, word) }
    for sampler in EventWord.allCases where sampler.isSampler && text.hasPrefix(sampler.rawValue) {
      let rest = EventWord(rawValue: String(text.dropFirst(sampler.rawValue.count)))
      if let rest, rest.joinsSampler { return (sampler, rest) }
    }
    guard !text.isEmpty else {
      position = offset
      throw unexpected("an event such as G:1.0 or PG:0.01:1.0*1000")
    }
    throw .malformedEvents(
      offset: offset,
      reason: "no event is called \(text.prefix(24)); known: "
        + EventWord.allCases.map(\.rawValue).joined(separator: " "))
  }

  private mutating func arguments(
    _ word: EventWord
  ) throws(PrivacyError) -> [EventExpression.Argument] {
    var arguments: [EventExpression.Argument] = []
    let required = word.parameters.count - word.optionalParameters
    for (index, parameter) in word.parameters.enumerated() {
      guard skip(":") else {
        if index >= required { break }
        throw unexpected("\":\" and the \(parameter.name) of \(word.rawValue)")
      }
      arguments.append(try argument(parameter))
    }
    return arguments
  }

  private mutating func argument(
    _ parameter: EventWord.Parameter
  ) throws(PrivacyError) -> EventExpression.Argument {
    skipSpaces()
    let offset = position
    if skip("?") {
      guard let role = parameter.free else {
        throw .malformedEvents(
          offset: offset, reason: "the \(parameter.name) cannot be calibrated")
      }
      guard freeParameter == nil else {
        throw .malformedEvents(offset: offset, reason: "only one parameter can be \"?\"")
      }
      let free = FreeParameter(name: parameter.name, role: role)
      freeParameter = free
      return EventExpression.Argument(values: [], offset: offset, free: free)
    }
    var values = [try number(parameter)]
    while parameter.form == .integers, skip("+") { values.append(try number(parameter)) }
    return EventExpression.Argument(values: values, offset: offset, free: nil)
  }

  private mutating func number(
    _ parameter: EventWord.Parameter
  ) throws(PrivacyError) -> Double {
    skipSpaces()
    let offset = position
    let isInteger = parameter.form != .real
    while position < bytes.count {
      let byte = bytes[position]
      let afterPower = position > offset && bytes[position - 1] | 0x20 == UInt8(ascii: "e")
      let isSign = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
      // In "3+4" the sign separates step counts; in "1e+4" it belongs to the number.
      let belongs =
        isSign
        ? afterPower || (byte == UInt8(ascii: "-") && position == offset)
        : (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || "eE.infINF".utf8.contains(byte)
      guard belongs else { break }
      position += 1
    }
    let text = String(decoding: bytes[offset..<position], as: UTF8.self)
    guard let value = Double(text), !value.isNaN else {
      position = offset
      throw unexpected("a number for the \(parameter.name)")
    }
    if isInteger, Int(exactly: value) == nil || value.magnitude > 0x1p53 {
      throw .malformedEvents(
        offset: offset, reason: "\(parameter.name) \(text.prefix(24)) is no whole number")
    }
    return value
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpaces()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpaces() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
      position += 1
    }
  }

  private func unexpected(_ expected: String) -> PrivacyError {
    let found =
      position < bytes.count
      ? "\"\(String(decoding: bytes[position...].prefix(12), as: UTF8.self))\"" : "the end"
    return .malformedEvents(offset: position, reason: "expected \(expected), found \(found)")
  }
}
