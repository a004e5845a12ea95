import CanonicalJSON
import Foundation
import Glibc
import Testing

extension EndToEnd {
  @Suite("A full disk", .enabled(if: SmallDisk.canBeMade, "needs the right to mount a tmpfs"))
  struct FullDiskTests {
    @Test("stops the coordinator with 75; with space again the federation goes on")
    func fullDiskIsTemporary() async throws {
      let disk = try SmallDisk()
      let shop = try await Shop(
        Shop.Terms(customers: 3, minimumCohort: 3), root: disk.path)
      try await shop.train()
      let spent = try await shop.epsilonSpent()

      let server = try await shop.serve(trainings: 2)
      try disk.fill()
      let customers = try shop.simulate(users: 3)
      #expect(try await server.exitCode() == 75, "\(server.errors)")
      #expect(server.errors.contains("free space and start again"), "\(server.errors)")
      customers.send(SIGKILL)
      _ = try await customers.exitCode()
      try disk.empty()
      #expect(try await shop.epsilonSpent() >= spent)

      let again = try await shop.serve(trainings: 2)
      let back = try shop.simulate()
      #expect(try await again.exitCode() == 0, "\(again.errors)")
      #expect(try await back.exitCode() == 0, "\(back.errors)")
      #expect(try shop.story().filter { $0.hasPrefix("release") }.count == 2)
      #expect(try await shop.audit().code == 0)
    }

    @Test("a rotation of the signing key that has no room asks for some, and is done with it")
    func rotationIsTemporary() async throws {
      let disk = try SmallDisk()
      let shop = try await Shop(Shop.Terms(customers: 2, minimumCohort: 2), root: disk.path)
      let rotate = ["key", "rotate", "--dir", shop.coordinator]
      try disk.fill()
      let refused = try await run("coordinator", rotate)
      #expect(refused.code == 75, "\(refused.errors)")
      #expect(refused.errors.contains("next:  make room and run it again"), "\(refused.errors)")
      #expect(!refused.errors.contains("backup"), "\(refused.errors)")
      try disk.empty()
      let done = try await run("coordinator", rotate)
      #expect(done.code == 0, "\(done.errors)")
      #expect(try shop.entries().count { $0["kind"]?.stringValue == "key" } == 1)
      let audit = try await shop.audit()
      #expect(audit.code == 0, "\(audit.output)")
    }
  }
}

/// A disk of four megabytes, mounted for one test.
final class SmallDisk: Sendable {
  private let directory: TemporaryDirectory

  static let canBeMade = (try? SmallDisk()) != nil

  init() throws {
    directory = try TemporaryDirectory()
    guard mount("none", directory.path, "tmpfs", 0, "size=4m") == 0 else {
      throw POSIXError(.EPERM)
    }
  }

  deinit { umount2(directory.path, Int32(MNT_DETACH)) }

  var path: String { directory.path }
  private var filler: String { directory.file("filler") }

  func fill() throws {
    let descriptor = open(filler, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    let block = [UInt8](repeating: 0, count: 4_096)
    while write(descriptor, block, block.count) == block.count {}
    guard errno == ENOSPC else { throw POSIXError(.EIO) }
  }

  func empty() throws { try FileManager.default.removeItem(atPath: filler) }
}
