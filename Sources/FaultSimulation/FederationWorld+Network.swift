internal import Federation
internal import WireProtocol

/// One connection between a customer and the coordinator.
struct Connection {
  let customer: Int
  var isOpenAtCustomer = true
  var isOpenAtCoordinator = true
  /// A frame was lost, altered, repeated or overtaken.
  var isImpaired = false
  /// Broken: what was sent before may still arrive, nothing that is sent from now on does.
  var isCut = false
  /// When the newest frame arrives, in each direction: frames keep their order unless a fault changes it.
  var newestToCoordinator: Int64 = 0
  var newestToCustomer: Int64 = 0

  init(customer: Int) { self.customer = customer }
}

// The network between them.
extension FederationWorld {
  /// Longest time until a connection that carries nothing is given up.
  private static let giveUpMilliseconds: Int64 = 5_000

  func transmit(_ payload: [UInt8], on number: Int, toCoordinator: Bool) {
    guard connections.indices.contains(number), !connections[number].isCut, !payload.isEmpty
    else { return }
    let faults = plan.network
    if happens(faults.cut) { return cut(number) }
    if isUnreachable(connections[number].customer, toCoordinator: toCoordinator)
      || happens(faults.loss)
    {
      connections[number].isImpaired = true
      let time = now + pause(100...Self.giveUpMilliseconds)
      queue.add(.closed(connection: number, toCoordinator: true), at: time)
      queue.add(.closed(connection: number, toCoordinator: false), at: time)
      return
    }
    var payload = toCoordinator ? payload : seams.toCustomer(payload)
    if happens(faults.corruption) {
      connections[number].isImpaired = true
      payload[Int.random(in: payload.indices, using: &random)] ^=
        1 << UInt8.random(in: 0..<8, using: &random)
    }
    let time = arrival(on: number, toCoordinator: toCoordinator)
    queue.add(.frame(connection: number, toCoordinator: toCoordinator, payload), at: time)
    if happens(faults.duplication) {
      connections[number].isImpaired = true
      queue.add(
        .frame(connection: number, toCoordinator: toCoordinator, payload),
        at: time + pause(0...3_000))
    }
  }

  private func arrival(on number: Int, toCoordinator: Bool) -> Int64 {
    var time = now + pause(1...max(1, plan.network.delayMilliseconds))
    let newest =
      toCoordinator
      ? connections[number].newestToCoordinator : connections[number].newestToCustomer
    if time < newest {
      if happens(plan.network.reordering) {
        connections[number].isImpaired = true
      } else {
        time = newest
      }
    }
    if toCoordinator {
      connections[number].newestToCoordinator = max(newest, time)
    } else {
      connections[number].newestToCustomer = max(newest, time)
    }
    return time
  }

  private func isUnreachable(_ customer: Int, toCoordinator: Bool) -> Bool {
    customers[customer].unreachable.contains(toCoordinator ? .toCoordinator : .toCustomer)
  }

  /// Breaks a connection for both sides.
  func cut(_ number: Int) {
    connections[number].isCut = true
    queue.add(.closed(connection: number, toCoordinator: true), at: now + pause(0...50))
    queue.add(.closed(connection: number, toCoordinator: false), at: now + pause(0...50))
  }

  func deliver(_ payload: [UInt8], on number: Int, toCoordinator: Bool) {
    let connection = connections[number]
    note("frame \(payload[0]) of \(payload.count) bytes on \(number), up \(toCoordinator)")
    if toCoordinator {
      guard connection.isOpenAtCoordinator else { return }
      runCoordinator { try $0.handle(.received(ConnectionID(UInt64(number)), payload)) }
    } else {
      guard connection.isOpenAtCustomer else { return }
      runCustomer(connection.customer) { try $0.handle(.received(payload)) }
    }
  }

  func deliverClose(of number: Int, toCoordinator: Bool) {
    let connection = connections[number]
    if toCoordinator {
      guard connection.isOpenAtCoordinator else { return }
      note("coordinator loses \(number)")
      connections[number].isOpenAtCoordinator = false
      runCoordinator { try $0.handle(.disconnected(ConnectionID(UInt64(number)))) }
    } else {
      guard connection.isOpenAtCustomer else { return }
      note("customer \(connection.customer) loses \(number)")
      customerLeft(connection.customer, connection: number)
      runCustomer(connection.customer) { try $0.handle(.disconnected) }
    }
  }

  /// The coordinator ends a connection, after everything sent so far.
  func closeAtCoordinator(_ number: Int) {
    guard connections.indices.contains(number), connections[number].isOpenAtCoordinator else {
      return
    }
    let time = max(now + 1, connections[number].newestToCustomer)
    queue.add(.closed(connection: number, toCoordinator: false), at: time)
    queue.add(.closed(connection: number, toCoordinator: true), at: now)
  }
}
