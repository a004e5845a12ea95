/// Encoded messages under way. Those of one direction arrive in the order they were sent.
///
/// Those for the coordinator come first: a client's update is added up before the next client makes its own, so
/// that few of them are held at a time, however many clients there are.
struct MessageQueue {
  enum Delivery {
    case toCoordinator(Int, [UInt8])
    case toClient(Int, [UInt8])
  }

  private var toCoordinator = Direction()
  private var toClients = Direction()

  mutating func append(_ delivery: Delivery) {
    switch delivery {
    case .toCoordinator(let index, let payload):
      toCoordinator.messages.append((client: index, payload: payload))
    case .toClient(let index, let payload):
      toClients.messages.append((client: index, payload: payload))
    }
  }

  mutating func next() -> Delivery? {
    if let message = toCoordinator.next() { return .toCoordinator(message.client, message.payload) }
    return toClients.next().map { .toClient($0.client, $0.payload) }
  }

  private struct Direction {
    var messages: [(client: Int, payload: [UInt8])] = []
    private var head = 0

    mutating func next() -> (client: Int, payload: [UInt8])? {
      guard head < messages.count else { return nil }
      let message = messages[head]
      // The bytes are let go at once; the array itself is compacted now and then.
      messages[head].payload = []
      head += 1
      if head > 4_096, head * 2 > messages.count {
        messages.removeFirst(head)
        head = 0
      }
      return message
    }
  }
}
