import Cryptography
import Privacy
import Testing
import VectorMath

@testable import SecureAggregation

@Suite("Masking coordinator against its members")
struct MaskingCoordinatorTests {
  static func rejection(_ body: () throws(MaskingRejection) -> Void) -> MaskingRejection? {
    do throws(MaskingRejection) {
      try body()
      return nil
    } catch {
      return error
    }
  }

  @Test("messages that are wrong, repeated or out of phase are rejected by name")
  func rejections() throws {
    let cohort = try MaskedCohort(
      size: 8, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    let ids = cohort.ids
    var coordinator = cohort.coordinator()
    let advert = cohort.client(0).advert
    let key = cohort.identity(0).verifyingKey
    var found: [MaskingRejection?] = []

    func expect(_ rejection: MaskingRejection) { #expect(found.popLast() == .some(rejection)) }
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(advert, from: ids[1], key: key)
      })
    expect(.malformed)
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(advert, from: ids[0], key: cohort.identity(1).verifyingKey)
      })
    expect(.badSignature)
    for index in ids.indices {
      try coordinator.receive(
        cohort.client(index).advert, from: ids[index], key: cohort.identity(index).verifyingKey)
    }
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(advert, from: ids[0], key: key)
      })
    expect(.duplicate)
    var changed = advert
    changed.maskKey[0] ^= 1
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(changed, from: ids[0], key: key)
      })
    expect(.conflictingDuplicate)

    let roster = try coordinator.closeAdverts()
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(advert, from: ids[0], key: key)
      })
    expect(.wrongPhase)
    let bundles = try cohort.deal(roster)
    let bundle = try #require(bundles[ids[0]])
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(bundle, from: 9999)
      })
    expect(.notMember)
    var fewer = bundle
    fewer.shares.removeLast()
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(fewer, from: ids[0])
      })
    expect(.wrongRecipients)
    var altered = bundle
    altered.shares[0].ciphertext[0] ^= 1
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(altered, from: ids[0])
      })
    expect(.badSignature)
    for index in 0..<7 {
      let bundle = try #require(bundles[ids[index]])
      try coordinator.receive(bundle, from: ids[index])
    }
    let sharers = try coordinator.closeShares()
    #expect(sharers.positions == Array(0..<7))

    for index in 0..<7 {
      let delivery = coordinator.delivery(for: ids[index])
      _ = try cohort.client(index).accept(#require(delivery))
    }
    let undelivered = coordinator.delivery(for: ids[7])
    #expect(undelivered == nil)
    let before = coordinator.runningSum.values
    let masked = try cohort.client(0).mask(
      cohort.update(0), encoding: cohort.encoding, noise: nil)
    var flipped = masked
    flipped.values[3] ^= 1
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.add(flipped, from: ids[0])
      })
    expect(.wrongDigest)
    var short = masked
    short.values.removeLast()
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.add(short, from: ids[0])
      })
    expect(.wrongLength)
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.add(masked, from: ids[1])
      })
    expect(.badSignature)
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.add(masked, from: ids[7])
      })
    expect(.notMember)
    // None of these has touched the sum.
    let after = coordinator.runningSum.values
    #expect(after == before)
    try coordinator.add(masked, from: ids[0])
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.add(masked, from: ids[0])
      })
    expect(.duplicate)
    for index in 1..<7 {
      let masked = try cohort.client(index).mask(
        cohort.update(index), encoding: cohort.encoding, noise: nil)
      try coordinator.add(masked, from: ids[index])
    }
    let survivors = try coordinator.closeMasked()
    let agreement = try #require(try cohort.client(0).agree(to: survivors))
    var forged = agreement
    forged.signature[5] ^= 1
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(forged, from: ids[0])
      })
    expect(.badSignature)
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(agreement, from: ids[7])
      })
    expect(.notMember)
    let early = coordinator.proof
    #expect(early == nil)
    try coordinator.receive(agreement, from: ids[0])
    let stranger = RevealedShares(
      clientID: ids[0],
      shares: [RevealedShare(ownerID: ids[7], share: [UInt8](repeating: 0, count: 32))])
    found.append(
      Self.rejection { () throws(MaskingRejection) in
        try coordinator.receive(stranger, from: ids[0])
      })
    expect(.unexpectedShare)
    let canUnmask = coordinator.canUnmask
    #expect(!canUnmask)
  }

  @Test("liars among the holders do not change the sum; where it is seen, nobody is blamed alone")
  func wrongShares() throws {
    let policy = try MaskingParametersTests.policy("0.1", "0.2", from: 10)
    let liars: Set<Int> = [0, 7, 11]
    let cohort = try MaskedCohort(size: 20, policy: policy)
    let liarIDs = Set(liars.map { cohort.ids[$0] })
    var stages = [MaskedCohort.Stage](repeating: .unmask, count: 20)
    stages[4] = .shares
    let outcome = try cohort.run(lastStage: stages) { revealed in
      guard liarIDs.contains(revealed.clientID) else { return }
      for index in revealed.shares.indices { revealed.shares[index].share[5] ^= 0x40 }
    }
    #expect(outcome.survivors == (0..<20).filter { $0 != 4 })
    #expect(try outcome.sum == cohort.plainSum(of: outcome.survivors))
    #expect(!outcome.inconsistencies.isEmpty)
    for found in outcome.inconsistencies {
      #expect(Set(found.holderIDs).isSubset(of: liarIDs))
    }
  }

  @Test("too many wrong shares end the round without a sum")
  func tooManyWrongShares() throws {
    let cohort = try MaskedCohort(
      size: 9, policy: MaskingParametersTests.policy("0.1", "0.3", from: 5))
    #expect(throws: MaskingAbort.maskNotRecoverable) {
      try cohort.run(lastStage: [MaskedCohort.Stage](repeating: .unmask, count: 9)) { revealed in
        guard revealed.clientID < cohort.ids[4] else { return }
        for index in revealed.shares.indices { revealed.shares[index].share[0] ^= 1 }
      }
    }
  }
}
