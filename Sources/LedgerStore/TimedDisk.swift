/// A disk that tells how long each synchronize took.
package struct TimedDisk: Disk {
  private let disk: any Disk
  private let clock = ContinuousClock()
  private let observe: @Sendable (Duration) -> Void

  /// - Parameter observe: called after each synchronize, also a failed one, on the caller's thread.
  package init(_ disk: any Disk, observe: @escaping @Sendable (Duration) -> Void) {
    self.disk = disk
    self.observe = observe
  }

  package func read(_ name: String) throws(DiskError) -> [UInt8]? { try disk.read(name) }
  package func read(
    _ name: String, from offset: Int, byteCount: Int
  ) throws(DiskError) -> [UInt8]? {
    try disk.read(name, from: offset, byteCount: byteCount)
  }
  package func create(_ name: String, holding bytes: [UInt8]) throws(DiskError) {
    try disk.create(name, holding: bytes)
  }
  package func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskError) {
    try disk.write(bytes, to: name, at: offset)
  }
  package func truncate(_ name: String, to byteCount: Int) throws(DiskError) {
    try disk.truncate(name, to: byteCount)
  }
  package func synchronize(_ name: String) throws(DiskError) {
    let start = clock.now
    defer { observe(start.duration(to: clock.now)) }
    try disk.synchronize(name)
  }
  package func rename(_ name: String, to newName: String) throws(DiskError) {
    try disk.rename(name, to: newName)
  }
  package func synchronizeDirectory() throws(DiskError) {
    let start = clock.now
    defer { observe(start.duration(to: clock.now)) }
    try disk.synchronizeDirectory()
  }
  package func names() throws(DiskError) -> [String] { try disk.names() }
  package func remove(_ name: String) throws(DiskError) { try disk.remove(name) }
}
