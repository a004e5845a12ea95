internal import Glibc

/// The number of files and sockets that this process may have open.
package enum DescriptorLimit {
  /// Raises the limit to at least `needed`; a limit that is higher already stays.
  ///
  /// - Parameter needed: at least 1.
  /// - Returns: the limit that now holds, at least `needed`.
  /// - Throws: `CommandFailure` (exit 5) if the system allows less, with the command that raises
  ///   the hard limit. The soft limit has then been raised as far as it goes.
  @discardableResult
  package static func raise(to needed: Int) throws(CommandFailure) -> Int {
    precondition(needed >= 1, "a process needs descriptors")
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else {
      throw failure(needed, "the limit cannot be read: " + String(cString: strerror(errno)))
    }
    let target = rlim_t(needed)
    if limit.rlim_cur < target {
      let hard = limit.rlim_max
      limit.rlim_cur = min(target, hard)
      // Where this fails the check below reports what holds.
      setrlimit(resource, &limit)
      if hard < target {
        // Only a privileged process may raise the hard limit; another one keeps the soft raise.
        var raised = rlimit(rlim_cur: target, rlim_max: target)
        setrlimit(resource, &raised)
      }
      guard getrlimit(resource, &limit) == 0, limit.rlim_cur >= target else {
        throw failure(needed, "the system allows this process \(limit.rlim_cur)")
      }
    }
    return Int(clamping: limit.rlim_cur)
  }

  private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

  private static func failure(_ needed: Int, _ why: String) -> CommandFailure {
    CommandFailure(
      what: "this process needs \(Format.count(needed)) open files at once", why: why,
      next: "run ulimit -n \(needed) (or set LimitNOFILE=\(needed) for the service) and start "
        + "again, or host fewer customers in one process",
      exit: .invalidConfiguration)
  }
}
