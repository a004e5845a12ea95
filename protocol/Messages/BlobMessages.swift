/// Asks for a public blob (catalogue, item features, model parameters) by its SHA-256.
package struct FetchBlob: Equatable, Sendable {
  package var hash: [UInt8]

  package init(hash: [UInt8]) {
    self.hash = hash
  }

  func write(to writer: inout ByteWriter) { writer.digest(hash) }

  init(from reader: inout ByteReader) throws(WireError) { hash = try reader.digest() }
}

/// One part of a public blob. `count` is 0 when the coordinator does not have the blob.
package struct BlobChunk: Equatable, Sendable {
  package var hash: [UInt8]
  package var index: UInt32
  package var count: UInt32
  package var data: [UInt8]

  package init(hash: [UInt8], index: UInt32, count: UInt32, data: [UInt8]) {
    self.hash = hash
    self.index = index
    self.count = count
    self.data = data
  }

  func write(to writer: inout ByteWriter) {
    writer.digest(hash)
    writer.uint32(index)
    writer.uint32(count)
    writer.opaque(data, limit: FrameLimits.maximumChunkBytes)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    hash = try reader.digest()
    index = try reader.uint32()
    count = try reader.uint32()
    let chunks = FrameLimits.maximumBlobBytes / FrameLimits.maximumChunkBytes
    guard Int(count) <= chunks, index < count || (index == 0 && count == 0) else {
      throw .fieldTooLong(actual: Int(count), limit: chunks)
    }
    data = try reader.opaque(limit: FrameLimits.maximumChunkBytes)
  }
}

extension BlobChunk {
  /// The chunks that carry a blob, each made only when it is asked for.
  package struct Chunks: Sequence, Sendable {
    private let bytes: [UInt8]
    private let hash: [UInt8]

    package init(of bytes: [UInt8], hash: [UInt8]) {
      self.bytes = bytes
      self.hash = hash
    }

    /// At least 1: an empty blob is one empty chunk.
    package var count: Int {
      let size = FrameLimits.maximumChunkBytes
      return Swift.max(1, (bytes.count + size - 1) / size)
    }

    package subscript(index: Int) -> BlobChunk {
      let start = index * FrameLimits.maximumChunkBytes
      let end = Swift.min(bytes.count, start + FrameLimits.maximumChunkBytes)
      return BlobChunk(
        hash: hash, index: UInt32(index), count: UInt32(count), data: Array(bytes[start..<end]))
    }

    package func makeIterator() -> some IteratorProtocol<BlobChunk> {
      (0..<count).lazy.map { self[$0] }.makeIterator()
    }
  }
}
