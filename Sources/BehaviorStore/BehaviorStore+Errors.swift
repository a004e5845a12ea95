internal import GRDB
internal import Glibc

extension BehaviorStore {
  /// Gives an error of SQLite or GRDB its meaning for a person; ours pass unchanged.
  ///
  /// SQLite's message names tables and columns only. The statement's arguments, which would be
  /// the customer's data, are never copied.
  static func translate(_ error: any Error, path: String) -> BehaviorStoreError {
    if let ours = error as? BehaviorStoreError { return ours }
    guard let failure = error as? DatabaseError else {
      return .systemFailure(path: path, detail: "Unexpected \(type(of: error))")
    }
    let detail = failure.message ?? "SQLite code \(failure.extendedResultCode.rawValue)"
    switch failure.resultCode {
    case .SQLITE_FULL: return .diskFull(path: path)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return .locked(path: path, waitedSeconds: lockWaitSeconds)
    case .SQLITE_CORRUPT: return .corrupt(path: path, detail: "SQLite says: \(detail)")
    case .SQLITE_NOTADB:
      return .corrupt(path: path, detail: "The file is not an SQLite database")
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: return .notWritable(path: path)
    case .SQLITE_CANTOPEN:
      return isAtDescriptorLimit ? .tooManyOpenFiles(path: path) : .notWritable(path: path)
    default: return .systemFailure(path: path, detail: "SQLite says: \(detail)")
    }
  }

  // SQLite folds "too many open files" into CANTOPEN, and has closed what it had opened by the
  // time the error is seen; so the test is whether the few descriptors a store needs are free.
  private static var isAtDescriptorLimit: Bool {
    let neededByOneStore = 4
    var opened: [Int32] = []
    defer {
      for descriptor in opened { Glibc.close(descriptor) }
    }
    for _ in 0..<neededByOneStore {
      let descriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return errno == EMFILE || errno == ENFILE }
      opened.append(descriptor)
    }
    return false
  }
}
