internal import Cryptography
internal import Federation
internal import Simulation
internal import WireProtocol

/// One customer: what is durable on its device, and the process that may run there.
struct SimulatedCustomer {
  let index: Int
  let identity: SigningKey
  let token: EnrolmentToken
  let device: SimulatedDevice
  let noiseShares: SimulatedNoiseShares
  let isStrange: Bool
  var enrolment: Enrolment?
  var blobs: Set<SHA256Digest> = []
  /// The process, while it runs.
  var engine: ClientEngine?
  var connection: Int?
  /// Other policies that it was shown and has not agreed to.
  var declinedPolicies: [[UInt8]] = []
  /// It was told that training is over.
  var knowsTheEnd = false
  /// Directions in which the network does not carry this customer's frames.
  var unreachable: Set<Direction> = []

  enum Direction: CaseIterable {
    case toCoordinator
    case toCustomer
  }
}

// The customers' processes: what `client run` does around its engine.
extension FederationWorld {
  func makeCustomer(_ index: Int, authority: SigningKey) throws -> SimulatedCustomer {
    SimulatedCustomer(
      index: index, identity: try SigningKey(),
      token: try EnrolmentToken(
        for: ClientID(index + 1),
        at: CoordinatorAddress(
          host: "simulated", port: 0, serverKeyPin: [UInt8](repeating: 0, count: 32),
          coordinatorKey: firstKey.bytes, ledgerID: identity.ledgerID),
        expiresAtSeconds: .max, authority: authority),
      device: SimulatedDevice(watch: watch, consents: identity.policyHash) { [unowned self] in
        deviceFault()
      },
      noiseShares: SimulatedNoiseShares(seed: random.next()),
      isStrange: index < plan.processes.strangeCustomers)
  }

  private func deviceFault() -> SimulatedDevice.WriteFault? {
    guard happens(plan.processes.deviceFault) else { return nil }
    return happens(0.5) ? .before : .after
  }

  func connect(_ index: Int) {
    guard customers[index].connection == nil else { return }
    guard engine != nil, customers[index].unreachable.isEmpty else { return comeBack(index) }
    if customers[index].engine == nil {
      let customer = customers[index]
      customers[index].engine = ClientEngine(
        start: customer.enrolment.map(ClientEngine.Start.login) ?? .enrol(customer.token),
        identity: customer.identity, optedOut: now < plan.decliningMilliseconds,
        storage: customer.device, rosters: rosters,
        noiseShares: customer.noiseShares)
    }
    let exporter = SecureRandom.bytes(32)
    let connection = connections.count
    connections.append(Connection(customer: index))
    customers[index].connection = connection
    note("customer \(index) connects as \(connection)")
    runCustomer(index) { try $0.handle(.connected(exporter: exporter)) }
    runCoordinator { engine in
      try engine.handle(
        .connected(
          ConnectionID(UInt64(connection)), exporter: exporter, nonce: SecureRandom.bytes(32)))
    }
  }

  private func comeBack(_ index: Int) {
    // Who knows that training is over looks in now and then.
    let wait: ClosedRange<Int64> = customers[index].knowsTheEnd ? 3_000...8_000 : 200...1_500
    customers[index].knowsTheEnd = false
    queue.add(.connect(customer: index), at: now + pause(wait))
  }

  func killCustomer(_ index: Int) {
    guard customers[index].engine != nil else { return }
    note("customer \(index) is killed")
    customers[index].engine = nil
    if let connection = customers[index].connection {
      customerLeft(index, connection: connection)
    }
  }

  /// The customer's side of the connection is gone.
  func customerLeft(_ index: Int, connection: Int) {
    guard connections[connection].isOpenAtCustomer else { return }
    connections[connection].isOpenAtCustomer = false
    customers[index].connection = nil
    queue.add(.closed(connection: connection, toCoordinator: true), at: now + pause(1...2_000))
    comeBack(index)
  }

  /// Runs one step of a customer's engine and what it asks for. A failure of the device ends the
  /// process; any other ends the connection.
  func runCustomer(_ index: Int, _ step: (inout ClientEngine) throws -> [ClientEffect]) {
    guard var engine = customers[index].engine else { return }
    let result = Result { try step(&engine) }
    customers[index].engine = engine
    do {
      for effect in try result.get() { try perform(effect, of: index) }
    } catch {
      customerFailed(index, error)
    }
  }

