internal import Glibc

/// Why a key file cannot be used.
package enum KeyFileProblem: Equatable, Sendable {
  case exists
  case symbolicLink
  case notRegularFile
  case wrongOwner(expected: UInt32, actual: UInt32)
  /// `mode` holds the permission bits, such as 0o644.
  case readableByOthers(mode: UInt32)
  case wrongSize(expected: Int, actual: Int)
  /// A system call failed; `code` is its errno and `reason` the system's words for it.
  case systemCall(name: String, code: Int32, reason: String)

  /// Whether the same call may succeed later, after someone made room.
  package var isOutOfSpace: Bool {
    guard case .systemCall(_, let code, _) = self else { return false }
    return code == ENOSPC || code == EDQUOT || code == EFBIG
  }

  /// What happened, why it matters, and what to do.
  func sentence(path: String) -> String {
    switch self {
    case .exists:
      "\(path) already exists, and a key is never overwritten: what it signed could not be "
        + "continued. Move the file away if you mean to start anew."
    case .symbolicLink:
      "\(path) is a symbolic link, and a key is read only from the named file itself: a link "
        + "could be turned to another key. Name the file it points to."
    case .notRegularFile:
      "\(path) is not a regular file, so it cannot hold a key. Name the key file."
    case .wrongOwner(let expected, let actual):
      "\(path) belongs to user \(actual), not to user \(expected) who runs this: another user "
        + "could replace the key. Run as its owner, or chown the file."
    case .readableByOthers(let mode):
      "\(path) has mode \(String(mode, radix: 8)), so other users may have read the key. "
        + "Make a new key if they could; otherwise run chmod 600 on it."
    case .wrongSize(let expected, let actual):
      "\(path) has \(actual) bytes, and a key file has \(expected): it is another file, or its "
        + "writing was interrupted. Restore it from a backup, or remove it if it was never used."
    case .systemCall(let name, _, let reason):
      "\(path) cannot be used: \(name) failed (\(reason)). Check the path, the free space and the "
        + "permissions of its directory."
    }
  }
}
