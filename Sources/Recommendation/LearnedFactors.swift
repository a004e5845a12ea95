internal import VectorMath

/// The published item vectors as a device uses them: it rebuilds the customer's vector u and scores u·q_i.
struct LearnedFactors: LearnedComponent {
  let factors: ItemFactors
  let loss: FactorizationLoss
  let itemCount: Int

  func scores(_ history: CustomerHistory) throws(RecommendationError) -> [Float] {
    var scores = [Float](repeating: 0, count: itemCount)
    let places = factors.head.places(of: history).map(\.place)
    guard !places.isEmpty else { return scores }
    let vector = try loss.customerVector(factors: factors, places: places)
    for (place, value) in Kernels.product(factors.matrix, vector).enumerated() {
      scores[factors.head.items[place]] = Float(value)
    }
    return scores
  }

  /// u is a sum over the bought items h of S^-1 q_h with one matrix S, so that h adds q_i' S^-1 q_h.
  func shares(
    of item: Int, history: CustomerHistory
  ) throws(RecommendationError) -> [HistoryShare] {
    guard let target = factors.head.place(of: item) else { return [] }
    let places = factors.head.places(of: history)
    let system = try loss.system(factors: factors, places: places.map(\.place))
    let row = try loss.solve(system, Array(factors.matrix.row(target)))
    let values = Kernels.product(factors.matrix, row)
    return places.map { place, row in
      HistoryShare(item: history.rows[row].item, value: Float(values[place]))
    }
  }
}
