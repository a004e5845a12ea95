internal import Operations

/// Where finished comparison runs are kept.
enum CacheDirectory {
  static func comparisons() -> String {
    if let cache = ProcessEnvironment.value("XDG_CACHE_HOME"), cache.hasPrefix("/") {
      return cache + "/tacit/compare"
    }
    return (ProcessEnvironment.value("HOME") ?? "/tmp") + "/.cache/tacit/compare"
  }
}
