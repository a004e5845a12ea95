/// The sizes of a sequence transformer, and where each group of its weights lies in one flat vector.
///
/// Item vectors are not among the weights: they may be learned or public.
package struct TransformerShape: Equatable, Sendable {
  /// Values of an item vector and of every hidden state, d.
  package let dimension: Int
  /// Blocks of attention and feed-forward layers.
  package let blocks: Int
  /// Items that are read at most, the latest ones.
  package let length: Int

  /// - Precondition: all at least 1.
  package init(dimension: Int, blocks: Int, length: Int) {
    precondition(dimension >= 1 && blocks >= 1 && length >= 1, "a transformer has no empty part")
    self.dimension = dimension
    self.blocks = blocks
    self.length = length
  }

  /// Where the weights of a block begin; matrices are row-major [d, d], vectors [d].
  struct Block {
    let start: Int
    let dimension: Int

    private func matrix(_ index: Int) -> Int {
      start + 2 * dimension + index * dimension * dimension
    }
    var attentionGain: Int { start }
    var attentionOffset: Int { start + dimension }
    var query: Int { matrix(0) }
    var key: Int { matrix(1) }
    var value: Int { matrix(2) }
    var output: Int { matrix(3) }
    var forwardGain: Int { matrix(4) }
    var forwardOffset: Int { matrix(4) + dimension }
    var inner: Int { matrix(4) + 2 * dimension }
    var innerOffset: Int { inner + dimension * dimension }
    var outer: Int { innerOffset + dimension }
    var outerOffset: Int { outer + dimension * dimension }
    var end: Int { outerOffset + dimension }
  }

  /// Position vectors [length, d] come first; the last row is that of the latest item.
  var positions: Int { 0 }

  func block(_ index: Int) -> Block {
    let first = Block(start: length * dimension, dimension: dimension)
    return Block(start: first.start + index * (first.end - first.start), dimension: dimension)
  }

  var lastGain: Int { block(blocks).start }
  var lastOffset: Int { lastGain + dimension }

  /// How many weights there are: length d + blocks (6 d² + 6 d) + 2 d.
  package var weightCount: Int { lastOffset + dimension }

  /// Every group of weights with its name, in order and without gaps; for tests and initial values.
  package var groups: [(name: String, range: Range<Int>)] {
    let square = dimension * dimension
    var groups = [("positions", 0..<length * dimension)]
    for index in 0..<blocks {
      let block = block(index)
      let parts = [
        ("attention_gain", block.attentionGain, dimension),
        ("attention_offset", block.attentionOffset, dimension),
        ("query", block.query, square), ("key", block.key, square), ("value", block.value, square),
        ("output", block.output, square),
        ("forward_gain", block.forwardGain, dimension),
        ("forward_offset", block.forwardOffset, dimension),
        ("inner", block.inner, square), ("inner_offset", block.innerOffset, dimension),
        ("outer", block.outer, square), ("outer_offset", block.outerOffset, dimension),
      ]
      groups += parts.map { ("\($0.0)_\(index)", $0.1..<$0.1 + $0.2) }
    }
    groups.append(("last_gain", lastGain..<lastOffset))
    groups.append(("last_offset", lastOffset..<weightCount))
    return groups.map { (name: $0.0, range: $0.1) }
  }
}
