import Glibc
import Synchronization
import Testing

@testable import Transport

@Suite struct BackpressureTests {
  static let frameBytes = 262_144
  static let frameCount = 512
  /// What Linux lets the two sockets keep on this machine, and 4 MiB of ours: the frames that wait
  /// for the consumer, one socket read, and one frame per sender.
  static let highestLagBytes =
    largestSocketBuffer("tcp_wmem") + largestSocketBuffer("tcp_rmem") + (4 << 20)

  /// The last of the three figures in /proc/sys/net/ipv4, or the kernel's default of 6 MiB.
  private static func largestSocketBuffer(_ name: String) -> Int {
    guard let file = fopen("/proc/sys/net/ipv4/\(name)", "r") else { return 6 << 20 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 6 << 20 }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let largest = text.split(whereSeparator: \.isWhitespace).last
    return largest.flatMap { Int($0) } ?? 6 << 20
  }

  @Test("a slow reader suspends the sender instead of growing memory")
  func slowReader() async throws {
    let identity = try TestIdentity.make()
    let sent = Counter()
    let highestLag = Counter()
    let finished = Mailbox<Int>()
    let handler: @Sendable (FramedConnection) async -> Void = { connection in
      var received = 0
      var work: UInt64 = 1
      do throws(TransportError) {
        for try await frame in connection.frames {
          received += 1
          // Work that takes longer than sending a frame: this is what makes the reader slow.
          for _ in 0..<1_000_000 { work = work &* 6_364_136_223_846_793_005 &+ UInt64(frame[0]) }
          highestLag.raise(to: sent.value - received)
        }
      } catch {
        // The count below is then short.
      }
      finished.put(work == 0 ? 0 : received)
    }
    var limits = Loopback.patientLimits
    limits.closeTimeout = Loopback.patience
    try await Loopback.withServer(identity: identity, handler: handler) { server in
      try await Loopback.connect(server, pin: identity.spkiHash, limits: limits) { connection in
        let payload = [UInt8](repeating: 3, count: Self.frameBytes)
        for _ in 0..<Self.frameCount {
          try await connection.send(payload)
          sent.raise(to: sent.value + 1)
        }
        // The close behind the last frame is held back by the slow reader too.
      }
    }
    #expect(await finished.next() == Self.frameCount)
    #expect(highestLag.value * Self.frameBytes <= Self.highestLagBytes)
  }

  @Test("a peer that never reads does not hold a sender beyond the send timeout")
  func sendTimeout() async throws {
    let identity = try TestIdentity.make()
    let release = Mailbox<Void>()
    let handler: @Sendable (FramedConnection) async -> Void = { _ in _ = await release.next() }
    try await Loopback.withServer(identity: identity, handler: handler) { server in
      var limits = Loopback.patientLimits
      limits.sendTimeout = .milliseconds(50)
      await #expect(throws: TransportError.sendTimedOut(after: .milliseconds(50))) {
        try await Loopback.connect(server, pin: identity.spkiHash, limits: limits) { connection in
          let payload = [UInt8](repeating: 3, count: Self.frameBytes)
          while true { try await connection.send(payload) }
        }
      }
      release.put(())
    }
  }

  @Test("cancelling a sender that waits for a reader that does not read ends both")
  func cancelSuspendedSender() async throws {
    let identity = try TestIdentity.make()
    let begun = Mailbox<Void>()
    let release = Mailbox<Void>()
    let seen = Mailbox<TransportError?>()
    let handler: @Sendable (FramedConnection) async -> Void = { connection in
      begun.put(())
      _ = await release.next()
      do throws(TransportError) {
        for try await _ in connection.frames {}
        seen.put(nil)
      } catch {
        seen.put(error)
      }
    }
    try await Loopback.withServer(identity: identity, handler: handler) { server in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          await #expect(throws: TransportError.cancelled) {
            try await Loopback.connect(server, pin: identity.spkiHash) { connection in
              let payload = [UInt8](repeating: 3, count: Self.frameBytes)
              // Without end: only the reader that does not read and the cancellation stop this.
              while true { try await connection.send(payload) }
            }
          }
        }
        _ = await begun.next()
        group.cancelAll()
        try await group.waitForAll()
        release.put(())
        // Cut in a send it is a truncation; cancelled between two sends it is a clean end.
        let end = await seen.next()
        #expect(end == .some(nil) || end == .truncated)
      }
    }
  }
}

/// A number that several tasks may raise.
final class Counter: Sendable {
  private let state = Mutex(0)

  var value: Int { state.withLock { $0 } }

  func raise(to value: Int) {
    state.withLock { $0 = max($0, value) }
  }
}
