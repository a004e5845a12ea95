internal import Cryptography
internal import Federation
internal import Ledger
internal import LedgerStore
internal import Privacy
internal import Recommendation
internal import SecureAggregation
internal import WireProtocol

// The coordinator's process: what `coordinator serve` does around its engine.
extension FederationWorld {
  private static let restartMilliseconds: Int64 = 3_000

  func startCoordinator() {
    guard engine == nil else { return }
    seams.beforeStart(disk)
    disk.restart()
    life += 1
    startedAt = now
    note("coordinator starts, life \(life)")
    do {
      while let command = waitingCommands.first {
        try perform(command)
        if disk.isKilled { throw DiskError(operation: "run", name: "killed", errorNumber: 0) }
        waitingCommands.removeFirst()
      }
      try openLedgerAndEngine()
      if let ledger { watch.started(ledger.state) }
      if disk.isKilled { throw DiskError(operation: "run", name: "killed", errorNumber: 0) }
      note("ledger has \(ledger?.state.size ?? 0) entries")
    } catch {
      coordinatorFailed(error)
    }
  }

  private func openLedgerAndEngine() throws {
    let ledgerDisk = seams.ledgerDisk(disk.directory("ledger"))
    let reach: @Sendable (String) -> Void = { [unowned self] in reached($0) }
    let writer: LedgerWriter
    do {
      writer = try LedgerWriter.open(on: ledgerDisk, keys: keyStore, reach: reach).writer
    } catch LedgerStoreError.noLedger, LedgerStoreError.creationInterrupted {
      writer = try LedgerWriter.create(
        on: ledgerDisk, genesis: try genesis(), signingKey: try keyStore.current(), reach: reach)
    }
    let keys = CoordinatorKeys(
      coordinator: try keyStore.current(), enrolment: enrolmentKey)
    let identity = FederationIdentity(
      ledgerID: self.identity.ledgerID, policy: writer.state.policy,
      catalogue: self.identity.catalogue, featuresHash: self.identity.featuresHash)
    ledger = writer
    let blobs = BlobStore(on: seams.blobDisk(disk.directory("blobs")), reach: reach)
    let storage = DurableStorage(ledger: writer, roster: roster, blobs: blobs)
    let catalogue = try storage.storeBlob(identity.catalogue.encoded())
    let initial = SHA256Digest(
      hashing: try model.initialParameters(catalogue: identity.catalogue).encoded())
    watch.publish(catalogue)
    watch.publish(initial)
    _ = try storage.removeOrphans(keeping: [catalogue, initial])
    engine = try CoordinatorEngine(
      settings: CoordinatorSettings(
        trainings: plan.trainings, gatherSeconds: 1, loginSeconds: 5, uploadSlots: 4,
        uploadSeconds: 5, phaseSeconds: 5),
      identity: identity, model: model, features: nil, keys: keys,
      storage: seams.storage(storage), noise: WatchedNoise(seed: random.next(), watch: watch),
      startedAt: MonotonicTime(milliseconds: 0))
  }

  private func genesis() throws -> GenesisRecord {
    GenesisRecord(
      ledgerID: try LedgerID(bytes: identity.ledgerID),
      coordinatorKey: firstKey, policy: identity.policy,
      softwareVersion: "simulation", createdAtSeconds: 0, enrolmentKeyHeldByCoordinator: true)
  }

  /// What a command of the operator does, in a process of its own, with the coordinator stopped. One that failed is given
  /// again, and does nothing where the ledger says that it was done.
  private func perform(_ command: FaultPlan.Operation.Command) throws {
    note("operator: \(command)")
    let reach: @Sendable (String) -> Void = { [unowned self] in reached($0) }
    let ledgerDisk = seams.ledgerDisk(disk.directory("ledger"))
    let left = try SimulatedKeys.seed(of: try keyStore.current())
    let writer: LedgerWriter
    let recovery: LedgerWriter.Recovery
    do {
      (writer, recovery) = try LedgerWriter.open(on: ledgerDisk, keys: keyStore, reach: reach)
    } catch LedgerStoreError.noLedger, LedgerStoreError.creationInterrupted {
      return note("operator: there is no ledger yet")
    }
    switch command {
    case .rotateKey:
      if recovery.promotedKey == nil { _ = try writer.rotateKey(keyStore, reach: reach) }
      watch.left(left)
    case .signPolicy(let epsilonLimit, let minimumCohort, let noiseMultiplier):
      let policy = try Self.policy(
        plan, epsilonLimit: epsilonLimit, minimumCohort: minimumCohort,
        noiseMultiplier: noiseMultiplier)
      // Another limit, of which another part is spent.
      isBudgetExhausted = false
      guard policy != writer.state.policy else { return }
      _ = try writer.append(
        .policy(PolicyRecord(policy: policy, replacing: writer.state.policyHash)))
      _ = try writer.checkpoint()
    }
  }

  /// A named step of the ledger or the blobs.
  private func reached(_ step: String) {
    note("step \(step)")
    guard let fault = plan.steps.first, fault.step == step else { return }
    plan.steps.removeFirst()
    metSteps += 1
    note("fault \(fault.fault) at \(step)")
    pendingCrash = fault.crash
    if fault.fault == .killed { return disk.kill() }
    disk.inject((0, fault.fault, fault.isPersistent))
    if fault.isPersistent { queue.add(.mendDisk, at: now + pause(4_000...12_000)) }
  }

