import Glibc
import Operations
import Testing

/// Each in a process of its own: a limit that was lowered does not come back.
@Suite struct DescriptorLimitTests {
  @Test("a low soft limit is raised to what is needed, and a higher one stays")
  func raises() async {
    await #expect(processExitsWith: .success) {
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      var limit = rlimit()
      getrlimit(resource, &limit)
      limit.rlim_cur = 64
      guard setrlimit(resource, &limit) == 0 else { exit(2) }
      guard try DescriptorLimit.raise(to: 200) == 200 else { exit(3) }
      guard try DescriptorLimit.raise(to: 100) == 200 else { exit(4) }
      getrlimit(resource, &limit)
      guard limit.rlim_cur == 200 else { exit(5) }
    }
  }

  @Test("more than the system allows is an error that says what to do, after raising what goes")
  func refused() async {
    await #expect(processExitsWith: .success) {
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      var limit = rlimit(rlim_cur: 64, rlim_max: 128)
      guard setrlimit(resource, &limit) == 0 else { exit(2) }
      // Root may raise a hard limit again, but not above the kernel's own (`fs.nr_open`).
      let needed = geteuid() == 0 ? Int(Int32.max) : 4_096
      do throws(CommandFailure) {
        try DescriptorLimit.raise(to: needed)
        exit(3)
      } catch {
        guard error.exit == .invalidConfiguration, error.next.contains("ulimit -n \(needed)")
        else { exit(4) }
      }
      getrlimit(resource, &limit)
      guard limit.rlim_cur == 128 else { exit(5) }
    }
  }
}
