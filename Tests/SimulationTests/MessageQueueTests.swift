import Testing

@testable import Simulation

@Suite("Messages of a simulated federation")
struct MessageQueueTests {
  private static func text(_ delivery: MessageQueue.Delivery) -> String {
    switch delivery {
    case .toCoordinator(let client, let payload): "\(client)>\(payload)"
    case .toClient(let client, let payload): "\(client)<\(payload)"
    }
  }

  @Test(
    "what a client sends arrives before the next client hears of anything; each direction in order")
  func order() {
    var queue = MessageQueue()
    queue.append(.toClient(0, [1]))
    queue.append(.toClient(1, [1]))
    queue.append(.toClient(2, [2]))
    #expect(queue.next().map(Self.text) == "0<[1]")
    queue.append(.toCoordinator(0, [3]))
    queue.append(.toCoordinator(0, [4]))
    var rest: [String] = []
    while let delivery = queue.next() { rest.append(Self.text(delivery)) }
    #expect(rest == ["0>[3]", "0>[4]", "1<[1]", "2<[2]"])
    #expect(queue.next().map(Self.text) == nil)
  }

  @Test("nothing is lost or repeated when the queue is compacted")
  func compaction() {
    var queue = MessageQueue()
    var expected: [String] = []
    var found: [String] = []
    for number in 0..<30_000 {
      queue.append(.toClient(number, []))
      expected.append("\(number)<[]")
      if number % 3 == 0, let delivery = queue.next() { found.append(Self.text(delivery)) }
    }
    while let delivery = queue.next() { found.append(Self.text(delivery)) }
    #expect(found == expected)
  }
}