  /// Ends the process, by a kill or with the machine.
  func stopCoordinator(crash: SimulatedDisk.CrashOutcome? = nil) {
    engine = nil
    ledger = nil
    let outcome = crash ?? pendingCrash
    pendingCrash = nil
    if let outcome {
      note("machine stops, keeps \(outcome)")
      disk.crash(outcome)
    }
    watch.stopped()
    for index in connections.indices where connections[index].isOpenAtCoordinator {
      connections[index].isOpenAtCoordinator = false
      // Half of the peers hear of it at once, the others when their system gives up.
      let delay = pause(happens(0.5) ? 1...20 : 100...4_000)
      queue.add(.closed(connection: index, toCoordinator: false), at: now + delay)
    }
  }

  private func coordinatorFailed(_ error: any Error) {
    note("coordinator fails: \(error)")
    switch error {
    case LedgerStoreError.disk, LedgerStoreError.dead, is DiskError: break
    default: watch.violate("start", "the coordinator cannot go on: \(error)")
    }
    stopCoordinator()
    queue.add(.startCoordinator(life: life), at: now + Self.restartMilliseconds)
  }

  func killCoordinator(crash: SimulatedDisk.CrashOutcome? = nil) {
    guard engine != nil else { return }
    note("coordinator is killed")
    stopCoordinator(crash: crash)
    queue.add(.startCoordinator(life: life), at: now + Self.restartMilliseconds)
  }

  /// SIGTERM: the open round is ended, members are told, the process exits.
  func terminateCoordinator() {
    guard engine != nil else { return }
    note("coordinator is told to stop")
    runCoordinator { engine in try engine.drain() }
    killCoordinator()
  }

  func tickCoordinator() {
    runCoordinator { [now, startedAt] engine in
      try engine.handle(.clock(MonotonicTime(milliseconds: now - startedAt)))
    }
    if engine?.quorumIsHopeless == true {
      note("coordinator gives up: no quorum, or charges without a sum")
      killCoordinator()
    }
  }

  /// Runs one step of the engine and what it asks for; a failure ends the process.
  func runCoordinator(
    _ step: (inout CoordinatorEngine<WatchedNoise>) throws -> [CoordinatorEffect]
  ) {
    guard engine != nil else { return }
    let effects: [CoordinatorEffect]
    do {
      effects = try stepEngine(step)
      // A kill in the midst of the step: nothing of it leaves.
      if disk.isKilled { throw DiskError(operation: "run", name: "killed", errorNumber: 0) }
    } catch {
      return coordinatorFailed(error)
    }
    for effect in effects {
      // The process may end between two sends.
      if plan.processes.coordinatorKill > 0, happens(0.001) { return killCoordinator() }
      perform(effect)
    }
  }

  private func stepEngine(
    _ step: (inout CoordinatorEngine<WatchedNoise>) throws -> [CoordinatorEffect]
  ) throws -> [CoordinatorEffect] {
    guard var current = engine.take() else { return [] }
    do {
      let effects = try step(&current)
      engine = consume current
      return effects
    } catch {
      engine = consume current
      throw error
    }
  }

  private func perform(_ effect: CoordinatorEffect) {
    switch effect {
    case .send(let id, let payload): coordinatorSends(payload, on: id)
    case .sendBlob(let id, let digest, let bytes):
      for chunk in BlobChunk.Chunks(of: bytes, hash: digest.bytes) {
        coordinatorSends(Message.blobChunk(chunk).encoded(), on: id)
      }
    case .close(let id): closeAtCoordinator(Int(id.value))
    case .note(.updatesRejected(let round, let counts)):
      // As a dictionary they would be written in an order that depends on where it lies in memory.
      note("coordinator: rejected in round \(round): \(counts.sorted { $0.key < $1.key })")
    case .note(let text):
      note("coordinator: \(text)")
      if case .roundReleased(let round, let contributors, _) = text,
        contributors < ledger?.state.policy.minimumCohort ?? 0
      {
        watch.violate("I8", "round \(round) is released with \(contributors) contributions")
      }
      if case .roundBurned(_, _, let excluded) = text, excluded > 0, faultsAreOver { readmit() }
    case .removeMasks(let round, let removal):
      runCoordinator { engine in
        try engine.handle(
          .masksRemoved(round: round, corrections: removal.correctionsOnThisThread()))
      }
    case .finished(let reason):
      note("finished: \(reason)")
      switch reason {
      case .planComplete: break
      case .budgetExhausted: isBudgetExhausted = true
      case .sumLost: hasLostSum = true
      }
    }
  }

  /// What an operator does when a round that was charged among the faults is burned after them: those whose process a
  /// fault ended could not answer, and without them there may be no cohort. They log in again.
  private func readmit() {
    let left = customers.indices.filter { index in
      customers[index].enrolment.flatMap { roster.member($0.clientID) }?.isExcluded == true
    }
    note("operator readmits \(left)")
    roster.readmitAll()
    for index in connections.indices
    where connections[index].isOpenAtCoordinator && left.contains(connections[index].customer) {
      cut(index)
    }
  }

  private func coordinatorSends(_ payload: [UInt8], on id: ConnectionID) {
    do {
      watch.coordinatorSends(try Message(decoding: payload))
    } catch {
      watch.violate("I6", "the coordinator sends what cannot be decoded: \(error)")
    }
    transmit(payload, on: Int(id.value), toCoordinator: false)
  }
}
