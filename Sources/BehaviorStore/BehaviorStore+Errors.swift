internal import Cryptography
internal import GRDB
internal import Glibc

extension BehaviorStore {
  /// Gives an error of SQLite or GRDB its meaning for a person; ours pass unchanged.
  ///
  /// SQLite's message names tables and columns only. The statement's arguments, which would be
  /// the customer's data, are never copied.
  static func translate(_ error: any Error, path: String) -> BehaviorStoreError {
    if let ours = error as? BehaviorStoreError { return ours }
    if let failure = error as? CryptographyError { return translate(failure, path: path) }
    if error is DanglingCode {
      return .corrupt(path: path, detail: "A row refers to a code that is not there")
    }
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

  // The key was checked when the store was opened: what it does not open was changed.
  private static func translate(_ failure: CryptographyError, path: String) -> BehaviorStoreError {
    switch failure {
    case .authenticationFailed, .invalidLength:
      .corrupt(path: path, detail: "A sealed value was changed")
    default: .systemFailure(path: path, detail: "A sealed value cannot be used")
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
