internal import NIOCore
package import NIOPosix

/// The threads that carry connections. Thousands of connections share one.
package struct EventLoops: Sendable {
  package let group: MultiThreadedEventLoopGroup

  /// Starts `count` threads, at least one. The owner calls `shutDown()`.
  package init(count: Int) {
    precondition(count > 0, "at least one event loop")
    group = MultiThreadedEventLoopGroup(numberOfThreads: count)
  }

  /// One thread for the clients of this process; it lives as long as the process.
  package static let shared = EventLoops(count: 1)

  /// Stops the threads after the connections on them have closed.
  package func shutDown() async {
    // Fails only if it already happened.
    try? await group.shutdownGracefully()
  }
}
