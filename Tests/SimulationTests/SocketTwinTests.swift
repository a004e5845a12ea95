import Glibc
import Recommendation
import Simulation
import Testing

/// The simulator against the sockets it stands for.
@Suite("In-process federation and sockets")
struct SocketTwinTests {
  @Test(
    "a run over TLS counts the same bytes and gives the same model for one seed",
    arguments: ["popularity", "gram"])
  func twin(model: String) async throws {
    let shop = try SmallShop(model: model, customers: 12)
    let simulated = try shop.train(seed: 7)
    var template = Array("/tmp/tacit-socket-twin-XXXXXX".utf8CString)
    let directory = String(cString: try #require(mkdtemp(&template)))
    defer {
      for name in ["tls.crt", "tls.key"] { unlink("\(directory)/\(name)") }
      rmdir(directory)
    }
    let overSockets = try await SocketFederation(shop: shop, directory: directory).train(seed: 7)
    #expect(overSockets.parameters.encoded() == simulated.parameters.encoded())
    #expect(overSockets.bytesUp == simulated.bytesUp)
    #expect(overSockets.bytesDown == simulated.bytesDown)
    #expect(try shop.train(seed: 8).parameters.encoded() != simulated.parameters.encoded())
  }
}
