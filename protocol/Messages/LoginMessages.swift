/// First message of the coordinator: who it says it is, and a fresh nonce.
package struct ServerHello: Equatable, Sendable {
  package var versions: [UInt16]
  package var nonce: [UInt8]
  package var coordinatorKey: [UInt8]
  package var ledgerID: [UInt8]
  /// Ed25519 by the coordinator key over `LoginTranscript.hello`: binds it to this TLS session.
  package var signature: [UInt8]

  package init(
    versions: [UInt16], nonce: [UInt8], coordinatorKey: [UInt8], ledgerID: [UInt8],
    signature: [UInt8]
  ) {
    self.versions = versions
    self.nonce = nonce
    self.coordinatorKey = coordinatorKey
    self.ledgerID = ledgerID
    self.signature = signature
  }

  func write(to writer: inout ByteWriter) {
    writer.uint8(UInt8(versions.count))
    for version in versions { writer.uint16(version) }
    writer.fixed(nonce, count: 32)
    writer.fixed(coordinatorKey, count: 32)
    writer.fixed(ledgerID, count: 16)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    let count = Int(try reader.uint8())
    guard (1...16).contains(count) else {
      throw .unknownValue(field: "version count", value: UInt64(count))
    }
    var versions: [UInt16] = []
    for _ in 0..<count { versions.append(try reader.uint16()) }
    self.versions = versions
    nonce = try reader.fixed(32)
    coordinatorKey = try reader.fixed(32)
    ledgerID = try reader.fixed(16)
    signature = try reader.fixed(64)
  }
}

/// An enrolled client proves its key for this TLS session.
package struct ClientAuth: Equatable, Sendable {
  package var version: UInt16
  package var clientID: ClientID
  /// Size of the newest checkpoint that this device holds, 0 if none: `Welcome` shows that the ledger extends it.
  package var checkpointSize: UInt64
  /// Ed25519 by the client's identity key over `LoginTranscript.auth`.
  package var signature: [UInt8]

  package init(
    version: UInt16, clientID: ClientID, checkpointSize: UInt64, signature: [UInt8]
  ) {
    self.version = version
    self.clientID = clientID
    self.checkpointSize = checkpointSize
    self.signature = signature
  }

  func write(to writer: inout ByteWriter) {
    writer.uint16(version)
    writer.uint32(clientID)
    writer.uint64(checkpointSize)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    version = try reader.uint16()
    clientID = try reader.uint32()
    checkpointSize = try reader.uint64()
    signature = try reader.fixed(64)
  }
}

/// A new client redeems a one-time token and registers its identity key. The token's secret stays
/// with the client.
package struct ClientEnrol: Equatable, Sendable {
  package var version: UInt16
  /// The token's number.
  package var clientID: ClientID
  /// `MemberCredential.bytes`.
  package var credential: [UInt8]
  package var identityKey: [UInt8]
  /// As in `ClientAuth`: above 0 where the answer to an earlier attempt was lost.
  package var checkpointSize: UInt64
  /// Ed25519 by the new identity key over `LoginTranscript.enrol`: proof of possession.
  package var signature: [UInt8]

  package init(
    version: UInt16, clientID: ClientID, credential: [UInt8], identityKey: [UInt8],
    checkpointSize: UInt64, signature: [UInt8]
  ) {
    self.version = version
    self.clientID = clientID
    self.credential = credential
    self.identityKey = identityKey
    self.checkpointSize = checkpointSize
    self.signature = signature
  }

  func write(to writer: inout ByteWriter) {
    writer.uint16(version)
    writer.uint32(clientID)
    writer.fixed(credential, count: MemberCredential.byteCount)
    writer.fixed(identityKey, count: 32)
    writer.uint64(checkpointSize)
    writer.fixed(signature, count: 64)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    version = try reader.uint16()
    clientID = try reader.uint32()
    credential = try reader.fixed(MemberCredential.byteCount)
    identityKey = try reader.fixed(32)
    checkpointSize = try reader.uint64()
    signature = try reader.fixed(64)
  }
}

/// The coordinator accepts the login and shows the policy in force.
package struct Welcome: Equatable, Sendable {
  package var clientID: ClientID
  /// Canonical JSON of the policy.
  package var policy: [UInt8]
  /// Ed25519 by the coordinator key over the policy's digest.
  package var policySignature: [UInt8]
  /// Newest signed checkpoint of the ledger, as a text note.
  package var checkpoint: [UInt8]
  /// `ConsistencyProof.bytes` from the checkpoint that the client said it holds; empty where it holds none.
  package var consistency: [UInt8]
  /// `RevocationList.bytes` of the newest list, or empty before the first.
  package var revocations: [UInt8]
  package var catalogueHash: [UInt8]
  package var featuresHash: [UInt8]
  package var modelHash: [UInt8]

  package init(
    clientID: ClientID, policy: [UInt8], policySignature: [UInt8], checkpoint: [UInt8],
    consistency: [UInt8], revocations: [UInt8], catalogueHash: [UInt8], featuresHash: [UInt8],
    modelHash: [UInt8]
  ) {
    self.clientID = clientID
    self.policy = policy
    self.policySignature = policySignature
    self.checkpoint = checkpoint
    self.consistency = consistency
    self.revocations = revocations
    self.catalogueHash = catalogueHash
    self.featuresHash = featuresHash
    self.modelHash = modelHash
  }

  func write(to writer: inout ByteWriter) {
    writer.uint32(clientID)
    writer.opaque(policy, limit: FrameLimits.maximumPolicyBytes)
    writer.fixed(policySignature, count: 64)
    writer.opaque(checkpoint, limit: FrameLimits.maximumCheckpointBytes)
    writer.opaque(consistency, limit: MaskedLimits.maximumConsistencyBytes)
    writer.opaque(revocations, limit: RevocationList.maximumByteCount)
    writer.digest(catalogueHash)
    writer.digest(featuresHash)
    writer.digest(modelHash)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    clientID = try reader.uint32()
    policy = try reader.opaque(limit: FrameLimits.maximumPolicyBytes)
    policySignature = try reader.fixed(64)
    checkpoint = try reader.opaque(limit: FrameLimits.maximumCheckpointBytes)
    consistency = try reader.opaque(limit: MaskedLimits.maximumConsistencyBytes)
    revocations = try reader.opaque(limit: RevocationList.maximumByteCount)
    catalogueHash = try reader.digest()
    featuresHash = try reader.digest()
    modelHash = try reader.digest()
  }
}

/// Either side ends the connection and says why.
package struct Refused: Equatable, Sendable {
  package var code: RefusalCode
  package var reason: String

  package init(_ code: RefusalCode, _ reason: String = "") {
    self.code = code
    self.reason = reason
  }

  func write(to writer: inout ByteWriter) {
    writer.uint16(code.rawValue)
    writer.text(reason, limit: FrameLimits.maximumReasonBytes)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    let raw = try reader.uint16()
    guard let code = RefusalCode(rawValue: raw) else {
      throw .unknownValue(field: "refusal code", value: UInt64(raw))
    }
    self.code = code
    reason = try reader.text(limit: FrameLimits.maximumReasonBytes)
  }
}
