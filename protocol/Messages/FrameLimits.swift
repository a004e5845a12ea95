/// Sizes that both sides enforce before they allocate. Wire specification section 2.
package enum FrameLimits {
  /// Largest payload of one chunk of an update or of a blob, in bytes.
  package static let maximumChunkBytes = 262_144

  /// Largest frame payload, in bytes: one chunk and the fields around it.
  package static let maximumFrameBytes = maximumChunkBytes + 1_024

  /// Largest policy file, in bytes.
  package static let maximumPolicyBytes = 65_535

  /// Largest signed checkpoint, in bytes.
  package static let maximumCheckpointBytes = 4_096

  /// Largest reason text, in bytes.
  package static let maximumReasonBytes = 512

  /// Largest public blob (catalogue, model, item features), in bytes.
  package static let maximumBlobBytes = 64 << 20

  /// Largest update vector, in coordinates.
  package static let maximumDimension = 4 << 20
}

/// Versions of this protocol. A peer without a common version is refused by name.
package enum ProtocolVersion {
  package static let current: UInt16 = 4
  package static let supported: [UInt16] = [4]
}

/// A customer's number in the roster, given at enrolment.
package typealias ClientID = UInt32
