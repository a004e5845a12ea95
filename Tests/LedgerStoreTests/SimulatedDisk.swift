import Glibc
import LedgerStore
import Synchronization

/// A disk in memory that keeps apart what is visible and what is durable, and fails on request.
///
/// Bytes become durable one by one, only by a synchronize that comes after their write and succeeds: a failed one marks
/// them clean without keeping them, as Linux does, so that a later synchronize does not bring them back.
final class SimulatedDisk: Disk {
  /// How one operation goes wrong.
  enum Fault: CaseIterable {
    /// Nothing happens, "no space left on device".
    case noSpace
    /// Nothing happens, "input/output error"; a synchronize loses what it should have kept.
    case inputOutput
    /// Half of the bytes are written, then no space.
    case shortWrite
    /// Everything happens, and an error is reported.
    case errorAfterSuccess
  }

  /// What is left of unsynchronized bytes and names after a crash.
  enum CrashOutcome: CaseIterable {
    case nothing
    case half
    case everything
  }

  private struct File {
    var visible: [UInt8] = []
    var durable: [UInt8] = []
    /// Offsets whose visible byte was written since the last synchronize.
    var dirty: Set<Int> = []
    var isLengthDirty = false

    mutating func write(_ bytes: some Collection<UInt8>, at offset: Int) {
      precondition(offset <= visible.count, "a write leaves no hole")
      let end = offset + bytes.count
      if end > visible.count {
        visible += [UInt8](repeating: 0, count: end - visible.count)
        isLengthDirty = true
      }
      for (index, byte) in bytes.enumerated() {
        visible[offset + index] = byte
        dirty.insert(offset + index)
      }
    }

    mutating func truncate(to count: Int) {
      precondition(count <= visible.count, "truncate does not extend")
      visible.removeLast(visible.count - count)
      dirty = dirty.filter { $0 < count }
      isLengthDirty = true
    }

    mutating func keep(_ kept: Set<Int>, length: Int) {
      durable.removeLast(max(0, durable.count - length))
      durable += [UInt8](repeating: 0, count: max(0, length - durable.count))
      for offset in kept where offset < length { durable[offset] = visible[offset] }
    }

    mutating func synchronize(isLost: Bool) {
      if !isLost { keep(dirty, length: isLengthDirty ? visible.count : durable.count) }
      dirty = []
      isLengthDirty = false
    }

    mutating func crash(_ outcome: CrashOutcome) {
      switch outcome {
      case .nothing: break
      case .half:
        // The first half of what was written since: a torn append.
        let kept = Set(dirty.sorted().prefix(dirty.count / 2))
        let end = kept.max().map { $0 + 1 } ?? 0
        keep(kept, length: max(min(durable.count, visible.count), end))
      case .everything: keep(dirty, length: isLengthDirty ? visible.count : durable.count)
      }
      visible = durable
      dirty = []
      isLengthDirty = false
    }
  }

  private struct State {
    var files: [Int: File] = [:]
    var names: [String: Int] = [:]
    var durableNames: [String: Int] = [:]
    var operationCount = 0
    var fault: (operation: Int, kind: Fault, isPersistent: Bool)?
  }

  private let state = Mutex(State())

  /// Operations so far, reads included.
  var operationCount: Int { state.withLock { $0.operationCount } }

  /// Makes the operation of that number, counted from now and from 0, go wrong; nil heals the disk.
  func inject(_ fault: (operation: Int, kind: Fault, isPersistent: Bool)?) {
    state.withLock {
      $0.operationCount = 0
      $0.fault = fault
    }
  }

  /// The machine stops, and starts with what was kept. A persistent fault is still there.
  func crash(_ outcome: CrashOutcome) {
    state.withLock { state in
      for id in state.files.keys { state.files[id]?.crash(outcome) }
      if outcome == .nothing { state.names = state.durableNames }
      state.durableNames = state.names
      if state.fault?.isPersistent == false { state.fault = nil }
    }
  }

  /// Visible content, without counting as an operation.
  func content(_ name: String) -> [UInt8]? {
    state.withLock { state in state.names[name].flatMap { state.files[$0]?.visible } }
  }

  /// Puts a file there, durable, as an intruder or a backup would.
  func plant(_ name: String, _ bytes: [UInt8]?) {
    state.withLock { state in
      guard let bytes else {
        state.names[name] = nil
        state.durableNames[name] = nil
        return
      }
      let id = state.files.count
      state.files[id] = File(visible: bytes, durable: bytes)
      state.names[name] = id
      state.durableNames[name] = id
    }
  }

  func read(_ name: String) throws(DiskError) -> [UInt8]? {
    try perform("read", name) { state, _ in state.names[name].flatMap { state.files[$0]?.visible } }
  }

  func create(_ name: String, holding bytes: [UInt8]) throws(DiskError) {
    try perform("create", name) { state, isHalf in
      let id = state.names[name] ?? state.files.count
      state.names[name] = id
      var file = state.files[id] ?? File()
      file.truncate(to: 0)
      file.write(bytes.prefix(isHalf ? bytes.count / 2 : bytes.count), at: 0)
      state.files[id] = file
    }
  }

  func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskError) {
    try perform("write", name) { state, isHalf in
      guard let id = state.names[name] else { preconditionFailure("no file \(name)") }
      state.files[id]?.write(bytes.prefix(isHalf ? bytes.count / 2 : bytes.count), at: offset)
    }
  }

  func truncate(_ name: String, to byteCount: Int) throws(DiskError) {
    try perform("truncate", name) { state, _ in
      guard let id = state.names[name] else { preconditionFailure("no file \(name)") }
      state.files[id]?.truncate(to: byteCount)
    }
  }

  func synchronize(_ name: String) throws(DiskError) {
    do {
      try perform("fsync", name) { state, _ in
        guard let id = state.names[name] else { preconditionFailure("no file \(name)") }
        state.files[id]?.synchronize(isLost: false)
      }
    } catch {
      state.withLock { state in
        if let id = state.names[name] { state.files[id]?.synchronize(isLost: true) }
      }
      throw error
    }
  }

  func rename(_ name: String, to newName: String) throws(DiskError) {
    try perform("rename", name) { state, _ in
      state.names[newName] = state.names.removeValue(forKey: name)
    }
  }

  func synchronizeDirectory() throws(DiskError) {
    try perform("fsync", ".") { state, _ in state.durableNames = state.names }
  }

  /// - Parameter effect: what the operation does; its second argument asks for half of a write.
  private func perform<Result>(
    _ operation: String, _ name: String, _ effect: (inout State, Bool) -> Result
  ) throws(DiskError) -> Result {
    try state.withLock { (state) throws(DiskError) in
      defer { state.operationCount += 1 }
      guard let fault = state.fault,
        state.operationCount == fault.operation
          || (fault.isPersistent && state.operationCount > fault.operation)
      else { return effect(&state, false) }
      let isWrite = operation == "write" || operation == "create"
      switch fault.kind {
      case .shortWrite where isWrite: _ = effect(&state, true)
      case .errorAfterSuccess: _ = effect(&state, false)
      case .noSpace, .inputOutput, .shortWrite: break
      }
      let number = fault.kind == .noSpace || fault.kind == .shortWrite ? ENOSPC : EIO
      throw DiskError(operation: operation, name: name, errorNumber: number)
    }
  }
}
