internal import Glibc
package import LedgerStore
internal import Synchronization
internal import VectorMath

/// A disk in memory that keeps apart what is visible and what is durable, and fails on request.
///
/// Bytes become durable one by one, only by a synchronize that comes after their write and
/// succeeds: a failed one marks them clean without keeping them, as Linux does, so that a later
/// synchronize does not bring them back. Names become durable by synchronizing their directory.
/// Files of several directories have names with a path; `directory(_:)` gives one of them as the
/// product sees it.
package final class SimulatedDisk: Disk {
  /// How one operation goes wrong.
  package enum Fault: CaseIterable, Sendable {
    /// Nothing happens, "no space left on device".
    case noSpace
    /// Nothing happens, "input/output error"; a synchronize loses what it should have kept.
    case inputOutput
    /// Half of the bytes are written, then no space.
    case shortWrite
    /// Everything happens, and an error is reported.
    case errorAfterSuccess
    /// Only a synchronize goes wrong: it fails, and loses what it should have kept.
    case failedSynchronize
    /// The process is killed: nothing happens, now and until `restart`.
    case killed
  }

  /// What is left of unsynchronized bytes and names after a crash of the machine.
  package enum CrashOutcome: CaseIterable, Sendable {
    case nothing
    case half
    case everything
    /// Any sectors and any names, in any order, as a seed decides.
    case anything(seed: UInt64)

    /// Those that need no seed.
    package static var allCases: [CrashOutcome] { [.nothing, .half, .everything] }
  }

  fileprivate struct State {
    var files: [Int: SimulatedFile] = [:]
    var nextFile = 0
    var names: [String: Int] = [:]
    var durableNames: [String: Int] = [:]
    /// Names whose last change is not durable.
    var changedNames: Set<String> = []
    var operationCount = 0
    var fault: (operation: Int, kind: Fault, isPersistent: Bool)?
    var isKilled = false
  }

  private let state = Mutex(State())

  package init() {}

  /// Operations so far, reads included.
  package var operationCount: Int { state.withLock { $0.operationCount } }

  /// Makes the operation of that number, counted from now and from 0, go wrong; nil heals the disk. A
  /// `failedSynchronize` waits for the next synchronize.
  package func inject(_ fault: (operation: Int, kind: Fault, isPersistent: Bool)?) {
    state.withLock {
      $0.operationCount = 0
      $0.fault = fault
    }
  }

  /// The process that uses this disk is dead: every operation fails, without effect, until `restart`.
  package func kill() { state.withLock { $0.isKilled = true } }

  /// Whether `kill` or a fault of that kind stopped the process.
  package var isKilled: Bool { state.withLock { $0.isKilled } }

  /// Another process begins on the same machine: what was visible still is.
  package func restart() { state.withLock { $0.isKilled = false } }

  /// The machine stops, and starts with what was kept. A persistent fault is still there.
  package func crash(_ outcome: CrashOutcome) {
    state.withLock { state in
      var random = SeededRandom(seed: 0)
      if case .anything(let seed) = outcome { random = SeededRandom(seed: seed) }
      for id in state.files.keys.sorted() { state.files[id]?.crash(outcome, using: &random) }
      for name in state.changedNames.sorted() {
        let isKept: Bool
        switch outcome {
        case .nothing: isKept = false
        case .half, .everything: isKept = true
        case .anything: isKept = Bool.random(using: &random)
        }
        if isKept { state.durableNames[name] = state.names[name] }
      }
      state.names = state.durableNames
      state.changedNames = []
      state.isKilled = false
      if state.fault?.isPersistent == false { state.fault = nil }
    }
  }

  /// Visible content, without counting as an operation.
  package func content(_ name: String) -> [UInt8]? {
    state.withLock { state in state.names[name].flatMap { state.files[$0]?.visible } }
  }

  /// What would be there if the machine stopped now and nothing unsynchronized survived.
  package func durableContent(_ name: String) -> [UInt8]? {
    state.withLock { state in state.durableNames[name].flatMap { state.files[$0]?.durable } }
  }

  /// Every visible file, without counting as an operation.
  package var contents: [String: [UInt8]] {
    state.withLock { state in state.names.compactMapValues { state.files[$0]?.visible } }
  }

  /// Puts a file there, durable, as an intruder or a backup would.
  package func plant(_ name: String, _ bytes: [UInt8]?) {
    state.withLock { state in
      state.changedNames.remove(name)
      guard let bytes else {
        state.names[name] = nil
        state.durableNames[name] = nil
        return
      }
      let id = state.makeFile(SimulatedFile(visible: bytes, durable: bytes))
      state.names[name] = id
      state.durableNames[name] = id
    }
  }

  package func read(_ name: String) throws(DiskError) -> [UInt8]? {
    try perform("read", name) { state, _ in state.names[name].flatMap { state.files[$0]?.visible } }
  }

  package func create(_ name: String, holding bytes: [UInt8]) throws(DiskError) {
    try perform("create", name) { state, isHalf in
      let id = state.names[name] ?? state.makeFile(SimulatedFile())
      if state.names[name] == nil {
        state.names[name] = id
        state.changedNames.insert(name)
      }
      state.files[id]?.truncate(to: 0)
      state.files[id]?.write(bytes.prefix(isHalf ? bytes.count / 2 : bytes.count), at: 0)
    }
  }

  package func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskError) {
    try perform("write", name) { state, isHalf in
      guard let id = state.names[name] else { preconditionFailure("no file \(name)") }
      state.files[id]?.write(bytes.prefix(isHalf ? bytes.count / 2 : bytes.count), at: offset)
    }
  }

  package func truncate(_ name: String, to byteCount: Int) throws(DiskError) {
    try perform("truncate", name) { state, _ in
      guard let id = state.names[name] else { preconditionFailure("no file \(name)") }
      state.files[id]?.truncate(to: byteCount)
    }
  }

  package func synchronize(_ name: String) throws(DiskError) {
    do {
      try perform("fsync", name) { state, _ in
        guard let id = state.names[name] else { preconditionFailure("no file \(name)") }
        state.files[id]?.synchronize(isLost: false)
      }
    } catch {
      state.withLock { state in
        guard !state.isKilled, let id = state.names[name] else { return }
        state.files[id]?.synchronize(isLost: true)
      }
      throw error
    }
  }

  package func rename(_ name: String, to newName: String) throws(DiskError) {
    try perform("rename", name) { state, _ in
      state.names[newName] = state.names.removeValue(forKey: name)
      state.changedNames.formUnion([name, newName])
    }
  }

  package func remove(_ name: String) throws(DiskError) {
    try perform("remove", name) { state, _ in
      state.names[name] = nil
      state.changedNames.insert(name)
    }
  }

  package func names() throws(DiskError) -> [String] {
    try perform("list", ".") { state, _ in state.names.keys.sorted() }
  }

  package func synchronizeDirectory() throws(DiskError) { try synchronizeNames(under: "") }

  /// Makes the names durable that begin with `prefix`.
  func synchronizeNames(under prefix: String) throws(DiskError) {
    try perform("fsync", prefix + ".") { state, _ in
      for name in state.changedNames where name.hasPrefix(prefix) {
        state.durableNames[name] = state.names[name]
        state.changedNames.remove(name)
      }
    }
  }

  /// - Parameter effect: what the operation does; its second argument asks for half of a write.
  private func perform<Result>(
    _ operation: String, _ name: String, _ effect: (inout State, Bool) -> Result
  ) throws(DiskError) -> Result {
    try state.withLock { (state) throws(DiskError) in
      guard !state.isKilled else {
        throw DiskError(operation: operation, name: name, errorNumber: EIO)
      }
      defer { state.operationCount += 1 }
      guard let fault = state.dueFault(operation) else { return effect(&state, false) }
      let isWrite = operation == "write" || operation == "create"
      switch fault {
      case .shortWrite where isWrite: _ = effect(&state, true)
      case .errorAfterSuccess: _ = effect(&state, false)
      case .killed: state.isKilled = true
      case .noSpace, .inputOutput, .shortWrite, .failedSynchronize: break
      }
      let number = fault == .noSpace || fault == .shortWrite ? ENOSPC : EIO
      throw DiskError(operation: operation, name: name, errorNumber: number)
    }
  }
}

