/// One directory of small files, as a ledger and its blobs need it: every step that can fail or be
/// lost is its own call.
///
/// Nothing but `synchronize` and `synchronizeDirectory` makes anything durable. `LocalDisk` is the
/// real one; tests use one that loses what was not synchronized.
package protocol Disk: Sendable {
  /// The whole content of `name`; nil if there is no such file.
  func read(_ name: String) throws(DiskError) -> [UInt8]?

  /// At most `byteCount` bytes of `name` from `offset` on; fewer where the file ends, nil if there
  /// is no such file.
  func read(_ name: String, from offset: Int, byteCount: Int) throws(DiskError) -> [UInt8]?

  /// Makes `name` hold exactly `bytes`, in place; the file may or may not have existed.
  func create(_ name: String, holding bytes: [UInt8]) throws(DiskError)

  /// Writes `bytes` at `offset`, which is at most the file's length. After an error any prefix may be there.
  func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskError)

  /// Cuts `name` to `byteCount` bytes, at most its length.
  func truncate(_ name: String, to byteCount: Int) throws(DiskError)

  /// Makes the content of `name` durable. After an error it is unknown which bytes are, and a
  /// second call must not be believed: the system may report each lost page once.
  func synchronize(_ name: String) throws(DiskError)

  /// Gives `name` the name `newName`, replacing what had it, in one step.
  func rename(_ name: String, to newName: String) throws(DiskError)

  /// Makes created, renamed and removed names durable.
  func synchronizeDirectory() throws(DiskError)

  /// The names of the files, in any order.
  func names() throws(DiskError) -> [String]

  /// Removes the file `name`, which need not exist.
  func remove(_ name: String) throws(DiskError)
}

extension Disk {
  /// Cuts the whole content; a disk of large files does better.
  package func read(
    _ name: String, from offset: Int, byteCount: Int
  ) throws(DiskError) -> [UInt8]? {
    try read(name).map { Array($0.dropFirst(offset).prefix(byteCount)) }
  }

  /// Replaces `name` in one step that a crash cannot halve: either the old content is there, or all
  /// of the new.
  /// - Parameter reach: called after each durable step with "write", "fsync" or "rename".
  func replace(
    _ name: String, with bytes: [UInt8], reach: (String) -> Void
  ) throws(DiskError) {
    let temporary = name + ".tmp"
    try create(temporary, holding: bytes)
    reach("write")
    try synchronize(temporary)
    reach("fsync")
    try rename(temporary, to: name)
    reach("rename")
    try synchronizeDirectory()
  }
}
