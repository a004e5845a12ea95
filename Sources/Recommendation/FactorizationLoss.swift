internal import VectorMath

/// One customer's loss in a factorisation with item vectors q_i, and its gradient.
///
/// With x_i = 1 for the head items that the customer bought and 0 for the others, w_i = 1 and the
/// unobserved weight respectively, the customer's vector u minimises
/// 1/2 Σ w_i (x_i - u·q_i)² + 1/2 ridge |u|². The loss of the item vectors is that minimum. At it the
/// derivative for u is zero, so that the gradient for q_i is the partial one, w_i (u·q_i - x_i) u.
struct FactorizationLoss: Equatable, Sendable {
  /// Above 0.
  let ridge: Double
  /// Weight of an item that was not bought, in (0, 1].
  let unobservedWeight: Double

  /// The factor of Σ w_i q_i q_i' + ridge I for a customer with the items at `places`.
  ///
  /// - Throws: `.numericalFailure`.
  func system(
    factors: ItemFactors, places: [Int]
  ) throws(RecommendationError) -> CholeskyFactor {
    let matrix = factors.matrix
    var system = Kernels.gram(of: matrix)
    system.withMutableElements { elements in
      for index in elements.indices { elements[index] *= unobservedWeight }
    }
    for place in places {
      for row in 0..<factors.dimension {
        for column in 0..<factors.dimension {
          system[row, column] +=
            (1 - unobservedWeight) * matrix[place, row] * matrix[place, column]
        }
      }
    }
    for index in 0..<factors.dimension { system[index, index] += ridge }
    do {
      return try Cholesky.factor(of: system)
    } catch {
      throw .numericalFailure(step: "rebuilding a customer's vector")
    }
  }

  /// The customer's vector u.
  ///
  /// - Throws: `.numericalFailure`.
  func customerVector(
    factors: ItemFactors, places: [Int]
  ) throws(RecommendationError) -> [Double] {
    var sum = [Double](repeating: 0, count: factors.dimension)
    for place in places {
      for index in sum.indices { sum[index] += factors.matrix[place, index] }
    }
    return try solve(try system(factors: factors, places: places), sum)
  }

  func solve(
    _ system: CholeskyFactor, _ rightHandSide: [Double]
  ) throws(RecommendationError) -> [Double] {
    do {
      return try Cholesky.solve(system, rightHandSide)
    } catch {
      throw .numericalFailure(step: "rebuilding a customer's vector")
    }
  }

  /// The gradient of the loss for the item vectors, row-major [head, dimension]; zero for a customer
  /// without head items.
  ///
  /// - Throws: `.numericalFailure`.
  func gradient(
    factors: ItemFactors, places: [Int]
  ) throws(RecommendationError) -> [Double] {
    var gradient = [Double](repeating: 0, count: factors.head.count * factors.dimension)
    guard !places.isEmpty else { return gradient }
    let vector = try customerVector(factors: factors, places: places)
    let errors = weightedErrors(factors: factors, places: places, vector: vector)
    for (place, error) in errors.enumerated() {
      for index in vector.indices {
        gradient[place * factors.dimension + index] = error.weight * error.value * vector[index]
      }
    }
    return gradient
  }

  /// The loss of the item vectors for one customer.
  ///
  /// - Throws: `.numericalFailure`.
  func value(factors: ItemFactors, places: [Int]) throws(RecommendationError) -> Double {
    let vector = try customerVector(factors: factors, places: places)
    let errors = weightedErrors(factors: factors, places: places, vector: vector)
    let square = vector.reduce(0) { $0 + $1 * $1 }
    return errors.reduce(ridge * square / 2) { $0 + $1.weight * $1.value * $1.value / 2 }
  }

  /// u·q_i - x_i of every head item, with its weight.
  private func weightedErrors(
    factors: ItemFactors, places: [Int], vector: [Double]
  ) -> [(weight: Double, value: Double)] {
    var errors = Kernels.product(factors.matrix, vector).map { value in
      (weight: unobservedWeight, value: value)
    }
    for place in places {
      errors[place] = (weight: 1, value: errors[place].value - 1)
    }
    return errors
  }
}
