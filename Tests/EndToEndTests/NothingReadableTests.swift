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
      let memory = try SearchedBytes.memory(of: server.identifier)
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

    @Test("the search finds an update that a process computes and holds as a client does")
    func control() throws {
      let updates = try Self.updates(fractionBits: 20)
      // Held in other words, so that what is looked for does not plant itself.
      let disguised = updates.map { $0.map { $0 ^ 0xA5 } }
      let memory = try withExtendedLifetime(updates) { try SearchedBytes.memory(of: getpid()) }
      for update in disguised { #expect(memory.contains(update.map { $0 ^ 0xA5 })) }
      var absent = disguised[0].map { $0 ^ 0xA5 }
      absent[absent.count / 2] ^= 1
      #expect(!memory.contains(absent))
    }

    @Test("a relay between devices and coordinator reads no update", arguments: ["secagg-ddp"])
    func relay(mode: String) async throws {
      let shop = try await Shop(Shop.Terms(customers: Self.customers, minimumCohort: 8, mode: mode))
      // The tokens name the relay's port.
      let upstream = try freePort()
      let relay = try RecordingRelay(port: shop.port, to: upstream)
      let server = try await shop.serve(
        environment: ["TACIT_LISTEN": "127.0.0.1:\(upstream)"], waits: false)
      try await server.prints("listen   127.0.0.1:\(upstream)")
      let clients = try shop.simulate()
      #expect(try await server.exitCode() == 0, "\(server.errors)")
      #expect(try await clients.exitCode() == 0, "\(clients.errors)")
      let policy = try PrivacyPolicy(decoding: Array(text(of: shop.file("policy.json")).utf8))
      let bits = try #require(try FederationIdentity.fractionBits(of: policy).first)
      let updates = try Self.updates(fractionBits: bits)
      let seen = SearchedBytes(regions: relay.streams)
      #expect(seen.regions.count >= 2 * Self.customers)
      for (index, update) in updates.enumerated() {
        #expect(!seen.contains(update), "customer \(index / 2), form \(index % 2)")
      }
      // Nor what every frame of the catalogue holds.
      #expect(!seen.contains(Array("item 3 of colour 3".utf8)))
      // The control: an update that goes through in the clear is found.
      let listener = try LoopbackListener(port: upstream)
      let descriptor = try RecordingRelay.connected(to: shop.port)
      _ = updates[0].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      try await eventually("the relay has seen the bytes") {
        SearchedBytes(regions: relay.streams).contains(updates[0])
      }
      close(descriptor)
      _ = consume listener
    }
  }
}

/// Bytes to look for others in.
struct SearchedBytes {
  let regions: [[UInt8]]

  func contains(_ needle: [UInt8]) -> Bool {
    guard let find = Self.find else {
      Issue.record("memmem is not in the C library")
      return true
    }
    return regions.contains { find($0, $0.count, needle, needle.count) != nil }
  }

  private typealias Find =
    @convention(c) (UnsafeRawPointer, Int, UnsafeRawPointer, Int) -> UnsafeMutableRawPointer?

  /// The overlay of the C library lacks it, and a loop of ours takes minutes in debug.
  private static var find: Find? {
    dlopen(nil, RTLD_NOW).flatMap { dlsym($0, "memmem") }.map { unsafeBitCast($0, to: Find.self) }
  }

  /// The writable memory of another process, read once while it is stopped.
  static func memory(of process: pid_t) throws -> SearchedBytes {
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
    return SearchedBytes(regions: regions)
  }
}
