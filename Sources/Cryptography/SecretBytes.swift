internal import CSodium

/// A fixed-length secret in guarded memory that is zeroed when the last reference goes.
///
/// The bytes lie in their own pages from `sodium_malloc`: locked where the system allows it, kept
/// out of core dumps, fenced by inaccessible pages. It has no textual form, and `==` takes the same
/// time whatever the bytes are.
///
/// `@unchecked Sendable` is sound: both stored properties are constants, the pages become read-only
/// (`sodium_mprotect_readonly`) before `init` returns, so that even this process cannot write them,
/// and they change again only in `deinit`, which runs when no other reference exists.
package final class SecretBytes: @unchecked Sendable {
  /// Number of bytes, at least 1.
  package let count: Int
  private let base: UnsafeMutableRawPointer

  /// Reserves `count` bytes and lets a C call fill them in place, so that the secret never lies
  /// elsewhere.
  /// - Parameters:
  ///   - count: number of bytes, at least 1.
  ///   - error: thrown when `fill` does not return 0.
  ///   - fill: writes all `count` bytes and returns 0, or returns the library's failure code.
  /// - Throws: `CryptographyError.invalidLength`, `.secretMemoryUnavailable`,
  ///   `.missingLibrary`, or `error`.
  init(
    count: Int, orThrow error: CryptographyError,
    filledBy fill: (UnsafeMutablePointer<UInt8>) -> Int32
  ) throws(CryptographyError) {
    try Sodium.requireReady()
    guard count > 0 else {
      throw .invalidLength(value: "secret", expected: 1, actual: count)
    }
    guard let base = sodium_malloc(count) else {
      throw .secretMemoryUnavailable(byteCount: count)
    }
    guard fill(base.assumingMemoryBound(to: UInt8.self)) == 0 else {
      sodium_free(base)
      throw error
    }
    guard sodium_mprotect_readonly(base) == 0 else {
      sodium_free(base)
      throw .operationFailed("sodium_mprotect_readonly")
    }
    self.count = count
    self.base = base
  }

  // sodium_free checks the canary, zeroes the bytes and unmaps the pages.
  deinit { sodium_free(base) }

  /// Copies `bytes`. The caller's copy stays as it is: prefer `init(wiping:)`.
  /// - Throws: `CryptographyError.invalidLength` when empty, or a failure to reserve memory.
  package convenience init(copying bytes: Span<UInt8>) throws(CryptographyError) {
    try self.init(count: bytes.count, orThrow: .operationFailed("copy")) { destination in
      bytes.withUnsafeBufferPointer { source in
        if let start = source.baseAddress {
          destination.update(from: start, count: source.count)
        }
      }
      return 0
    }
  }

  /// Moves `bytes` here and overwrites the source with zeros, also when this throws.
  ///
  /// Only this array's storage is wiped: if it shares storage with another array, that one keeps
  /// the bytes.
  /// - Throws: `CryptographyError.invalidLength` when empty, or a failure to reserve memory.
  package convenience init(wiping bytes: inout [UInt8]) throws(CryptographyError) {
    defer { wipe(&bytes) }
    try self.init(copying: bytes.span)
  }

  /// `count` fresh bytes from the system's generator.
  /// - Throws: `CryptographyError.invalidLength` when `count` is below 1, or a failure to reserve
  ///   memory.
  package static func random(count: Int) throws(CryptographyError) -> SecretBytes {
    try SecretBytes(count: count, orThrow: .operationFailed("randombytes_buf")) { destination in
      randombytes_buf(destination, count)
      return 0
    }
  }

  /// Lends the bytes for the duration of `body`; what `body` copies it must wipe.
  package func withBytes<Result, Failure>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let buffer = UnsafeBufferPointer(
      start: UnsafePointer(base.assumingMemoryBound(to: UInt8.self)), count: count)
    return try body(buffer.span)
  }

  /// Lends the address for a C call; it must not outlive `body`.
  func withUnsafePointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    body(UnsafePointer(base.assumingMemoryBound(to: UInt8.self)))
  }
}

extension SecretBytes: Equatable {
  /// Constant time in the bytes; the lengths are not secret.
  package static func == (left: SecretBytes, right: SecretBytes) -> Bool {
    left.count == right.count && sodium_memcmp(left.base, right.base, left.count) == 0
  }
}
