internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Glibc
internal import Operations

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serves this device's recommendations to its own apps, on loopback only.",
    discussion: """
      Example:

        client serve --home me

      Prints the address of a page with your list, its reasons and your controls; the part after #
      is this session's token. Apps send it as Authorization: Bearer TOKEN; --openapi prints what
      they may ask. Other computers are refused: whoever sees your list learns about you.
      """)

  @OptionGroup var location: OptionalHome

  @Option(help: "Address on this machine: 127.0.0.1:PORT or [::1]:PORT; port 0 takes a free one.")
  var listen: String = "127.0.0.1:8755"

  @Option(help: "Directory of the public blobs, if it is not beside --home.")
  var blobs: String?

  @Flag(name: .customLong("openapi"), help: "Print the API as OpenAPI and end.")
  var openAPI = false

  struct OptionalHome: ParsableArguments {
    @Option(name: .customLong("home"), help: "The customer's directory.")
    var path: String?
  }

  func validate() throws {
    guard openAPI || location.path != nil else {
      throw ValidationError("Give the customer's directory: --home DIR.")
    }
  }

  func run() async throws {
    if openAPI {
      print(OpenAPIDocument.json.prettyText)
      return
    }
    let address = try LoopbackAddress(listen)
    var home = HomeOption()
    home.path = location.path ?? ""
    let api: DeviceAPI
    do {
      api = try DeviceAPI(home, blobs: blobs)
    } catch {
      throw ClientFailure.explain(error)
    }
    let token = HexCoding.encode(SecureRandom.bytes(16))
    let signals = SignalWatch()
    let server = try await LoopbackServer.start(api, on: address, token: token)
    print("http://\(server.authority)/#\(token)")
    fflush(nil)
    StandardError.write("serving on \(server.authority), to this machine only; Ctrl-C ends it\n")
    var ending: Int32 = 0
    for await signal in signals.signals {
      ending = signal
      break
    }
    try await server.stop()
    if ending == SignalWatch.interrupt { throw ExitCode(ExitStatus.interrupted.rawValue) }
  }
}

/// An address that only this machine reaches.
struct LoopbackAddress {
  let host: String
  let port: Int

  /// - Throws: `CommandFailure` (exit 2) for any other address: ruling 3.
  init(_ text: String) throws {
    func refused(_ why: String) -> CommandFailure {
      CommandFailure(
        what: "--listen is \"\(text)\"", why: why, next: "write 127.0.0.1:8755 or [::1]:8755",
        exit: .usage)
    }
    guard let colon = text.lastIndex(of: ":"),
      let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
    else { throw refused("it is not an address with a port") }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    if host == "localhost" { host = "127.0.0.1" }
    // Numbers only: a name may be made to point elsewhere.
    guard Self.isLoopback(host) else {
      throw refused(
        "only this machine may be served: whoever sees the list learns about the customer")
    }
    self.host = host
    self.port = port
  }

  private static func isLoopback(_ host: String) -> Bool {
    var four = in_addr()
    if inet_pton(AF_INET, host, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
    return host == "::1"
  }
}
