/// The head: the catalogue items that a model learns about, chosen by the noised popularity.
///
/// Chosen from charged, released values only (ruling 4), so that it costs nothing more.
package struct Head: Equatable {
  /// Name of the tensor [m]: places in the catalogue as whole numbers, which Float holds exactly.
  static let tensor = "head"
  /// Largest head: its Gram matrix has 200,028 distinct entries, 800 kB a device.
  static let largest = 632
  /// Largest head that a device accepts, so that parameters cannot ask it for more than 525,000 values
  /// of a Gram matrix.
  package static let limit = 1024
  /// Largest head that a device accepts for scoring, or for a sum with a few values an item.
  package static let wideLimit = 4 * limit
  /// Smallest head that a rule chooses.
  static let smallest = 64

  /// Places in the catalogue, strictly ascending; not empty.
  package let items: [Int]

  package var count: Int { items.count }

  /// The `count` most popular items, or all if there are fewer; ties by ascending place.
  init(popularity: [Float], count: Int) {
    items = Ranking.topK(popularity, count).sorted()
  }

  /// - Parameter limit: items accepted at most.
  /// - Throws: `.missingTensor`, `.shapeMismatch`, `.tooLarge`, `.invalidHead`.
  package init(
    _ parameters: ModelParameters, itemCount: Int, limit: Int = Head.limit
  ) throws(RecommendationError) {
    guard let tensor = parameters[Self.tensor] else { throw .missingTensor(name: Self.tensor) }
    guard tensor.shape.count == 1, !tensor.values.isEmpty else {
      throw .shapeMismatch(
        name: Self.tensor, expected: [tensor.values.count], actual: tensor.shape)
    }
    guard tensor.values.count <= limit else {
      throw .tooLarge(what: Self.tensor, actual: tensor.values.count, limit: limit)
    }
    var items: [Int] = []
    items.reserveCapacity(tensor.values.count)
    for (index, value) in tensor.values.enumerated() {
      guard let item = Int(exactly: value), item >= 0, item < itemCount,
        items.last.map({ $0 < item }) ?? true
      else { throw .invalidHead(index: index) }
      items.append(item)
    }
    self.items = items
  }

  /// The form in ``ModelParameters``.
  var values: [Float] { items.map(Float.init) }

  /// Places in the head of the history's items that are in it, ascending, each with the index of its
  /// row in the history.
  package func places(of history: CustomerHistory) -> [(place: Int, row: Int)] {
    var places: [(place: Int, row: Int)] = []
    var place = 0
    for (row, entry) in history.rows.enumerated() {
      while place < items.count, items[place] < entry.item { place += 1 }
      guard place < items.count else { break }
      if items[place] == entry.item { places.append((place, row)) }
    }
    return places
  }

  /// The place of a catalogue item in the head; nil if it is not in it.
  func place(of item: Int) -> Int? {
    var low = 0
    var high = items.count
    while low < high {
      let middle = low + (high - low) / 2
      if items[middle] < item { low = middle + 1 } else { high = middle }
    }
    return low < items.count && items[low] == item ? low : nil
  }
}
