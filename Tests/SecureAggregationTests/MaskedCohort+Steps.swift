import Cryptography
import VectorMath

@testable import SecureAggregation

extension MaskedCohort {
  /// The adverts in the order of ids.
  var adverts: [MaskingAdvert] { ids.indices.map { client($0).advert } }

  /// The roster of all members, as an honest coordinator sends it.
  func roster() throws -> MaskingRoster {
    try roster(of: adverts)
  }

  func roster(of adverts: [MaskingAdvert]) throws -> MaskingRoster {
    let parameters = try MaskingParameters(cohortSize: adverts.count, policy: policy)
    return try MaskingRoster(
      context: context, statedParameters: parameters.bytes, adverts: adverts, policy: policy)
  }

  /// All members deal; `deliver` builds message 4 from the bundles.
  func deal(_ roster: MaskingRoster) throws -> [UInt32: ShareBundle] {
    var bundles: [UInt32: ShareBundle] = [:]
    for index in ids.indices { bundles[ids[index]] = try client(index).accept(roster) }
    return bundles
  }

  /// Message 4 for member `index` if the members at `sharers` dealt.
  func delivery(
    _ index: Int, _ bundles: [UInt32: ShareBundle], roster: MaskingRoster,
    sharers: some Sequence<Int>
  ) -> ShareDelivery {
    let set = MemberSet(positions: sharers, memberCount: ids.count)
    let shares = roster.neighbours(of: index).filter(set.contains).compactMap {
      dealer -> EncryptedShare? in
      guard var share = bundles[ids[dealer]]?.shares.first(where: { $0.peerID == ids[index] })
      else { return nil }
      share.peerID = ids[dealer]
      return share
    }
    return ShareDelivery(shares: shares, sharers: set)
  }

  /// Brings all members to where they have sent masked updates, everybody having dealt.
  func maskAll() throws -> MaskingRoster {
    let roster = try self.roster()
    let bundles = try deal(roster)
    for index in ids.indices {
      _ = try client(index).accept(
        delivery(index, bundles, roster: roster, sharers: ids.indices))
      _ = try client(index).mask(
        update(index), encoding: encoding,
        noise: noise(roster.parameters, seed: UInt64(index)))
    }
    return roster
  }

  func set(_ positions: some Sequence<Int>) -> MemberSet {
    MemberSet(positions: positions, memberCount: ids.count)
  }
}
