import CanonicalJSON
import Federation
import Foundation
import Glibc
import Privacy
import Recommendation
import Testing
import VectorMath

extension EndToEnd {
  /// What a coordinator's whole memory holds of its customers' updates in a masked round: nothing.
  @Suite("Nothing readable in a masked round") struct NothingReadableTests {
    private static let customers = 12

    /// The updates of all customers, as the clients compute them, in the forms that a process could
    /// hold them in: floats, and integers on the round's grid.
    private static func updates(fractionBits: Int) throws -> [[UInt8]] {
      let model = try ModelRegistry.model(identifier: "popularity", hyperparameters: .object([:]))
      let codes = (0..<Shop.itemCount).map(Shop.code)
      let parameters = try model.initialParameters(
        catalogue: Catalogue(codes: codes, descriptions: codes))
      let encoding = try FixedPointEncoding(fractionBits: fractionBits, clipNorm: 1)
      return try (0..<customers).flatMap { customer in
        let items = Set((0..<5).map { (3 * customer + $0 * $0) % 25 }).sorted()
        let history = CustomerHistory(
          rows: items.map { .init(item: $0, occasions: 1, lastSeconds: 0) })
        let update = try model.update(
          stage: 0, history: history, parameters: parameters, itemCount: Shop.itemCount)
        #expect(update.contains { $0 != 0 })
        let grid = try encoding.encode(update)
        return [
          update.flatMap { Self.bytes($0.bitPattern) },
          grid.flatMap { Self.bytes(UInt32(bitPattern: $0)) },
        ]
      }
    }

    private static func bytes(_ word: UInt32) -> [UInt8] {
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> $0) }
    }

    @Test(
      "a stopped coordinator's memory holds no update, before and after CHARGE and the unmasking",
      arguments: ["secagg", "secagg-ddp"],
      ["charge-before-write", "charge-after-head", "release-before-write"])
    func memory(mode: String, failpoint: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: Self.customers, minimumCohort: 8, mode: mode))
      let server = try await shop.serve(environment: ["TACIT_FAILPOINT": failpoint])
      let clients = try shop.simulate()
      try await server.prints("failpoint \(failpoint)\n")
      let memory = try ProcessMemory(of: server.identifier)
      // What the process certainly holds is found: the scan sees its heap.
      #expect(memory.contains(Array("item 3 of colour 3".utf8)))
      let policy = try PrivacyPolicy(decoding: Array(text(of: shop.file("policy.json")).utf8))
      let bits = try #require(try FederationIdentity.fractionBits(of: policy).first)
      for (index, update) in try Self.updates(fractionBits: bits).enumerated() {
        #expect(!memory.contains(update), "customer \(index / 2), form \(index % 2)")
      }
      try await clients.killNow()
      try await server.killNow()
    }
  }
}

/// The writable memory of another process, read once while it is stopped.
struct ProcessMemory {
  private let regions: [[UInt8]]
  private let find: Find

  init(of process: pid_t) throws {
    // The overlay of the C library lacks it, and a loop of ours takes minutes in debug.
    guard let library = dlopen(nil, RTLD_NOW), let symbol = dlsym(library, "memmem") else {
      throw TimedOut(description: "memmem is not in the C library")
    }
    find = unsafeBitCast(symbol, to: Find.self)
    let file = open("/proc/\(process)/mem", O_RDONLY)
    guard file >= 0 else { throw TimedOut(description: "memory cannot be read: errno \(errno)") }
    defer { close(file) }
    var regions: [[UInt8]] = []
    for line in text(of: "/proc/\(process)/maps").split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 2, fields[1].hasPrefix("rw") else { continue }
      let bounds = fields[0].split(separator: "-").compactMap { Int($0, radix: 16) }
      guard bounds.count == 2 else { continue }
      var region = [UInt8](repeating: 0, count: bounds[1] - bounds[0])
      var filled = 0
      while filled < region.count {
        let count = region.withUnsafeMutableBytes {
          pread(file, $0.baseAddress.map { $0 + filled }, $0.count - filled, bounds[0] + filled)
        }
        // Guard pages and the like cannot be read, and hold nothing.
        guard count > 0 else { break }
        filled += count
      }
      regions.append(Array(region.prefix(filled)))
    }
    self.regions = regions
  }

  private typealias Find =
    @convention(c) (UnsafeRawPointer, Int, UnsafeRawPointer, Int) -> UnsafeMutableRawPointer?

  func contains(_ needle: [UInt8]) -> Bool {
    regions.contains { region in find(region, region.count, needle, needle.count) != nil }
  }
}
