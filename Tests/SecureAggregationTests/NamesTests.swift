import Testing

@testable import SecureAggregation

@Suite("Names on the wire and in reports")
struct NamesTests {
  @Test("the names of rejections are part of the wire format and do not change")
  func rejectionNames() {
    #expect(
      UpdateRejection.allCases.map(\.rawValue) == [
        "non-finite", "wrong-length", "wrong-round", "replayed", "not-enrolled", "bad-signature",
        "bad-seal", "malformed", "round-closed", "not-offered", "too-slow", "coordinator-fault",
      ])
    #expect(Set(UpdateRejection.allCases.map(\.meaning)).count == UpdateRejection.allCases.count)
  }

  @Test("the names of masked rounds are part of the wire format and do not change")
  func maskedNames() {
    #expect(
      MaskingRefusal.allCases.map(\.rawValue) == [
        "wrong-parameters", "unsupported-cohort", "wrong-context", "malformed", "repeated-member",
        "repeated-key", "not-enrolled", "own-advert-changed", "bad-advert-signature", "weak-key",
        "own-shares-missing", "too-few-sharers", "too-few-neighbours", "unexpected-share",
        "too-few-shares", "wrong-length", "non-finite", "survivor-without-shares",
        "own-update-missing", "too-few-survivors", "too-few-surviving-neighbours",
        "window-exposed", "second-survivor-set", "too-few-signatures", "repeated-signer",
        "signer-not-eligible", "bad-agreement-signature", "out-of-order", "local-fault",
      ])
    #expect(
      MaskingRejection.allCases.map(\.rawValue) == [
        "not-member", "duplicate", "conflicting-duplicate", "malformed", "bad-signature",
        "wrong-recipients", "wrong-length", "wrong-digest", "wrong-phase", "not-signer",
        "unexpected-share",
      ])
    #expect(
      MaskingAbort.allCases.map(\.rawValue) == [
        "unsupported-cohort", "repeated-key", "too-few-sharers", "too-few-survivors",
        "too-few-surviving-neighbours", "window-exposed", "mask-not-recoverable",
        "coordinator-fault",
      ])
  }

  @Test("masked modes hide updates and say what they do not hide")
  func maskedModes() {
    #expect(AggregationMode.allCases.map(\.rawValue) == ["sealed", "secagg", "secagg-ddp"])
    #expect(!AggregationMode.secagg.coordinatorCanSeeUpdates)
    #expect(!AggregationMode.secaggDDP.coordinatorCanSeeUpdates)
    #expect(AggregationMode.secaggDDP.clientsAddNoise && !AggregationMode.secagg.clientsAddNoise)
    #expect(AggregationMode.secagg.sentence.contains("no differential privacy against"))
    #expect(AggregationMode.secaggDDP.sentence.contains("not against a malicious operator"))
  }

  @Test("mode sealed says that the coordinator can see updates")
  func sealedMode() {
    #expect(AggregationMode(rawValue: "sealed") == .sealed)
    #expect(AggregationMode.sealed.coordinatorCanSeeUpdates)
    #expect(AggregationMode.sealed.sentence.hasPrefix("sealed: "))
    #expect(AggregationMode.sealed.sentence.contains("could read"))
  }
}
