// Faults that come by chance, once a second.
extension FederationWorld {
  func meetRandomFaults() {
    let faults = plan.processes
    if happens(faults.coordinatorKill) { killCoordinator() }
    if happens(faults.machineCrash) { killCoordinator(crash: .anything(seed: random.next())) }
    if happens(faults.terminate) { terminateCoordinator() }
    if happens(faults.customerKill) {
      killCustomer(Int.random(in: customers.indices, using: &random))
    }
    if happens(faults.diskFault) { failDisk() }
    if happens(plan.network.partition) { divide() }
  }

  private func failDisk() {
    let kinds = SimulatedDisk.Fault.allCases
    let kind = kinds[Int.random(in: kinds.indices, using: &random)]
    let isPersistent = happens(0.3)
    note("disk will fail: \(kind), persistent \(isPersistent)")
    disk.inject((Int.random(in: 0..<8, using: &random), kind, isPersistent))
    if isPersistent { queue.add(.mendDisk, at: now + pause(2_000...10_000)) }
  }

  /// Some customers are cut off, in one direction or both, for longer than a round or for less.
  private func divide() {
    let directions: [Set<SimulatedCustomer.Direction>] = [
      [.toCoordinator], [.toCustomer], [.toCoordinator, .toCustomer],
    ]
    let direction = directions[Int.random(in: directions.indices, using: &random)]
    let end = now + pause(500...25_000)
    for index in customers.indices where happens(0.4) {
      note("customer \(index) cannot be reached")
      customers[index].unreachable = direction
      queue.add(.reach(customer: index), at: end)
    }
  }
}
