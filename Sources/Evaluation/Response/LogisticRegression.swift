internal import Glibc
package import Recommendation
internal import VectorMath

/// Logistic regression with every customer's examples in one place: what ``ResponseModel`` is held against.
///
/// Minimises the sum of -ln p of what happened, plus half the ridge times the squared weights but the last.
/// - Source: McCullagh and Nelder, "Generalized Linear Models" (1989), section 4.4: Newton's method, which here
///   is iteratively reweighted least squares.
package struct LogisticRegression: Equatable, Sendable {
  /// One an input.
  package let weights: [Double]

  private static let iterations = 100
  private static let smallestStep = 1e-10
  /// Squared Newton decrement, as a part of the loss, below which whole steps are taken.
  private static let closeBy = 1e-9

  package init(weights: [Double]) { self.weights = weights }

  /// - Parameters:
  ///   - examples: at least one, all with as many inputs.
  ///   - ridge: above 0; the last input, which is 1, has none.
  /// - Throws: `EvaluationError.invalidPlan` if a step cannot be solved.
  package init(fitting examples: [ResponseExample], ridge: Double) throws(EvaluationError) {
    guard let inputs = examples.first?.inputs.count else {
      throw .nothingToEvaluate(protocolName: "response", need: "an example to learn from")
    }
    var weights = [Double](repeating: 0, count: inputs)
    for _ in 0..<Self.iterations {
      let model = LogisticRegression(weights: weights)
      let gradient = model.gradient(on: examples, ridge: ridge)
      let step: [Double]
      do {
        step = try Cholesky.solve(
          Cholesky.factor(of: model.hessian(on: examples, ridge: ridge)), gradient)
      } catch {
        throw .invalidPlan(reason: "logistic regression has no solution: \(error)")
      }
      func moved(_ factor: Double) -> [Double] { zip(weights, step).map { $0 - factor * $1 } }
      let loss = model.loss(on: examples, ridge: ridge)
      var factor = 1.0
      var next = moved(factor)
      // Newton's method may overshoot from afar: halving keeps the loss falling. Close by, where it cannot,
      // the fall is lost in the rounding of the loss.
      if zip(gradient, step).reduce(0, { $0 + $1.0 * $1.1 }) > Self.closeBy * loss {
        while LogisticRegression(weights: next).loss(on: examples, ridge: ridge) > loss,
          factor > Self.smallestStep
        {
          factor /= 2
          next = moved(factor)
        }
      }
      weights = next
      if step.allSatisfy({ abs($0) < Self.smallestStep }) { break }
    }
    self.weights = weights
  }

  /// The log-odds of a response.
  package func logOdds(_ inputs: [Float]) -> Double {
    zip(weights, inputs).reduce(0) { $0 + $1.0 * Double($1.1) }
  }

  /// What is minimised.
  package func loss(on examples: [ResponseExample], ridge: Double) -> Double {
    examples.reduce(weights.dropLast().reduce(0) { $0 + ridge / 2 * $1 * $1 }) { sum, example in
      let odds = logOdds(example.inputs)
      return sum + max(example.isResponse ? -odds : odds, 0) + log1p(exp(-abs(odds)))
    }
  }

  /// Its derivative by each weight.
  package func gradient(on examples: [ResponseExample], ridge: Double) -> [Double] {
    var gradient = weights.map { ridge * $0 }
    gradient[gradient.count - 1] = 0
    for example in examples {
      let rest =
        ResponseExample.probability(logOdds: logOdds(example.inputs))
        - (example.isResponse ? 1 : 0)
      for index in gradient.indices { gradient[index] += rest * Double(example.inputs[index]) }
    }
    return gradient
  }

  private func hessian(on examples: [ResponseExample], ridge: Double) -> DoubleMatrix {
    let count = weights.count
    var hessian = DoubleMatrix(rows: count, columns: count)
    for example in examples {
      let p = ResponseExample.probability(logOdds: logOdds(example.inputs))
      for row in 0..<count where example.inputs[row] != 0 {
        let factor = p * (1 - p) * Double(example.inputs[row])
        for column in 0...row { hessian[row, column] += factor * Double(example.inputs[column]) }
      }
    }
    for index in 0..<count - 1 { hessian[index, index] += ridge }
    // Where all examples respond alike the intercept has no curvature left.
    hessian[count - 1, count - 1] += 1e-9
    return hessian
  }
}
