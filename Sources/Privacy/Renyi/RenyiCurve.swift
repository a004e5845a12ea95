internal import Glibc

/// The Rényi divergences of one mechanism, or of a composition, at every order of a grid.
///
/// Composition adds two curves element by element, so a computed curve is all the cache that a
/// schedule of many rounds needs: adding a round costs one pass over the orders, and so does a query.
///
/// Entries are upper bounds up to rounding (below 1e-12 relative) and never NaN; infinity stands
/// where nothing is known. The conversion to epsilon rounds up.
package struct RenyiCurve: Sendable, Equatable {
  package let orders: RenyiOrders
  /// (a - 1) D_a for each order a of ``orders``: the logarithm of the a-th moment of the likelihood
  /// ratio. Not negative.
  package private(set) var logMoments: [Double]
  /// The probability with which the bound does not hold at all, 0 for pure mechanisms. It adds up
  /// and is taken off delta.
  package private(set) var failureProbability: Double

  /// - Parameters:
  ///   - logMoments: one per order, not negative, not NaN.
  ///   - failureProbability: in 0...1.
  init(orders: RenyiOrders, logMoments: [Double], failureProbability: Double = 0) {
    precondition(logMoments.count == orders.values.count, "one moment per order")
    precondition(logMoments.allSatisfy { $0 >= 0 }, "divergences are not negative")
    precondition((0...1).contains(failureProbability), "not a probability")
    self.orders = orders
    self.logMoments = logMoments
    self.failureProbability = failureProbability
  }

  /// The curve of releasing nothing.
  package static func zero(orders: RenyiOrders = .standard) -> RenyiCurve {
    RenyiCurve(orders: orders, logMoments: Array(repeating: 0, count: orders.values.count))
  }

  /// D_a of the order at `index` of ``orders``.
  package func divergence(at index: Int) -> Double {
    logMoments[index] * orders.reciprocals[index]
  }

  /// Composes with `count` releases of `other`, chosen beforehand or adaptively.
  /// - Precondition: both have the same orders, and `count` is not negative.
  /// - Complexity: O(number of orders), no allocation.
  package mutating func add(_ other: RenyiCurve, count: Int = 1) {
    precondition(orders == other.orders, "curves of different orders do not add")
    precondition(count >= 0, "a count is not negative")
    guard count > 0 else { return }
    let factor = Double(count)
    for index in logMoments.indices { logMoments[index] += factor * other.logMoments[index] }
    failureProbability = min(1, failureProbability + factor * other.failureProbability)
  }

  package static func + (left: RenyiCurve, right: RenyiCurve) -> RenyiCurve {
    var sum = left
    sum.add(right)
    return sum
  }

  /// `count` releases of the same mechanism.
  package static func * (count: Int, curve: RenyiCurve) -> RenyiCurve {
    var sum = zero(orders: curve.orders)
    sum.add(curve, count: count)
    return sum
  }
}

extension RenyiCurve {
  /// The smallest epsilon at `delta` that one of the orders gives, rounded up.
  ///
  /// Infinity if no order bounds it, or if `delta` is not above ``failureProbability``.
  /// - Parameter delta: any number; 1 and above give 0.
  /// - Source: Canonne, Kamath, Steinke, arXiv:2004.00010, proposition 12; where
  ///   delta² >= 1 - e^-D the bound of the total variation by the Kullback-Leibler divergence gives 0
  ///   (Bretagnolle, Huber 1979).
  package func epsilon(delta: Double) -> Double { minimum(delta: delta).epsilon }

  /// The order that ``epsilon(delta:)`` comes from, if any bounds it.
  package func bestOrder(delta: Double) -> Double? {
    minimum(delta: delta).index.map { orders.values[$0] }
  }

  private func minimum(delta: Double) -> (epsilon: Double, index: Int?) {
    guard delta < 1 else { return (delta >= 1 ? 0 : .infinity, nil) }
    guard let logDelta = logarithm(ofDelta: delta) else { return (.infinity, nil) }
    // delta² >= 1 - e^-D, solved for D once instead of once per order.
    let free = -log1p(-exp(2 * logDelta))
    var best = (epsilon: Double.infinity, index: Int?.none)
    for index in logMoments.indices {
      let divergence = divergence(at: index)
      if divergence < free { return (0, index) }
      let value = divergence + orders.offsets[index] - logDelta * orders.reciprocals[index]
      if value < best.epsilon { best = (value, index) }
    }
    guard best.epsilon > 0 else { return (0, best.index) }
    // The last few digits carry the rounding of the terms, whose sizes may exceed the sum's.
    let slack = 8 * Double.ulpOfOne * (best.epsilon - logDelta)
    return (best.epsilon + slack, best.index)
  }

  /// ln of what is left of `delta`, rounded down; nil if nothing is.
  private func logarithm(ofDelta delta: Double) -> Double? {
    let left = (delta - failureProbability) / (1 - failureProbability)
    guard left > 0 else { return nil }
    return failureProbability == 0 ? log(delta) : log(left.nextDown)
  }

  /// An upper bound of ln delta at `epsilon`, in -infinity...0.
  /// - Parameter epsilon: not negative, not NaN.
  package func logDelta(epsilon: Double) -> Double {
    precondition(epsilon >= 0, "epsilon is not negative")
    var best = 0.0
    for index in logMoments.indices {
      let order = orders.values[index]
      let divergence = divergence(at: index)
      guard divergence < .infinity, epsilon < .infinity else { continue }
      let kullbackLeibler = divergence == 0 ? -.infinity : 0.5 * log1p(-exp(-divergence))
      let moment =
        logMoments[index] - (order - 1) * epsilon + (order - 1) * log1p(-1 / order)
        - log(order)
      best = min(best, kullbackLeibler, moment)
    }
    if epsilon == .infinity && logMoments.contains(where: { $0 < .infinity }) { best = -.infinity }
    guard failureProbability > 0 else { return best }
    return min(0, log(failureProbability + (1 - failureProbability) * exp(best)).nextUp)
  }
}
