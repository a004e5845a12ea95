internal import VectorMath

/// Which devices are there in a round of a simulation where not all of them are at once: so many a round, each
/// device once before any has its second turn, in an order that is drawn anew for every turn of all.
///
/// With one step of the coordinator a round this is learning by mini-batches of customers. A device that is not there
/// declines, so that no update of it is in the sum, and nobody is charged less for it: no budget may count on who stayed away.
struct RoundAttendance {
  private let deviceCount: Int
  private let size: Int
  private var generator: SeededRandom
  /// The rest of this turn, the next one last.
  private var waiting: [Int] = []

  /// - Precondition: `size` in 1 ... `deviceCount`.
  init(size: Int, of deviceCount: Int, seed: UInt64) {
    precondition((1...deviceCount).contains(size), "some devices are there, and not more than all")
    self.deviceCount = deviceCount
    self.size = size
    generator = SeededRandom(seed: seed)
  }

  /// The devices of the next round. Where a turn ends within it, it is filled up from the next one, without taking a
  /// device twice.
  mutating func next() -> Set<Int> {
    var present: Set<Int> = []
    while present.count < size {
      if waiting.isEmpty {
        var order = Array(0..<deviceCount)
        generator.permute(&order)
        // Who is there already comes last in the new turn: that round has devices enough without them.
        waiting = order.filter(present.contains) + order.filter { !present.contains($0) }
      }
      present.insert(waiting.removeLast())
    }
    return present
  }
}
