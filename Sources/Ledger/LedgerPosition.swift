package import Cryptography

/// Where a durable entry stands.
package struct LedgerPosition: Equatable, Sendable {
  /// Entry index, from 0.
  package let index: Int
  /// Number of entries up to and including it.
  package var size: Int { index + 1 }
  /// Root of the ledger that ends with it.
  package let root: SHA256Digest

  /// A position; only a writer that made the entry durable has a reason to make one.
  package init(index: Int, root: SHA256Digest) {
    self.index = index
    self.root = root
  }
}