  private func customerFailed(_ index: Int, _ error: any Error) {
    note("customer \(index) fails: \(error)")
    if error is SimulatedDevice.Died { return killCustomer(index) }
    guard let connection = customers[index].connection else { return }
    // The coordinator is honest here, so that nothing of its ledger may be refused.
    if let refusal = error as? FederationError, refusal.isRefusalOfLedger,
      !connections[connection].isImpaired
    {
      watch.violate("I9", "customer \(index) refuses the ledger: \(refusal)")
    }
    if let farewell = ClientEngine.farewell(for: error) {
      transmit(farewell, on: connection, toCoordinator: true)
    }
    leave(index, connection)
  }

  private func leave(_ index: Int, _ connection: Int) {
    customerLeft(index, connection: connection)
    // Being disconnected asks for nothing and cannot fail.
    _ = try? customers[index].engine?.handle(.disconnected)
  }

  /// - Throws: what the engine throws when it is told of the effect.
  private func perform(_ effect: ClientEffect, of index: Int) throws {
    switch effect {
    case .send(let payload): try customerSends(payload, index)
    case .close: if let connection = customers[index].connection { leave(index, connection) }
    case .enrolled(let enrolment):
      customers[index].enrolment = enrolment
      // It agrees to the policy that it is shown as it enrols, as customers do who enrol with --consent.
      customers[index].device.giveConsent(to: enrolment.policyHash)
    case .policyChanged(let policy):
      watch.policyShown(policy, to: index)
      queue.add(.decide(customer: index, policy: policy), at: now + pause(100...3_000))
    case .needBlob(let digest):
      let isHere = customers[index].blobs.contains(digest)
      runCustomer(index) { try $0.handle(isHere ? .blobAvailable(digest) : .fetchBlob(digest)) }
    case .storeBlob(let digest, _):
      customers[index].blobs.insert(digest)
      runCustomer(index) { try $0.handle(.blobAvailable(digest)) }
    case .computeUpdate(let offer):
      let update = update(of: index, dimension: Int(offer.dimension))
      runCustomer(index) { try $0.handle(.updateReady(update)) }
    case .note(let text):
      note("customer \(index): \(text)")
      // A device counts masked rounds that were called off: its budget may end before the ledger's
      // (ruling 12).
      if case .declined(_, .budgetExhausted) = text { isBudgetExhausted = true }
      if text.doubtsTheLedger, let connection = customers[index].connection,
        !connections[connection].isImpaired
      {
        watch.violate("I9", "customer \(index) does not believe the ledger: \(text)")
      }
    case .finished:
      customers[index].knowsTheEnd = true
      if let connection = customers[index].connection { leave(index, connection) }
    }
  }

  /// What a person does who reads what `client consent status` shows.
  func decide(_ index: Int, _ policy: [UInt8]) {
    guard let enrolment = customers[index].enrolment, enrolment.policyBytes != policy else {
      return
    }
    let hasDeclined = customers[index].declinedPolicies.contains(policy)
    guard faultsAreOver || !hasDeclined && happens(plan.consent) else {
      note("customer \(index) does not agree")
      if !hasDeclined { customers[index].declinedPolicies.append(policy) }
      return
    }
    note("customer \(index) agrees")
    customers[index].device.giveConsent(to: SHA256Digest(hashing: policy))
    customers[index].enrolment?.policyBytes = policy
    // The process that runs looks for consent before each round; the next one knows the policy. One that ends in a charged
    // round may burn it and be left out until it is readmitted: that is a fault, and may come only while there are some.
    if happens(0.5), !faultsAreOver { killCustomer(index) }
  }

  /// Has a customer read again what it did not agree to last.
  func askAgain(_ index: Int) {
    for policy in customers[index].declinedPolicies.suffix(1) {
      queue.add(.decide(customer: index, policy: policy), at: now)
    }
  }

  private func customerSends(_ payload: [UInt8], _ index: Int) throws {
    guard let connection = customers[index].connection else { return }
    watch.customer(index, sends: try Message(decoding: payload), journal: customers[index].device)
    transmit(payload, on: connection, toCoordinator: true)
  }

  /// A vector of its own for each customer: one 1 among zeros, so that the sum shows who is in it how often.
  private func update(of index: Int, dimension: Int) -> [Float] {
    var update = [Float](repeating: 0, count: dimension)
    update[index % dimension] = 1
    watch.forbid(
      update.flatMap { value in
        withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
      })
    guard customers[index].isStrange else { return update }
    if happens(0.5) {
      update[0] = .nan
    } else {
      update[index % dimension] = 1e30
    }
    return update
  }
}

extension ClientNote {
  /// Whether the device went on without something because the ledger did not prove it.
  fileprivate var doubtsTheLedger: Bool {
    switch self {
    case .declined(_, .offerNotProven), .left(_, .ledgerNotExtended), .left(_, .chargeNotProven),
      .left(_, .wrongCharge):
      true
    default: false
    }
  }
}
