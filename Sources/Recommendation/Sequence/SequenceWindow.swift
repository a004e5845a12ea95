internal import VectorMath

/// A stretch of a customer's sequence, with what came next after each of its items.
package struct SequenceWindow: Equatable, Sendable {
  /// Places of items, oldest first.
  package let inputs: [Int]
  /// The item after each of `inputs`.
  package let targets: [Int]

  /// - Precondition: as many targets as inputs.
  package init(inputs: [Int], targets: [Int]) {
    precondition(inputs.count == targets.count, "a target for each input")
    self.inputs = inputs
    self.targets = targets
  }

  /// `sequence` cut into windows of at most `length` targets from its end, the latest window first; each item
  /// but the first is a target once. None for fewer than two items.
  ///
  /// - Parameter limit: windows at most.
  package static func windows(
    of sequence: [Int], length: Int, limit: Int = .max
  ) -> [SequenceWindow] {
    var windows: [SequenceWindow] = []
    var end = sequence.count
    while end > 1, windows.count < limit {
      let start = max(1, end - length)
      windows.append(
        SequenceWindow(
          inputs: Array(sequence[start - 1..<end - 1]), targets: Array(sequence[start..<end])))
      end = start
    }
    return windows
  }
}

extension CustomerHistory {
  /// The items by when they were last bought, oldest first.
  ///
  /// What was bought in one moment has no order. It is put in one that depends on the moment as well as on
  /// the items, so that there is nothing in it to learn: ascending places would tell that what comes next
  /// has a higher one.
  package func sequence() -> [Int] {
    rows.map { row in
      var generator = SeededRandom(
        seed: UInt64(bitPattern: row.lastSeconds) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(row.item))
      return (row.lastSeconds, generator.next(), row.item)
    }.sorted { $0 < $1 }.map(\.2)
  }
}
