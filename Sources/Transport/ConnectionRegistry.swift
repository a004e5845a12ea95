internal import NIOCore
internal import Synchronization

/// The open connections of one server, at most so many.
final class ConnectionRegistry: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var isClosed = false
  }

  private let maximumConnections: Int
  private let state = Mutex(State())

  init(maximumConnections: Int) {
    self.maximumConnections = maximumConnections
  }

  var count: Int {
    state.withLock { $0.channels.count }
  }

  /// Counts `channel` until it closes, or returns false if there are enough.
  func admit(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let isAdmitted = state.withLock { state in
      guard !state.isClosed, state.channels.count < maximumConnections else { return false }
      state.channels[key] = channel
      return true
    }
    if isAdmitted {
      channel.closeFuture.whenComplete { [self] _ in
        state.withLock { state in
          _ = state.channels.removeValue(forKey: key)
        }
      }
    }
    return isAdmitted
  }

  /// Closes every connection at once and admits none from now on.
  func closeAll() {
    let channels = state.withLock { state in
      state.isClosed = true
      return Array(state.channels.values)
    }
    for channel in channels {
      channel.close(promise: nil)
    }
  }
}
