import Testing
import WireProtocol

@Suite("Found inputs")
struct FoundInputTests {
  @Test("inputs kept from fuzzing are refused, or have one spelling")
  func foundInputs() throws {
    let inputs = try TestFile.contents(ofFolder: "Found")
    #expect(!inputs.isEmpty)
    for input in inputs {
      guard let message = try? Message(decoding: input.bytes) else { continue }
      #expect(message.encoded() == input.bytes, "\(input.name)")
    }
  }
}
