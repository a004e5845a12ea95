extension RecommendationError: CustomStringConvertible {
  /// What is wrong, as one clause; with what is accepted where there is a choice.
  package var description: String {
    switch self {
    case .itemCountOutOfRange(let actual, let limit):
      "a catalogue has 1 to \(limit) items, this one \(actual)"
    case .descriptionCountMismatch(let codes, let descriptions):
      "there are \(codes) codes and \(descriptions) descriptions"
    case .itemTextLength(let item, let actual, let limit):
      "a text of item \(item) has \(actual) bytes; at most \(limit) are allowed, and a code has one"
    case .codesNotAscending(let item):
      "the code of item \(item) is not above the one before, or stands there twice"
    case .wrongFormat(let expected): "the bytes do not begin with \"\(expected)\""
    case .truncated(let offset, let needed, let available):
      "the bytes end early: \(needed) are needed at offset \(offset), \(available) are left"
    case .trailingBytes(let count): "\(count) bytes follow the end"
    case .tooLarge(let what, let actual, let limit):
      "\(what) has the size \(actual), the limit is \(limit)"
    case .notCanonical(let offset): "the bytes at offset \(offset) are not spelled canonically"
    case .notFinite(let name, let index): "value \(index) of \(name) is not a finite number"
    case .negative(let name, let index): "value \(index) of \(name) is below zero"
    case .clipNormOutOfRange(let value):
      "the clip norm \(value) is not from \(AdaptiveClipNorm.range.lowerBound) to "
        + "\(AdaptiveClipNorm.range.upperBound)"
    case .missingTensor(let name): "the parameters lack \"\(name)\""
    case .shapeMismatch(let name, let expected, let actual):
      "\(name) has the shape \(actual), \(expected) is needed"
    case .invalidHead(let index): "head item \(index) is out of place"
    case .notItemCount(let name, let value):
      "\(name) is \(value), not a number of items from 1 to \(Catalogue.Limits.items)"
    case .featureNotUnit(let item): "the feature vector of item \(item) is not of unit length"
    case .itemOutOfRange(let item, let count): "item \(item) is not one of the \(count) items"
    case .stageOutOfRange(let stage, let stages): "the model has \(stages) stages, not a \(stage)th"
    case .unknownModel(let identifier, let known):
      "there is no model \"\(identifier)\"; known are \(known.joined(separator: ", "))"
    case .unknownPolicy(let identifier, let known):
      "there is no policy \"\(identifier)\"; known are \(known.joined(separator: ", "))"
    case .hyperparametersNotObject(let actual):
      "hyperparameters are an object, not of kind \(actual)"
    case .unknownHyperparameter(let name, let known):
      "there is no hyperparameter \"\(name)\"; known are \(known.joined(separator: ", "))"
    case .invalidHyperparameter(let name, let accepted):
      "hyperparameter \"\(name)\" must be \(accepted)"
    case .numericalFailure(let step): "a computation did not converge: \(step)"
    }
  }
}
