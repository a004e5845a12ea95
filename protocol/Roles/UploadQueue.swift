/// The coordinator's upload slots: who waits for one, and what has arrived in those granted.
///
/// Memory is `slotCount` updates in flight, whatever the number of members. A masked round sends
/// credentials in its slots, too: such an upload has no header.
struct UploadQueue<Header: Sendable>: Sendable {
  /// One update on its way in. Nothing of it reaches a sum before it is complete and checked.
  struct Upload: Sendable {
    let expiresAt: MonotonicTime
    private(set) var header: Header?
    private(set) var chunks: [[UInt8]] = []
    private var chunkCount = 0
    private var byteCount = 0

    fileprivate init(expiresAt: MonotonicTime) {
      self.expiresAt = expiresAt
    }

    /// - Parameter chunkCount: how many chunks follow, at least 1.
    fileprivate mutating func announce(_ header: Header, chunkCount: Int) {
      self.header = header
      self.chunkCount = chunkCount
      chunks.reserveCapacity(chunkCount)
    }

    /// - Returns: false when the chunk is out of order or one byte too many.
    fileprivate mutating func append(_ chunk: RoundChunk, limit: Int) -> Bool {
      guard header != nil, Int(chunk.index) == chunks.count, chunks.count < chunkCount,
        byteCount + chunk.data.count <= limit
      else { return false }
      byteCount += chunk.data.count
      chunks.append(chunk.data)
      return true
    }

    var isComplete: Bool { header != nil && chunks.count == chunkCount }
  }

  private let slotCount: Int
  private let uploadSeconds: Int
  private var waiting: [ClientID] = []
  private var uploads: [ClientID: Upload] = [:]

  /// - Parameters:
  ///   - slotCount: updates that may be in flight at once.
  ///   - uploadSeconds: longest time one granted upload may take.
  init(slotCount: Int, uploadSeconds: Int) {
    self.slotCount = slotCount
    self.uploadSeconds = uploadSeconds
  }

  subscript(id: ClientID) -> Upload? { uploads[id] }

  /// Everyone who waits or uploads, ascending.
  var members: [ClientID] { (waiting + uploads.keys).sorted() }

  mutating func enqueue(_ id: ClientID) {
    guard uploads[id] == nil, !waiting.contains(id) else { return }
    waiting.append(id)
  }

  /// Drops what `id` sent, and its place.
  mutating func remove(_ id: ClientID) {
    uploads[id] = nil
    waiting.removeAll { $0 == id }
  }

  mutating func removeAll() {
    waiting = []
    uploads = [:]
  }

  /// Hands free slots to those who wait, in the order they came.
  mutating func grant(at now: MonotonicTime) -> [ClientID] {
    let granted = Array(waiting.prefix(max(0, slotCount - uploads.count)))
    waiting.removeFirst(granted.count)
    for id in granted {
      uploads[id] = Upload(expiresAt: now.adding(seconds: uploadSeconds))
    }
    return granted
  }

  /// Whose granted time is over, ascending.
  func expired(at now: MonotonicTime) -> [ClientID] {
    uploads.filter { $0.value.expiresAt <= now }.map(\.key).sorted()
  }

  mutating func announce(_ header: Header, chunkCount: Int, from id: ClientID) {
    uploads[id]?.announce(header, chunkCount: chunkCount)
  }

  /// - Returns: false when the chunk is out of order, one byte too many, or not announced.
  mutating func append(_ chunk: RoundChunk, from id: ClientID, limit: Int) -> Bool {
    uploads[id]?.append(chunk, limit: limit) == true
  }
}
