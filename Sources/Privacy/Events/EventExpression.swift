/// A list of events as people write it; one parameter may be `?`, to be calibrated.
///
/// ```
/// events  = event *( ";" event )
/// event   = ( mechanism | sampled | "(" [events] ")" ) [ "*" count ]
/// sampled = sampler "(" events ")"
/// ```
/// | text | event |
/// |---|---|
/// | `G:sigma` | Gaussian of noise multiplier sigma |
/// | `L:b` | Laplace of scale b |
/// | `DG:sigma:sensitivity` | discrete Gaussian on one integer |
/// | `DL:a:sensitivity` | discrete Laplace on one integer, exp(-a \|y\|) |
/// | `SK:variance:scale:l1:l2` | Skellam |
/// | `RR:p:k` | randomized response, uniform over k answers with probability p |
/// | `ED:epsilon:delta` | any (epsilon, delta)-DP mechanism |
/// | `Z:rho` or `Z:rho:xi` | any mechanism of that zCDP |
/// | `MF:z:sensitivity` | matrix factorisation, all rounds together |
/// | `TR:sigma:n+n+…` | tree sums of n leaves, restarted |
/// | `P:q(events)` | Poisson sampling at rate q |
/// | `TP:q:B:n(events)` | the same of n units, cut to B a batch |
/// | `W:n:m(events)` | m of n without replacement |
///
/// A sampler joins the words `G L DG DL SK ED Z` directly: `PG:q:sigma` is `P:q(G:sigma)`,
/// `TPG:q:B:n:sigma`, `WL:n:m:b`. Numbers are decimal, with an optional power of ten, or `inf`;
/// counts are integers of 0 or more. Spaces between parts do not matter.
package struct EventExpression: Sendable {
  indirect enum Node: Sendable {
    case mechanism(EventWord, [Argument], inner: Node?, offset: Int)
    case repeated(Node, count: Argument)
    case composed([Node], offset: Int)
  }

  /// One number of the text, or the place of the free parameter.
  struct Argument: Sendable {
    /// Empty for the free parameter; several only for step counts.
    let values: [Double]
    let offset: Int
    /// Where the free parameter stands, what it is.
    let free: FreeParameter?
  }

  private let root: Node
  /// The parameter written `?`, if one is.
  package let freeParameter: FreeParameter?

  /// Longest text that is read, in bytes.
  package static let longestText = 1 << 20

  /// - Throws: ``PrivacyError/malformedEvents(offset:reason:)``.
  package init(_ text: String) throws(PrivacyError) {
    var parser = EventParser(text)
    root = try parser.parse()
    freeParameter = parser.freeParameter
  }

  /// The event, with `value` in the place of `?`.
  /// - Throws: ``PrivacyError/malformedEvents(offset:reason:)`` for parameters out of range, or if
  ///   the text has a free parameter and no value is given for it.
  package func event(freeParameter value: Double? = nil) throws(PrivacyError) -> DPEvent {
    try Self.event(root, value)
  }

  private static func event(_ node: Node, _ value: Double?) throws(PrivacyError) -> DPEvent {
    switch node {
    case .mechanism(let word, let arguments, let inner, let offset):
      var reals: [Double] = []
      for argument in arguments { reals.append(try number(argument, value)) }
      var sampled: DPEvent?
      if let inner { sampled = try event(inner, value) }
      return try at(offset) { () throws(PrivacyError) in
        try word.event(
          reals, integers: (arguments.last?.values ?? []).map { Int(exactly: $0) ?? 0 },
          inner: sampled)
      }
    case .repeated(let repeatedNode, let argument):
      let count = Int(exactly: try number(argument, value)) ?? 0
      let repeatedEvent = try event(repeatedNode, value)
      return try at(argument.offset) { () throws(PrivacyError) in
        try .repeated(repeatedEvent, count: count)
      }
    case .composed(let nodes, let offset):
      var events: [DPEvent] = []
      for part in nodes { events.append(try event(part, value)) }
      return try at(offset) { () throws(PrivacyError) in try .composed(events) }
    }
  }

  private static func number(_ argument: Argument, _ value: Double?) throws(PrivacyError) -> Double
  {
    if let first = argument.values.first { return first }
    guard let value else {
      throw .malformedEvents(
        offset: argument.offset, reason: "\"?\" stands only where a parameter is calibrated")
    }
    return value
  }

  /// Says where in the text a parameter out of range stands.
  private static func at(
    _ offset: Int, _ make: () throws(PrivacyError) -> DPEvent
  ) throws(PrivacyError) -> DPEvent {
    do {
      return try make()
    } catch {
      guard case .malformedEvents = error else {
        throw .malformedEvents(offset: offset, reason: error.description)
      }
      throw error
    }
  }
}

/// A parameter of an event that calibration chooses.
package struct FreeParameter: Sendable, Equatable {
  /// How epsilon depends on it, and where it may lie.
  package enum Role: Sendable, Equatable {
    /// A scale of noise, above zero: more of it, less epsilon.
    case noise
    /// The probability of a uniform answer: more of it, less epsilon.
    case noiseProbability
    /// A quantity above zero that epsilon grows with.
    case loss
    /// A sampling rate in 0...1: epsilon grows with it.
    case rate
    /// A whole number of repetitions: epsilon grows with it.
    case count
  }
  package let name: String
  package let role: Role
}

extension DPEvent {
  /// Reads events in the grammar of ``EventExpression``.
  /// - Throws: ``PrivacyError/malformedEvents(offset:reason:)``.
  package init(_ text: String) throws(PrivacyError) {
    self = try EventExpression(text).event()
  }
}
