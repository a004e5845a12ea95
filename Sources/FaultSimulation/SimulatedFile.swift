internal import VectorMath

/// One file of a simulated disk: what is visible, and what is durable.
struct SimulatedFile {
  /// Bytes that reach the disk together or not at all. Smaller than a real sector, so that short
  /// lines tear too.
  private static let sectorBytes = 16

  private(set) var visible: [UInt8] = []
  private(set) var durable: [UInt8] = []
  /// For each visible byte whether it was written since the last synchronize.
  private var isDirty: [Bool]
  private var isLengthDirty = false

  init(visible: [UInt8] = [], durable: [UInt8] = []) {
    self.visible = visible
    self.durable = durable
    isDirty = [Bool](repeating: false, count: visible.count)
  }

  /// Offsets of those bytes, in order.
  private var dirty: [Int] { isDirty.indices.filter { isDirty[$0] } }

  mutating func write(_ bytes: some Collection<UInt8>, at offset: Int) {
    precondition(offset <= visible.count, "a write leaves no hole")
    let end = offset + bytes.count
    if end > visible.count {
      isDirty += [Bool](repeating: false, count: end - visible.count)
      visible += [UInt8](repeating: 0, count: end - visible.count)
      isLengthDirty = true
    }
    visible.replaceSubrange(offset..<end, with: bytes)
    for index in offset..<end { isDirty[index] = true }
  }

  mutating func truncate(to count: Int) {
    precondition(count <= visible.count, "truncate does not extend")
    visible.removeLast(visible.count - count)
    isDirty.removeLast(isDirty.count - count)
    isLengthDirty = true
  }

  private mutating func keep(_ kept: some Sequence<Int>, length: Int) {
    durable.removeLast(max(0, durable.count - length))
    durable += [UInt8](repeating: 0, count: max(0, length - durable.count))
    for offset in kept where offset < length { durable[offset] = visible[offset] }
  }

  mutating func synchronize(isLost: Bool) {
    if !isLost { keep(dirty, length: isLengthDirty ? visible.count : durable.count) }
    isDirty = [Bool](repeating: false, count: visible.count)
    isLengthDirty = false
  }

  mutating func crash(_ outcome: SimulatedDisk.CrashOutcome, using random: inout SeededRandom) {
    switch outcome {
    case .nothing: break
    case .half:
      // The first half of what was written since: a torn append.
      let kept = dirty.prefix(dirty.count / 2)
      let end = kept.last.map { $0 + 1 } ?? 0
      keep(kept, length: max(min(durable.count, visible.count), end))
    case .everything: keep(dirty, length: isLengthDirty ? visible.count : durable.count)
    case .anything:
      // Any sectors in any order; a sector that is missing below a kept one reads as zeros.
      let sectors = Set(dirty.map { $0 / Self.sectorBytes }).sorted()
      let keptSectors = Set(sectors.filter { _ in Bool.random(using: &random) })
      let kept = dirty.filter { keptSectors.contains($0 / Self.sectorBytes) }
      let keepsLength = isLengthDirty && Bool.random(using: &random)
      let end = kept.last.map { $0 + 1 } ?? 0
      keep(kept, length: keepsLength ? visible.count : max(min(durable.count, visible.count), end))
    }
    visible = durable
    isDirty = [Bool](repeating: false, count: visible.count)
    isLengthDirty = false
  }
}
