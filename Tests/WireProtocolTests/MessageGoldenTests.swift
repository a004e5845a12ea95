import Cryptography
import Testing
import WireProtocol

@Suite("Golden messages")
struct MessageGoldenTests {
  @Test("every message encodes to the bytes that were written by hand from the specification")
  func goldenBytes() throws {
    let golden = try TestFile.lines("Golden/messages-v4.txt").map { line in
      let parts = line.split(separator: " ")
      return (name: String(parts[0]), bytes: try HexCoding.decode(String(parts[1])))
    }
    try #require(golden.map(\.name) == SampleMessages.all.map(\.name))
    for (expected, sample) in zip(golden, SampleMessages.all) {
      #expect(sample.message.encoded() == expected.bytes, "\(sample.name)")
      #expect(try Message(decoding: expected.bytes) == sample.message, "\(sample.name)")
    }
  }

  @Test("there is a golden message of every kind")
  func everyKind() {
    #expect(Set(SampleMessages.all.map(\.message.kind)) == Set(Message.Kind.allCases))
  }
}
