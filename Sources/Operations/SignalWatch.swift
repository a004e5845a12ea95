internal import Dispatch
internal import Glibc

/// Turns SIGINT and SIGTERM into a stream, so that a command can end its work in order.
///
/// The default action of both signals is switched off while a watch lives.
package final class SignalWatch: Sendable {
  /// The signals as they arrive: `SIGINT` or `SIGTERM`.
  package let signals: AsyncStream<Int32>
  // Dispatch sources are thread-safe; the array is written in `init` only.
  private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

  /// The signal of Ctrl-C.
  package static let interrupt = SIGINT

  package init() {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Int32.self, bufferingPolicy: .bufferingNewest(4))
    signals = stream
    let queue = DispatchQueue(label: "tacit.signals")
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
  }

  /// Gives both signals their default action again: the next one ends the process.
  package func restoreDefaults() {
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }

  deinit {
    for source in sources { source.cancel() }
  }
}
