internal import CSodium

/// Overwrites `values` with zeros in a way the optimiser may not remove; the count stays.
///
/// Only this array's storage is reached: where it is shared with another array, that one keeps its
/// values.
package func wipe<Element: BitwiseCopyable>(_ values: inout [Element]) {
  values.withUnsafeMutableBytes { buffer in
    if let start = buffer.baseAddress {
      sodium_memzero(start, buffer.count)
    }
  }
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
///
/// The lengths are not treated as secret.
package func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  left.count == right.count && sodium_memcmp(left, right, left.count) == 0
}
