/// Encoded messages under way, in the order they were sent.
struct MessageQueue {
  enum Delivery {
    case toCoordinator(Int, [UInt8])
    case toClient(Int, [UInt8])
  }

  private var deliveries: [Delivery] = []
  private var head = 0

  mutating func append(_ delivery: Delivery) {
    deliveries.append(delivery)
  }

  mutating func next() -> Delivery? {
    guard head < deliveries.count else { return nil }
    let delivery = deliveries[head]
    // The bytes are let go at once; the array itself is compacted now and then.
    deliveries[head] = .toClient(0, [])
    head += 1
    if head > 4_096, head * 2 > deliveries.count {
      deliveries.removeFirst(head)
      head = 0
    }
    return delivery
  }
}
