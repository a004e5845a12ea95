/// The public parameters of a model: named tensors of finite floats, one canonical encoding.
///
/// Whoever takes part sees them, and their hash stands in every offer of a round.
package struct ModelParameters: Sendable, Equatable {
  /// Bounds on what parameters may hold.
  package enum Limits {
    package static let tensors = 16
    /// Dimensions of a tensor.
    package static let rank = 4
    /// Bytes of a name of [a-z0-9_].
    package static let nameBytes = 32
    /// Bytes of an encoding, unless the reader asks for less.
    package static let encodedBytes = 1 << 26
  }

  /// An array of `shape.reduce(1, *)` values, row-major.
  package struct Tensor: Sendable, Equatable {
    package let shape: [Int]
    package let values: [Float]

    /// - Precondition: 1 to 4 dimensions of at least 0; as many values as the shape says.
    package init(shape: [Int], values: [Float]) {
      precondition((1...Limits.rank).contains(shape.count), "a tensor has 1 to 4 dimensions")
      precondition(
        shape.allSatisfy { $0 >= 0 } && shape.reduce(1, *) == values.count,
        "a tensor has as many values as its shape says")
      self.shape = shape
      self.values = values
    }

    /// A vector.
    package init(_ values: [Float]) { self.init(shape: [values.count], values: values) }
  }

  static let format = "tacit parameters/1"

  /// By name.
  package private(set) var tensors: [String: Tensor]

  /// - Throws: `.tooLarge` above 16 tensors, `.notFinite`.
  /// - Precondition: names are 1 to 32 bytes of [a-z0-9_].
  package init(tensors: [String: Tensor]) throws(RecommendationError) {
    guard tensors.count <= Limits.tensors else {
      throw .tooLarge(what: "tensors", actual: tensors.count, limit: Limits.tensors)
    }
    for (name, tensor) in tensors {
      precondition(Self.isName(name), "a tensor's name is 1 to 32 bytes of [a-z0-9_]")
      if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(name: name, index: index)
      }
    }
    self.tensors = tensors
  }

  /// The tensor `name`; nil if there is none.
  package subscript(_ name: String) -> Tensor? { tensors[name] }

  /// The values of `name`, which must have exactly `shape`.
  ///
  /// - Throws: `.missingTensor`, `.shapeMismatch`.
  func values(_ name: String, shape: [Int]) throws(RecommendationError) -> [Float] {
    guard let tensor = tensors[name] else { throw .missingTensor(name: name) }
    guard tensor.shape == shape else {
      throw .shapeMismatch(name: name, expected: shape, actual: tensor.shape)
    }
    return tensor.values
  }

  static func isName(_ name: String) -> Bool {
    (1...Limits.nameBytes).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
      }
  }
}