extension SimulatedDisk.State {
  fileprivate mutating func makeFile(_ file: SimulatedFile) -> Int {
    defer { nextFile += 1 }
    files[nextFile] = file
    return nextFile
  }

  /// The fault that this operation meets, if any; one that comes once is then used up.
  fileprivate mutating func dueFault(_ operation: String) -> SimulatedDisk.Fault? {
    guard let due = fault, operationCount >= due.operation else { return nil }
    if due.kind == .failedSynchronize && operation != "fsync" { return nil }
    if !due.isPersistent { fault = nil }
    return due.kind
  }
}

/// One directory of a simulated disk, under the names that the product gives its files.
package struct SimulatedDirectory: Disk {
  private let disk: SimulatedDisk
  private let prefix: String

  package func read(_ name: String) throws(DiskError) -> [UInt8]? { try disk.read(prefix + name) }
  package func create(_ name: String, holding bytes: [UInt8]) throws(DiskError) {
    try disk.create(prefix + name, holding: bytes)
  }
  package func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskError) {
    try disk.write(bytes, to: prefix + name, at: offset)
  }
  package func truncate(_ name: String, to byteCount: Int) throws(DiskError) {
    try disk.truncate(prefix + name, to: byteCount)
  }
  package func synchronize(_ name: String) throws(DiskError) {
    try disk.synchronize(prefix + name)
  }
  package func rename(_ name: String, to newName: String) throws(DiskError) {
    try disk.rename(prefix + name, to: prefix + newName)
  }
  package func synchronizeDirectory() throws(DiskError) {
    try disk.synchronizeNames(under: prefix)
  }
  package func names() throws(DiskError) -> [String] {
    try disk.names().filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }
  package func remove(_ name: String) throws(DiskError) { try disk.remove(prefix + name) }

  fileprivate init(_ disk: SimulatedDisk, _ prefix: String) {
    self.disk = disk
    self.prefix = prefix
  }
}

extension SimulatedDisk {
  /// The directory `path`; its files stand on this disk as `path/name`.
  package func directory(_ path: String) -> SimulatedDirectory {
    SimulatedDirectory(self, path + "/")
  }
}
