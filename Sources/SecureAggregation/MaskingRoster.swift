internal import Cryptography
internal import Synchronization

/// Message 2, checked in itself: who takes part, with which keys, and all that follows from it.
///
/// A pure function of what was received. Clients of one process that received the same bytes may
/// share one value, and then also share the work of checking signatures: each is verified once.
package struct MaskingRoster: Sendable {
  /// ctx0: the digest of the offer and all that it names, 32 bytes.
  package let context: [UInt8]
  package let policy: MaskingPolicy
  package let parameters: MaskingParameters
  /// U1 in ascending order of ids.
  package let adverts: [MaskingAdvert]
  /// ctx1: binds every key and signature from here on to the offer, the parameters and the adverts,
  /// 32 bytes.
  package let rosterContext: [UInt8]
  /// Who may sign the survivor set; nil when all members may.
  package let committee: MemberSet?
  let graph: MaskingGraph
  let signatures = VerifiedSignatures()

  /// - Parameters:
  ///   - context: ctx0, 32 bytes, computed by the caller from the offer it checked.
  ///   - statedParameters: what the roster message says the parameters are.
  ///   - adverts: as received, in its order.
  ///   - policy: the policy consented to.
  /// - Throws: `MaskingRefusal.unsupportedCohort`, `.wrongParameters`, `.malformed`,
  ///   `.repeatedMember`, `.repeatedKey`.
  package init(
    context: [UInt8], statedParameters: [UInt8], adverts: [MaskingAdvert], policy: MaskingPolicy
  ) throws(MaskingRefusal) {
    guard context.count == BLAKE2b.byteCount else { throw .malformed }
    let parameters: MaskingParameters
    do {
      parameters = try MaskingParameters(cohortSize: adverts.count, policy: policy)
    } catch {
      throw .unsupportedCohort
    }
    guard statedParameters == parameters.bytes else { throw .wrongParameters }
    try self.init(
      context: context, parameters: parameters, checking: adverts, policy: policy)
  }

  /// The roster of adverts whose number the parameters are for.
  init(
    context: [UInt8], parameters: MaskingParameters, checking adverts: [MaskingAdvert],
    policy: MaskingPolicy
  ) throws(MaskingRefusal) {
    guard adverts.allSatisfy(\.isWellFormed) else { throw .malformed }
    guard zip(adverts, adverts.dropFirst()).allSatisfy({ $0.clientID < $1.clientID }) else {
      throw .repeatedMember
    }
    guard Self.keysAreDistinct(adverts) else { throw .repeatedKey }
    self.context = context
    self.policy = policy
    self.parameters = parameters
    self.adverts = adverts
    rosterContext = MaskingTranscript.rosterContext(
      context: context, parameters: parameters, adverts: adverts)
    graph = MaskingGraph(parameters: parameters, rosterContext: rosterContext)
    committee = parameters.committeeSize.map { [rosterContext] size in
      var stream = DeterministicStream(
        seed: MaskingTranscript.committeeSeed(rosterContext: rosterContext))
      let order = stream.permutation(count: parameters.cohortSize)
      return MemberSet(positions: order.prefix(size), memberCount: parameters.cohortSize)
    }
  }

  /// The place of a member in `adverts`.
  package func position(of clientID: UInt32) -> Int? {
    var bounds = 0..<adverts.count
    while !bounds.isEmpty {
      let middle = bounds.lowerBound + bounds.count / 2
      let candidate = adverts[middle].clientID
      if candidate == clientID { return middle }
      bounds = candidate < clientID ? middle + 1..<bounds.upperBound : bounds.lowerBound..<middle
    }
    return nil
  }

  /// The places of a member's neighbours in ascending order; the i-th holds share i + 1 of its
  /// secrets.
  package func neighbours(of position: Int) -> [Int] {
    graph.neighbours(of: position)
  }

  /// Whether `position` may sign the survivor set.
  package func maySign(_ position: Int) -> Bool {
    committee?.contains(position) ?? true
  }

  /// Whether the advert at `position` is signed by `key` for this round.
  func isSigned(_ position: Int, by key: VerifyingKey) -> Bool {
    let advert = adverts[position]
    return signatures.isValid(
      advert.signature, of: MaskingTranscript.advert(context: context, advert), by: key)
  }

  private static func keysAreDistinct(_ adverts: [MaskingAdvert]) -> Bool {
    var keys: Set<[UInt8]> = []
    keys.reserveCapacity(2 * adverts.count)
    return adverts.allSatisfy {
      keys.insert($0.channelKey).inserted && keys.insert($0.maskKey).inserted
    }
  }
}

/// Remembers which signatures were found valid, so that none is verified twice.
///
/// Whether a signature is valid depends on its bytes alone: a hit is as good as a verification.
final class VerifiedSignatures: Sendable {
  private struct Entry: Hashable {
    let key: VerifyingKey
    let signature: [UInt8]
    let messageHash: [UInt8]
  }

  // An advert and an agreement for each member of the largest roster.
  private static let capacity = 2 * MaskingPolicy.largestCohort

  private let valid = Mutex<Set<Entry>>([])

  func isValid(_ signature: [UInt8], of message: [UInt8], by key: VerifyingKey) -> Bool {
    let entry = Entry(
      key: key, signature: signature, messageHash: BLAKE2b.hash256(message))
    if valid.withLock({ $0.contains(entry) }) { return true }
    guard key.isValidSignature(signature, for: message) else { return false }
    valid.withLock { if $0.count < Self.capacity { $0.insert(entry) } }
    return true
  }
}
