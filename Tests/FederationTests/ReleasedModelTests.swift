import Cryptography
import Federation
import Ledger
import Testing
import WireProtocol

@Suite("The model that training ends with")
struct ReleasedModelTests {
  static let modes = ["sealed", "secagg", "secagg-ddp"]

  private func harness(mode: String = "sealed", trainings: Int = 1) throws -> FederationHarness {
    let harness = try FederationHarness(
      policy: FederationHarness.policy(minimumCohort: 4, targetCohort: 5, mode: mode),
      settings: CoordinatorSettings(trainings: trainings, gatherSeconds: 1, phaseSeconds: 20))
    try harness.enrolEveryone(count: 5)
    return harness
  }

  private func released(_ harness: FederationHarness) -> SHA256Digest? {
    harness.storage.ledgerState.latestRelease?.modelOut
  }

  @Test("it is the one of the newest RELEASE that was proven", arguments: modes)
  func proven(mode: String) throws {
    let harness = try harness(mode: mode, trainings: 2)
    try harness.run()
    let model = try #require(released(harness))
    for customer in harness.customers {
      #expect(customer.failure == nil && customer.finishedModels == [model])
      #expect(customer.blobs[model] != nil)
    }
  }

  @Test("another one is refused by name and listed, and the device is not done", arguments: modes)
  func another(mode: String) throws {
    let harness = try harness(mode: mode, trainings: 2)
    let other = SHA256Digest(hashing: [1, 2, 3])
    harness.rewritesReceived = { index, message in
      guard index == 0, case .finished(var finished) = message else { return message }
      finished.modelHash = other.bytes
      return .finished(finished)
    }
    try harness.run()
    let model = try #require(released(harness))
    let customer = harness.customers[0]
    #expect(
      customer.failure as? FederationError == .modelNotReleased(shown: other, proven: model))
    #expect(customer.finishedModels.isEmpty && customer.blobs[other] == nil)
    #expect(customer.device.refusals.last?.reason.contains("proven to be released") == true)
    #expect(harness.customers[1].finishedModels == [model])
  }

  @Test("the model of an earlier RELEASE is another one, also for a process that starts again")
  func earlier() throws {
    let harness = try harness(trainings: 2)
    try harness.runUntilOffer(of: 2)
    let first = try #require(released(harness))
    try harness.run()
    let last = try #require(released(harness))
    try #require(first != last)
    harness.rewritesReceived = { _, message in
      switch message {
      case .finished(var finished):
        finished.modelHash = first.bytes
        return .finished(finished)
      case .ledgerShown(var shown):
        // Nor does it help to show nothing: the device has kept the proof.
        shown.entries = []
        return .ledgerShown(shown)
      default: return message
      }
    }
    try harness.restartCustomer(0)
    try harness.connect(0)
    try harness.pump()
    #expect(
      harness.customers[0].failure as? FederationError
        == .modelNotReleased(shown: first, proven: last))
  }

  @Test("a device that comes after the end is shown the RELEASE first")
  func late() throws {
    let harness = try harness()
    try harness.run()
    let model = try #require(released(harness))
    let index = try harness.addCustomer()
    try harness.connect(index)
    try harness.pump()
    let customer = harness.customers[index]
    #expect(customer.failure == nil && customer.finishedModels == [model])
    let kinds = customer.received.map(\.kind)
    let shown = try #require(kinds.firstIndex(of: .ledgerShown))
    #expect(try shown < #require(kinds.firstIndex(of: .finished)))
  }

  @Test("without proof of any RELEASE no model is taken on the coordinator's word")
  func none() throws {
    let harness = try harness()
    let other = SHA256Digest(hashing: [1, 2, 3])
    try harness.deliver(
      .finished(Finished(reason: .budgetExhausted, modelHash: other.bytes)), to: 0)
    try harness.pump()
    #expect(harness.customers[0].failure == nil)
    #expect(harness.customers[0].finishedModels == [nil])
    #expect(harness.customers[0].blobs[other] == nil)
  }
}
