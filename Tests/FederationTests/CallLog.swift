import Synchronization

/// What storages and noise were asked for, in order.
final class CallLog: Sendable {
  private let calls = Mutex<[String]>([])

  func append(_ call: String) { calls.withLock { $0.append(call) } }

  var entries: [String] { calls.withLock { $0 } }

  func clear() { calls.withLock { $0 = [] } }
}

/// A storage that cannot write.
struct DiskFailure: Error, Equatable {
  let call: String
}
