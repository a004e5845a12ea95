internal import Synchronization

/// What waits to be sent on one connection, bounded, so that whoever produces frames never waits
/// for the peer.
package final class FrameOutbox: Sendable {
  /// Frames to send, in order.
  package enum Item: Sendable {
    case frame([UInt8])
    /// `count` frames, each made only when the peer takes it.
    case frames(count: Int, make: @Sendable (Int) -> [UInt8])
  }

  private let items: AsyncStream<Item>
  private let continuation: AsyncStream<Item>.Continuation
  private let open = Mutex(true)

  /// - Parameter capacity: most items that may wait, at least 1.
  package init(capacity: Int) {
    (items, continuation) = AsyncStream.makeStream(
      of: Item.self, bufferingPolicy: .bufferingOldest(capacity))
  }

  package var isOpen: Bool { open.withLock { $0 } }

  /// - Returns: false when the outbox is full; the item is then not sent.
  package func offer(_ item: Item) -> Bool {
    if case .dropped = continuation.yield(item) { return false }
    return true
  }

  /// What was offered so far is still sent; then the connection is closed.
  package func close() {
    open.withLock { $0 = false }
    continuation.finish()
  }

  /// Sends items as the peer takes them until `close()` or until the peer is gone, then closes the
  /// connection. Run by one task.
  package func drain(into connection: FramedConnection) async {
    do {
      for await item in items {
        switch item {
        case .frame(let payload):
          try await connection.send(payload)
        case .frames(let count, let make):
          for index in 0..<count { try await connection.send(make(index)) }
        }
      }
    } catch {
      // The peer is gone; whoever reads the connection notices the same.
    }
    close()
    await connection.close()
  }
}
