import Glibc

/// Looks for byte patterns in this process's own memory.
enum MemoryScan {
  private static let windowByteCount = 1 << 20

  /// How many times a pattern lies in readable memory.
  ///
  /// - Parameters:
  ///   - maskedPattern: the pattern with every byte XORed by `mask`, so that looking for it does
  ///     not plant it.
  static func occurrences(ofMasked maskedPattern: [UInt8], mask: UInt8) -> Int {
    guard let memory = fopen("/proc/self/maps", "r") else { return -1 }
    defer { fclose(memory) }
    let descriptor = open("/proc/self/mem", O_RDONLY)
    guard descriptor >= 0 else { return -1 }
    defer { close(descriptor) }
    // Mapped apart, so that the window itself can be left out of the search.
    let window = mmap(
      nil, windowByteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let window, window != MAP_FAILED else { return -1 }
    defer { munmap(window, windowByteCount) }
    let own = UInt(bitPattern: window)..<(UInt(bitPattern: window) + UInt(windowByteCount))

    var count = 0
    for region in regions(from: memory) {
      var start = region.lowerBound
      while start < region.upperBound {
        let end = min(start + UInt(windowByteCount), region.upperBound)
        if !own.overlaps(start..<end) {
          let length = pread(descriptor, window, Int(end - start), Int(start))
          count += matches(of: maskedPattern, mask: mask, in: window, byteCount: max(0, length))
          memset(window, 0, windowByteCount)
        }
        // Windows overlap by the pattern's length less one, so that none is cut in two.
        start = end == region.upperBound ? end : end - UInt(maskedPattern.count - 1)
      }
    }
    return count
  }

  private static func regions(from maps: UnsafeMutablePointer<FILE>) -> [Range<UInt>] {
    var regions: [Range<UInt>] = []
    var line = [CChar](repeating: 0, count: 4096)
    while fgets(&line, Int32(line.count), maps) != nil {
      let characters = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let text = String(decoding: characters, as: UTF8.self)
      let fields = text.split(separator: " ")
      let bounds = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      // Pages of a file (inode not 0) that nobody may write hold code and constants. Shadow memory
      // of a sanitizer is terabytes, and no secret lies there.
      let isFile = fields[4] != "0" && fields[4] != "0\n"
      guard bounds.count == 2, bounds[1] - bounds[0] < 1 << 30,
        fields[1].hasPrefix("rw") || fields[1].hasPrefix("r") && !isFile
      else { continue }
      regions.append(bounds[0]..<bounds[1])
    }
    return regions
  }

  private static func matches(
    of maskedPattern: [UInt8], mask: UInt8, in window: UnsafeMutableRawPointer, byteCount: Int
  ) -> Int {
    let bytes = window.assumingMemoryBound(to: UInt8.self)
    let first = Int32(maskedPattern[0] ^ mask)
    var count = 0
    var offset = 0
    while offset + maskedPattern.count <= byteCount,
      let found = memchr(window + offset, first, byteCount - offset)
    {
      let position = UnsafeRawPointer(found) - UnsafeRawPointer(window)
      guard position + maskedPattern.count <= byteCount else { break }
      if maskedPattern.indices.allSatisfy({ bytes[position + $0] ^ mask == maskedPattern[$0] }) {
        count += 1
      }
      offset = position + 1
    }
    return count
  }
}
