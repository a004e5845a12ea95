import Testing

@testable import SecureAggregation

@Suite("Names on the wire and in reports")
struct NamesTests {
  @Test("the names of rejections are part of the wire format and do not change")
  func rejectionNames() {
    #expect(
      UpdateRejection.allCases.map(\.rawValue) == [
        "non-finite", "wrong-length", "wrong-round", "replayed", "not-enrolled", "bad-signature",
        "bad-seal", "round-closed", "not-offered", "too-slow", "coordinator-fault",
      ])
    #expect(Set(UpdateRejection.allCases.map(\.meaning)).count == UpdateRejection.allCases.count)
  }

  @Test("mode sealed says that the coordinator can see updates")
  func sealedMode() {
    #expect(AggregationMode(rawValue: "sealed") == .sealed)
    #expect(AggregationMode.sealed.coordinatorCanSeeUpdates)
    #expect(AggregationMode.sealed.sentence.hasPrefix("sealed: "))
    #expect(AggregationMode.sealed.sentence.contains("could read"))
  }
}
