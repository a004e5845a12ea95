/// Turns scores into lists.
package enum Ranking {
  /// The places of the `count` highest scores, best first; ties by ascending place.
  ///
  /// Fewer are returned if fewer are left. NaN ranks below every number.
  /// - Parameter excluding: places that never appear.
  /// - Complexity: O(n log count), O(count) memory.
  package static func topK(
    _ scores: [Float], _ count: Int, excluding: Set<Int> = []
  ) -> [Int] {
    guard count > 0 else { return [] }
    // A heap of the best so far with the worst of them at the root.
    var heap: [Int] = []
    heap.reserveCapacity(min(count, scores.count))
    func isWorse(_ first: Int, than second: Int) -> Bool {
      let left = scores[first].isNaN ? -Float.infinity : scores[first]
      let right = scores[second].isNaN ? -Float.infinity : scores[second]
      return left < right || (left == right && first > second)
    }
    func siftDown() {
      var parent = 0
      while true {
        var worst = parent
        for child in [2 * parent + 1, 2 * parent + 2]
        where child < heap.count && isWorse(heap[child], than: heap[worst]) { worst = child }
        if worst == parent { return }
        heap.swapAt(parent, worst)
        parent = worst
      }
    }
    // Most places are no better than the worst of the best: said by one comparison, which is false for NaN.
    var least = -Float.infinity
    for place in scores.indices {
      if heap.count == count, scores[place] <= least { continue }
      guard excluding.isEmpty || !excluding.contains(place) else { continue }
      if heap.count < count {
        heap.append(place)
        var child = heap.count - 1
        while child > 0, isWorse(heap[child], than: heap[(child - 1) / 2]) {
          heap.swapAt(child, (child - 1) / 2)
          child = (child - 1) / 2
        }
      } else if isWorse(heap[0], than: place) {
        heap[0] = place
        siftDown()
      }
      least = scores[heap[0]]
    }
    return heap.sorted { isWorse($1, than: $0) }
  }
}
