import Glibc
import Synchronization
import Testing

@testable import Transport

@Suite struct TransportTests {
  let identity: TLSIdentity

  init() throws {
    identity = try TestIdentity.make()
  }

  @Test("frames of every size up to the limit come back unchanged and in order")
  func echo() async throws {
    let sizes = [1, 2, 255, 16_383, 16_384, 16_385, 65_536, Loopback.maximumFrameBytes]
    try await Loopback.withServer(identity: identity, handler: Loopback.echo) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        var frames = connection.frames.makeAsyncIterator()
        for size in sizes {
          let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
          try await connection.send(payload)
          #expect(try await frames.next() == payload)
        }
      }
    }
  }

  @Test("a frame that may not travel is refused before sending and leaves the connection usable")
  func refusedLocally() async throws {
    try await Loopback.withServer(identity: identity, handler: Loopback.echo) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        let limit = Loopback.maximumFrameBytes
        await #expect(throws: TransportError.frameTooLong(actual: limit + 1, limit: limit)) {
          try await connection.send([UInt8](repeating: 0, count: limit + 1))
        }
        await #expect(throws: TransportError.emptyFrame) { try await connection.send([]) }
        try await connection.send([1])
        var frames = connection.frames.makeAsyncIterator()
        #expect(try await frames.next() == [1])
      }
    }
  }

  @Test("a frame over the receiver's limit ends the connection with the reason")
  func refusedByReceiver() async throws {
    let seen = Mailbox<TransportError?>()
    let handler: @Sendable (FramedConnection) async -> Void = { connection in
      do throws(TransportError) {
        for try await _ in connection.frames {}
        seen.put(nil)
      } catch {
        seen.put(error)
      }
    }
    try await Loopback.withServer(
      identity: identity, { $0.connection.maximumFrameBytes = 10 }, handler: handler
    ) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        try await connection.send([UInt8](repeating: 0, count: 11))
        #expect(await seen.next() == .frameTooLong(actual: 11, limit: 10))
      }
    }
  }

  @Test("both ends report a wrong pin")
  func wrongPin() async throws {
    let events = Mailbox<TransportServerEvent>()
    let wrong = [UInt8](repeating: 1, count: 32)
    try await Loopback.withServer(
      identity: identity, observe: { events.put($0) }, handler: Loopback.echo
    ) { server in
      await #expect(
        throws: TransportError.pinMismatch(expected: wrong, actual: identity.spkiHash)
      ) {
        try await Loopback.connect(server, pin: wrong) { _ in }
      }
      guard case .handshakeFailed(.handshakeFailed(let reason), _) = await events.next() else {
        Issue.record("the server did not report the refusal")
        return
      }
      #expect(reason.contains("does not trust this key"))
    }
  }

  @Test("200 connections at a time have 200 exporters, equal at both ends")
  func manyConnections() async throws {
    let handler: @Sendable (FramedConnection) async -> Void = { connection in
      var frames = connection.frames.makeAsyncIterator()
      // A failure reaches the client as a missing answer.
      guard (try? await frames.next()) != nil else { return }
      try? await connection.send(connection.exporter)
      _ = try? await frames.next()
    }
    try await Loopback.withServer(identity: identity, handler: handler) { server in
      let exporters = try await withThrowingTaskGroup(of: [UInt8].self) { group in
        for _ in 0..<200 {
          group.addTask {
            try await Loopback.connect(server, pin: identity.spkiHash) { connection in
              var frames = connection.frames.makeAsyncIterator()
              try await connection.send([1])
              let answer = try await frames.next()
              #expect(answer == connection.exporter)
              return connection.exporter
            }
          }
        }
        return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
      }
      #expect(exporters.count == 200)
    }
  }

  @Test("connections over the limit are closed at once and places become free again")
  func maximumConnections() async throws {
    let events = Mailbox<TransportServerEvent>()
    try await Loopback.withServer(
      identity: identity, { $0.maximumConnections = 1 }, observe: { events.put($0) },
      handler: Loopback.echo
    ) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { _ in
        let error = await #expect(throws: TransportError.self) {
          try await Loopback.connect(server, pin: identity.spkiHash) { _ in }
        }
        guard case .handshakeFailed = error else {
          Issue.record("unexpected \(String(describing: error))")
          return
        }
        guard case .connectionRefused(limit: 1, _) = await events.next() else {
          Issue.record("the server did not report the refusal")
          return
        }
      }
      // The server learns of the close after the client does, so the first tries may still be
      // refused.
      var isServed = false
      while !isServed {
        isServed =
          (try? await Loopback.connect(server, pin: identity.spkiHash) { connection in
            try await connection.send([1])
            var frames = connection.frames.makeAsyncIterator()
            return try await frames.next() == [1]
          }) ?? false
      }
    }
  }

  @Test("a client that never speaks is dropped")
  func silentClient() async throws {
    let events = Mailbox<TransportServerEvent>()
    try await Loopback.withServer(
      identity: identity, { $0.connection.handshakeTimeout = .milliseconds(50) },
      observe: { events.put($0) }, handler: Loopback.echo
    ) { server in
      let socket = try RawSocket.connected(toPort: server.boundPort)
      defer { socket.close() }
      guard case .handshakeFailed(let error, _) = await events.next() else {
        Issue.record("the server did not report the timeout")
        return
      }
      #expect(error == .handshakeTimedOut(after: .milliseconds(50)))
    }
  }

  @Test("a client that does not speak TLS sees the connection end and not be reset")
  func plainText() async throws {
    let events = Mailbox<TransportServerEvent>()
    try await Loopback.withServer(
      identity: identity, observe: { events.put($0) }, handler: Loopback.echo
    ) { server in
      let socket = try RawSocket.connected(toPort: server.boundPort)
      defer { socket.close() }
      socket.send(Array("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n".utf8))
      guard case .handshakeFailed(.handshakeFailed(let reason), _) = await events.next() else {
        Issue.record("the server did not report the failure")
        return
      }
      #expect(reason == "http request")
      #expect(socket.readToEnd() != nil)
    }
  }

  @Test("a server that accepts and never speaks is given up")
  func silentServer() async throws {
    let silent = try RawSocket.listening()
    defer { silent.close() }
    var limits = ConnectionLimits(maximumFrameBytes: 1)
    limits.handshakeTimeout = .milliseconds(50)
    await #expect(throws: TransportError.handshakeTimedOut(after: .milliseconds(50))) {
      try await TransportClient.withConnection(
        host: "127.0.0.1", port: silent.port, serverKeyPin: identity.spkiHash, limits: limits
      ) { _ in }
    }
  }

  @Test("an address where nothing listens is named")
  func refused() async throws {
    let gone = try RawSocket.listening()
    gone.close()
    await #expect(throws: TransportError.connectionRefused(address: "127.0.0.1:\(gone.port)")) {
      try await TransportClient.withConnection(
        host: "127.0.0.1", port: gone.port, serverKeyPin: identity.spkiHash,
        limits: ConnectionLimits(maximumFrameBytes: 1)
      ) { _ in }
    }
  }

  @Test("a name without an address is named")
  func unknownName() async throws {
    let error = await #expect(throws: TransportError.self) {
      try await TransportClient.withConnection(
        host: "not a host name", port: 1, serverKeyPin: identity.spkiHash,
        limits: ConnectionLimits(maximumFrameBytes: 1)
      ) { _ in }
    }
    guard case .nameNotResolved(host: "not a host name", _) = error else {
      Issue.record("unexpected \(String(describing: error))")
      return
    }
  }

  @Test("a port in use is named")
  func portBusy() async throws {
    try await Loopback.withServer(identity: identity, handler: Loopback.echo) { server in
      let limits = ServerLimits(connection: ConnectionLimits(maximumFrameBytes: 1))
      await #expect(throws: TransportError.portBusy(server.boundPort)) {
        _ = try await TransportServer.bind(
          host: "127.0.0.1", port: server.boundPort, identity: identity, limits: limits)
      }
    }
  }

  @Test("a server may be stopped without having run, and then does not run")
  func stopWithoutRun() async throws {
    let limits = ServerLimits(connection: ConnectionLimits(maximumFrameBytes: 1))
    let server = try await TransportServer.bind(
      host: "127.0.0.1", port: 0, identity: identity, limits: limits)
    await server.stop()
    await server.stop()
    await #expect(throws: TransportError.closed) { try await server.run(Loopback.echo) }
  }

  @Test("cutting TCP without close_notify is a truncation")
  func truncation() async throws {
    let seen = Mailbox<TransportError?>()
    let handler: @Sendable (FramedConnection) async -> Void = { connection in
      do throws(TransportError) {
        for try await _ in connection.frames { seen.put(nil) }
        seen.put(nil)
      } catch {
        seen.put(error)
      }
    }
    try await Loopback.withServer(identity: identity, handler: handler) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        try await connection.send([1])
        #expect(await seen.next() == .some(nil))
        connection.abort()
        #expect(await seen.next() == .truncated)
      }
    }
  }

  @Test("a stream that the peer closes ends without an error")
  func cleanEnd() async throws {
    let handler: @Sendable (FramedConnection) async -> Void = { connection in
      // A failure reaches the client as a missing frame.
      try? await connection.send([7])
    }
    try await Loopback.withServer(identity: identity, handler: handler) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        var frames = connection.frames.makeAsyncIterator()
        let first = try await frames.next()
        let second = try await frames.next()
        #expect(first == [7] && second == nil)
      }
    }
  }

  @Test("cancelling a task that waits for a frame closes its connection")
  func cancelReceive() async throws {
    let ended = Mailbox<Bool>()
    let waiting = Mailbox<Void>()
    let handler: @Sendable (FramedConnection) async -> Void = { connection in
      var frames = connection.frames.makeAsyncIterator()
      do throws(TransportError) {
        while try await frames.next() != nil { ended.put(false) }
        ended.put(true)
      } catch {
        ended.put(false)
      }
    }
    try await Loopback.withServer(identity: identity, handler: handler) { server in
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await #expect(throws: TransportError.cancelled) {
            try await Loopback.connect(server, pin: identity.spkiHash) { connection in
              try await connection.send([1])
              var frames = connection.frames.makeAsyncIterator()
              // A cancelled send aborts instead of closing, so cancel behind it.
              waiting.put(())
              _ = try await frames.next()
            }
          }
        }
        #expect(await ended.next() == false)
        _ = await waiting.next()
        group.cancelAll()
        #expect(await ended.next() == true)
      }
    }
  }

  @Test("cancelling a task that waits for a handshake ends it")
  func cancelConnect() async throws {
    let silent = try RawSocket.listening()
    defer { silent.close() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await #expect(throws: TransportError.cancelled) {
          try await TransportClient.withConnection(
            host: "127.0.0.1", port: silent.port, serverKeyPin: identity.spkiHash,
            limits: ConnectionLimits(maximumFrameBytes: 1)
          ) { _ in }
        }
      }
      // The client is connected: its hello has arrived.
      let accepted = try silent.acceptSpeaking()
      group.cancelAll()
      try await group.waitForAll()
      accepted.close()
    }
  }

  @Test("stop lets open connections end and refuses new ones")
  func gracefulStop() async throws {
    try await Loopback.withServer(identity: identity, handler: Loopback.echo) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        var frames = connection.frames.makeAsyncIterator()
        try await connection.send([1])
        #expect(try await frames.next() == [1])
        await server.stop()
        try await connection.send([2])
        #expect(try await frames.next() == [2])
        await #expect(
          throws: TransportError.connectionRefused(address: "127.0.0.1:\(server.boundPort)")
        ) {
          try await Loopback.connect(server, pin: identity.spkiHash) { _ in }
        }
      }
    }
  }

  @Test("stop cancels connections that outlive the drain timeout")
  func drainTimeout() async throws {
    try await Loopback.withServer(
      identity: identity, { $0.drainTimeout = .milliseconds(20) }, handler: Loopback.echo
    ) { server in
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        var frames = connection.frames.makeAsyncIterator()
        try await connection.send([1])
        #expect(try await frames.next() == [1])
        await server.stop()
        #expect(try await frames.next() == nil)
      }
    }
  }

  @Test("cancelling the task that runs the server ends it")
  func cancelServer() async throws {
    let limits = ServerLimits(connection: ConnectionLimits(maximumFrameBytes: 1_000))
    let server = try await TransportServer.bind(
      host: "127.0.0.1", port: 0, identity: identity, limits: limits)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run(Loopback.echo) }
      try await Loopback.connect(server, pin: identity.spkiHash) { connection in
        var frames = connection.frames.makeAsyncIterator()
        try await connection.send([1])
        #expect(try await frames.next() == [1])
        group.cancelAll()
        do throws(TransportError) {
          #expect(try await frames.next() == nil)
        } catch {
          // Cancelling aborts: the end may come without close_notify, and then says so.
          #expect(error == .truncated)
        }
      }
      try await group.waitForAll()
    }
  }
}
