/// Events in the order of their time; those of one time in the order in which they were added.
struct EventQueue<Event> {
  private struct Entry {
    let time: Int64
    let number: UInt64
    let event: Event

    func comes(before other: Entry) -> Bool { (time, number) < (other.time, other.number) }
  }

  // A binary heap: the children of i are 2i + 1 and 2i + 2.
  private var heap: [Entry] = []
  private var nextNumber: UInt64 = 0

  mutating func add(_ event: Event, at time: Int64) {
    heap.append(Entry(time: time, number: nextNumber, event: event))
    nextNumber += 1
    var index = heap.count - 1
    while index > 0, heap[index].comes(before: heap[(index - 1) / 2]) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func next() -> (time: Int64, event: Event)? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty {
      heap[0] = last
      var index = 0
      while true {
        let first = min(2 * index + 1, heap.count)
        let children = first..<min(2 * index + 3, heap.count)
        guard let least = children.min(by: { heap[$0].comes(before: heap[$1]) }),
          heap[least].comes(before: heap[index])
        else { break }
        heap.swapAt(index, least)
        index = least
      }
    }
    return (first.time, first.event)
  }
}
