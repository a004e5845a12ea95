package import Cryptography

/// Who may take part, as one number and one hash: what ROSTER says of the members, none of whom it names.
///
/// The hash is the root of a Merkle tree (RFC 9162 s.2.1.1) over the members in rising order of
/// their numbers; a leaf is the number, 4 bytes with the highest first, and the 32 bytes of the
/// identity key.
package struct RosterCommitment: Equatable, Sendable {
  /// Number of members.
  package let size: Int
  /// Root of their tree; SHA-256 of nothing where there is none.
  package let hash: SHA256Digest

  /// As read.
  package init(size: Int, hash: SHA256Digest) {
    self.size = size
    self.hash = hash
  }

  /// - Parameter members: those who may take part, neither revoked nor excluded, each number once,
  ///   in any order.
  package init(members: [(id: UInt32, identityKey: [UInt8])]) {
    var frontier = MerkleFrontier()
    for member in members.sorted(by: { $0.id < $1.id }) {
      let number = (0..<4).map { UInt8(truncatingIfNeeded: member.id >> (24 - 8 * $0)) }
      frontier.append(MerkleHash.leaf(number + member.identityKey))
    }
    self.init(size: frontier.size, hash: frontier.root)
  }
}
