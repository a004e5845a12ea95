import Testing
import VectorMath

@Suite struct FloatBytesTests {
  @Test("values are read in order, from any offset, to the bit")
  func values() {
    // 1.0, -2.5, the smallest subnormal, a NaN with a payload.
    let bytes: [UInt8] = [
      0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0, 1, 0, 0, 0, 0x34, 0x12, 0xC0, 0x7F,
    ]
    for offset in 0..<4 {
      let values = [Float](littleEndian: ([UInt8](repeating: 9, count: offset) + bytes)[offset...])
      #expect(values.map(\.bitPattern) == [0x3F80_0000, 0xC020_0000, 1, 0x7FC0_1234])
    }
    #expect([Float](littleEndian: []).isEmpty)
  }
}
