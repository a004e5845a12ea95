package import CanonicalJSON
internal import Glibc
internal import Recommendation

/// The settings that may be tried of a model's hyper-parameters: a box, from which points are taken that fill it
/// evenly.
///
/// Point 0 is what the model runs with untuned. The others are a Halton sequence, one prime a dimension: point t of a
/// space does not depend on how many are tried.
/// - Source: Halton, "On the efficiency of certain quasi-random sequences of points in evaluating multi-dimensional
///   integrals", Numerische Mathematik 2 (1960), 84-90.
package struct SearchSpace: Equatable, Sendable {
  /// One hyper-parameter.
  package enum Dimension: Equatable, Sendable {
    /// Integers, uniform in their logarithm and rounded.
    case integer(String, ClosedRange<Int>)
    /// Decimals as text, uniform in their logarithm and rounded to four digits.
    case decimal(String, ClosedRange<Double>)
    /// Words, equally often.
    case word(String, [String])
  }

  /// Bounds the settings of one row.
  package static let largestCount = 64
  private static let primes = [2, 3, 5, 7, 11, 13]
  /// Points looked at; roundings may coincide, and such points are passed over.
  private static let longestSequence = 10_000

  /// At most as many as there are ``primes``.
  package let dimensions: [Dimension]

  /// The space of a model's hyper-parameters; nil for a model without any.
  ///
  /// `loss`, `clipping` and the like are left as they are: they make another model.
  package static func of(_ model: String) -> SearchSpace? {
    dimensions[model].map { SearchSpace(dimensions: $0) }
  }

  private static let dimensions: [String: [Dimension]] = [
    EASE.identifier: [.decimal("lambda", 20...2000)],
    ItemKNN.identifier: [
      .integer("neighbours", 10...1000), .decimal("shrinkage", 0.1...100),
      .word("side", ItemKNN.Side.allCases.map(\.rawValue)),
      .word("weighting", ItemKNN.Weighting.allCases.map(\.rawValue)),
    ],
    ImplicitALS.identifier: [
      .integer("factors", 16...128), .decimal("regularization", 1...50),
      .decimal("unobserved_weight", 0.05...1),
    ],
    PureSVD.identifier: [
      .integer("rank", 8...128), .word("weights", PureSVD.Weights.allCases.map(\.rawValue)),
    ],
    GramModel.identifier: [.integer("head", 64...632), .integer("rank", 4...64)],
    FactorizationModel.identifier: [
      .decimal("learning_rate", 5...80), .decimal("ridge", 0.25...4),
      .decimal("unobserved_weight", 0.1...1), .integer("dimension", 4...32),
    ],
    SequenceModel.identifier: [
      .decimal("learning_rate", 0.005...0.08), .integer("dimension", 16...64),
    ],
  ]

  /// The settings to try for a row, all different; nil for a row without hyper-parameters that are tuned.
  ///
  /// Those of `sasrec:centralized` are numbers of epochs (``CentralizedSASRec/epochs(tried:)``).
  /// - Parameters:
  ///   - count: how many, 1 ... ``largestCount``.
  ///   - first: what the row runs with untuned.
  package static func settings(
    for cell: ComparisonCell, count: Int, from first: JSONValue
  ) -> [JSONValue]? {
    if cell.model == CentralizedSASRec.identifier, cell.setting == .centralized {
      return CentralizedSASRec.epochs(tried: count).map {
        .object([CentralizedSASRec.epochsName: .integer(Int64($0))])
      }
    }
    guard !cell.isTwin else { return nil }
    return of(cell.model)?.settings(count, from: first)
  }

  /// `first`, then points of the sequence with what else `first` has.
  package func settings(_ count: Int, from first: JSONValue) -> [JSONValue] {
    precondition((1...Self.largestCount).contains(count), "a search tries 1 to 64 settings")
    var found = [first]
    var place = 1
    while found.count < count, place < Self.longestSequence {
      var members = first.objectValue ?? [:]
      for (dimension, base) in zip(dimensions, Self.primes) {
        let (name, value) = dimension.value(at: Self.radicalInverse(place, base: base))
        members[name] = value
      }
      let setting = JSONValue.object(members)
      if !found.contains(setting) { found.append(setting) }
      place += 1
    }
    return found
  }

  /// The digits of `index` mirrored at the point: in [0, 1).
  static func radicalInverse(_ index: Int, base: Int) -> Double {
    var rest = index
    var unit = 1.0
    var value = 0.0
    while rest > 0 {
      unit /= Double(base)
      value += unit * Double(rest % base)
      rest /= base
    }
    return value
  }
}

extension SearchSpace.Dimension {
  /// Name and value at a place in [0, 1) of the dimension.
  fileprivate func value(at place: Double) -> (name: String, value: JSONValue) {
    switch self {
    case .integer(let name, let range):
      let found = Self.geometric(
        place, from: Double(range.lowerBound), to: Double(range.upperBound))
      let rounded = min(max(Int(found.rounded()), range.lowerBound), range.upperBound)
      return (name, .integer(Int64(rounded)))
    case .decimal(let name, let range):
      let found = Self.geometric(place, from: range.lowerBound, to: range.upperBound)
      return (name, .string(Self.text(found)))
    case .word(let name, let words):
      return (name, .string(words[min(Int(place * Double(words.count)), words.count - 1)]))
    }
  }

  private static func geometric(_ place: Double, from lower: Double, to upper: Double) -> Double {
    lower * exp(place * log(upper / lower))
  }

  /// Four digits, without an exponent.
  private static func text(_ value: Double) -> String {
    let places = max(0, 3 - Int(log10(value).rounded(.down)))
    // A power of ten and an integer are exact, so that the quotient is the double nearest to the decimal.
    let scale = (0..<places).reduce(1.0) { scale, _ in scale * 10 }
    return ComparisonCell.number((value * scale).rounded() / scale)
  }
}
