import Cryptography
import SecureAggregation
import Testing
import WireProtocol

extension MaskedRoundHarness {
  /// Runs a round in which member 2 is shown `change` of what it should see, and returns the name
  /// under which it left.
  static func refusal(
    mode: AggregationMode = .secagg,
    _ change: @escaping (MaskedRoundHarness, Message) throws -> [Message]
  ) throws -> String? {
    let harness = try MaskedRoundHarness(mode: mode)
    harness.tamper = { [unowned harness] id, message in
      id == 2 ? try change(harness, message) : [message]
    }
    try harness.start()
    // What it refuses, it tells with a signature of its own, and it reveals nothing afterwards.
    if let name = harness.refusal(of: 2) {
      let refusals = harness.sent(.refuseRound, by: 2)
      #expect(refusals.count == 1)
      if case .refuseRound(let refuse) = try #require(refusals.first) {
        #expect(refuse.reason.name == name)
        #expect(
          try RoundHarness.identity(2).verifyingKey.isValidSignature(
            refuse.signature,
            for: refuse.signedBytes(context: harness.context, clientID: 2)))
      }
      #expect(harness.members[2]?.log.last == "left \(name)")
      #expect(harness.members[2]?.log.contains("send unmask") == false)
    }
    return harness.refusal(of: 2)
  }
}
