/// What can be wrong with a catalogue, parameters, features, hyperparameters or a model's input.
///
/// No case carries anything from a customer's history beyond the place of an item in the public
/// catalogue's numbering that is out of its range.
package enum RecommendationError: Error, Equatable, Sendable {
  /// A catalogue with no item, or with more than `limit`.
  case itemCountOutOfRange(actual: Int, limit: Int)
  /// As many descriptions as codes are needed.
  case descriptionCountMismatch(codes: Int, descriptions: Int)
  /// Text of an item is empty (codes only) or longer than `limit` bytes of UTF-8.
  case itemTextLength(item: Int, actual: Int, limit: Int)
  /// Codes have to ascend strictly by their bytes; `item` does not.
  case codesNotAscending(item: Int)

  /// Encoded bytes do not start with the expected identifier and version.
  case wrongFormat(expected: String)
  /// Encoded bytes end, or a size in them asks for more than there is.
  case truncated(byteOffset: Int, needed: Int, available: Int)
  /// Bytes are left after the end of the value.
  case trailingBytes(count: Int)
  /// The encoding, or what it describes, is larger than allowed.
  case tooLarge(what: String, actual: Int, limit: Int)
  /// Bytes at this offset are not the one canonical spelling, or not valid UTF-8.
  case notCanonical(byteOffset: Int)

  /// A value is NaN or infinite.
  case notFinite(name: String, index: Int)
  /// A value of a tensor that holds squares is below zero.
  case negative(name: String, index: Int)
  /// A clip norm that is not positive, or beyond all use.
  case clipNormOutOfRange(value: Double)
  /// Parameters lack a tensor that this stage or model needs.
  case missingTensor(name: String)
  /// A tensor, or a vector given to a model, has another shape than the model needs.
  case shapeMismatch(name: String, expected: [Int], actual: [Int])
  /// The head items of the parameters are not distinct, ascending places in the catalogue.
  case invalidHead(index: Int)
  /// A parameter that says how many items there are is not a whole number of a catalogue's size.
  case notItemCount(name: String, value: Float)
  /// A row of item features has neither unit norm nor is it zero.
  case featureNotUnit(item: Int)

  /// A history has an item that the catalogue has not.
  case itemOutOfRange(item: Int, itemCount: Int)
  /// The model has no such stage.
  case stageOutOfRange(stage: Int, stages: Int)

  /// No model has this identifier.
  case unknownModel(identifier: String, known: [String])
  /// No exploration policy has this name.
  case unknownPolicy(identifier: String, known: [String])
  /// The hyperparameters are not an object.
  case hyperparametersNotObject(actual: String)
  /// The model has no such hyperparameter.
  case unknownHyperparameter(name: String, known: [String])
  /// A hyperparameter has the wrong type or is out of range; `accepted` says what is accepted.
  case invalidHyperparameter(name: String, accepted: String)

  /// A solver of VectorMath gave up; `step` says where.
  case numericalFailure(step: String)
}
