import Testing

@testable import Cryptography

@Suite("Sealed stream")
struct SealedStreamTests {
  static let chunks: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 7, count: 100), [9]]

  static func sealed(
    _ key: SecretBytes, _ chunks: [[UInt8]] = chunks
  ) throws -> (header: [UInt8], chunks: [[UInt8]]) {
    var sealer = try StreamSealer(key: key)
    var sealed: [[UInt8]] = []
    for (index, chunk) in chunks.enumerated() {
      sealed.append(try sealer.seal(chunk, isFinal: index == chunks.count - 1))
    }
    return (sealer.header, sealed)
  }

  @Test("chunks come back in order, and only the last is final")
  func roundTrip() throws {
    let key = try SecretBytes.random(count: SealedStream.keyByteCount)
    let stream = try Self.sealed(key)
    #expect(stream.header.count == SealedStream.headerByteCount)
    var opener = try StreamOpener(key: key, header: stream.header)
    for (index, chunk) in stream.chunks.enumerated() {
      #expect(chunk.count == Self.chunks[index].count + SealedStream.overheadByteCount)
      let opened = try opener.open(chunk)
      #expect(opened.bytes == Self.chunks[index])
      #expect(opened.isFinal == (index == Self.chunks.count - 1))
    }
  }

  @Test("every changed bit of a chunk is noticed, and the stream goes on with the true chunk")
  func tampering() throws {
    let key = try SecretBytes.random(count: SealedStream.keyByteCount)
    let stream = try Self.sealed(key)
    var opener = try StreamOpener(key: key, header: stream.header)
    for bit in 0..<(8 * stream.chunks[0].count) {
      var changed = stream.chunks[0]
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        _ = try opener.open(changed)
        Issue.record("a changed chunk was opened")
      } catch {
        #expect(error == .authenticationFailed)
      }
    }
    #expect(try opener.open(stream.chunks[0]).bytes == Self.chunks[0])
  }

  @Test("a changed header, another key, a skipped or a repeated chunk is noticed")
  func wrongOrder() throws {
    let key = try SecretBytes.random(count: SealedStream.keyByteCount)
    let stream = try Self.sealed(key)
    func failure(
      key: SecretBytes, header: [UInt8], _ sequence: [[UInt8]]
    ) throws -> CryptographyError? {
      var opener = try StreamOpener(key: key, header: header)
      do {
        for chunk in sequence { _ = try opener.open(chunk) }
        return nil
      } catch {
        return error
      }
    }
    var header = stream.header
    header[23] ^= 1
    #expect(try failure(key: key, header: header, stream.chunks) == .authenticationFailed)
    let otherKey = try SecretBytes.random(count: SealedStream.keyByteCount)
    #expect(
      try failure(key: otherKey, header: stream.header, stream.chunks) == .authenticationFailed)
    for sequence in [[1], [0, 2], [0, 0], [0, 1, 3]] {
      #expect(
        try failure(key: key, header: stream.header, sequence.map { stream.chunks[$0] })
          == .authenticationFailed)
    }
    #expect(
      try failure(key: key, header: stream.header, stream.chunks + [stream.chunks[0]])
        == .streamEnded)
    #expect(try failure(key: key, header: stream.header, stream.chunks) == nil)
  }

  @Test("nothing is sealed after the final chunk")
  func sealAfterEnd() throws {
    var sealer = try StreamSealer(key: SecretBytes.random(count: SealedStream.keyByteCount))
    _ = try sealer.seal([1], isFinal: true)
    do {
      _ = try sealer.seal([2], isFinal: true)
      Issue.record("a chunk was sealed after the end")
    } catch {
      #expect(error == .streamEnded)
    }
  }

  @Test("wrong lengths of key, header and chunk are named")
  func lengths() throws {
    let key = try SecretBytes.random(count: SealedStream.keyByteCount)
    let shortKey = try SecretBytes.random(count: SealedStream.keyByteCount - 1)
    #expect(
      throws: CryptographyError.invalidLength(value: "stream key", expected: 32, actual: 31)
    ) { _ = try StreamSealer(key: shortKey) }
    #expect(
      throws: CryptographyError.invalidLength(value: "stream header", expected: 24, actual: 23)
    ) { _ = try StreamOpener(key: key, header: [UInt8](repeating: 0, count: 23)) }
    #expect(
      throws: CryptographyError.invalidLength(value: "sealed chunk", expected: 17, actual: 16)
    ) {
      var opener = try StreamOpener(key: key, header: [UInt8](repeating: 0, count: 24))
      _ = try opener.open([UInt8](repeating: 0, count: 16))
    }
  }

  @Test("the same chunks never look the same twice")
  func freshHeaders() throws {
    let key = try SecretBytes.random(count: SealedStream.keyByteCount)
    let first = try Self.sealed(key)
    let second = try Self.sealed(key)
    #expect(first.header != second.header)
    #expect(first.chunks[0] != second.chunks[0])
  }
}
