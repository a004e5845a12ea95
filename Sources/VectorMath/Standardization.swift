extension [Float] {
  /// The z-scores of the elements: (x - mean) / standard deviation, the deviation over the
  /// population.
  ///
  /// Puts score components of different units on one scale before they are mixed.
  /// - Returns: shape `[count]`, mean 0 and variance 1; all zeros when the elements are equal or
  ///   too close for a deviation to be told from rounding. Elements must be finite.
  /// - Complexity: O(count); sums in `Double`, in index order.
  package func standardized() -> [Float] {
    guard !isEmpty else { return [] }
    let scale = 1 / Double(count)
    let mean = reduce(0.0) { $0 + Double($1) } * scale
    let variance =
      reduce(0.0) { sum, element in
        let difference = Double(element) - mean
        return sum + difference * difference
      } * scale
    let deviation = variance.squareRoot()
    // The mean of n equal floats is off by at most n rounding errors of a Double.
    guard deviation > Swift.abs(mean) * Double(count) * 0x1p-52 else {
      return [Float](repeating: 0, count: count)
    }
    return map { Float((Double($0) - mean) / deviation) }
  }
}
