extension [Float] {
  /// The values that `bytes` hold as little-endian binary32, in order.
  ///
  /// A device reads millions of them before its first list.
  /// - Precondition: `bytes` holds whole values.
  package init(littleEndian bytes: ArraySlice<UInt8>) {
    precondition(bytes.count.isMultiple(of: 4), "a value has four bytes")
    let count = bytes.count / 4
    self = bytes.withUnsafeBytes { source in
      [Float](unsafeUninitializedCapacity: count) { target, initialized in
        for index in 0..<count {
          let pattern = source.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
          target.initializeElement(at: index, to: Float(bitPattern: UInt32(littleEndian: pattern)))
        }
        initialized = count
      }
    }
  }
}
