internal import ArgumentParser
internal import Cryptography
internal import Federation
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import Privacy
internal import Transport
internal import WireProtocol

struct EnrolCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enrol",
    abstract: "Redeems a one-time token: makes a key and a store, and shows the policy.",
    discussion: """
      Example:

        client enrol --home me tacit1.AAk...

      The token names the coordinator and how to recognise it. Nothing about behaviour is sent;
      taking part needs a separate consent: client consent give.
      """)

  @OptionGroup var location: HomeOption

  @Argument(help: "The token, as the shop gave it.")
  var token: String

  @Option(help: "Refuse a token of any enrolment authority but this: its key in hexadecimal.")
  var authority: String?

  func run() async throws {
    let token = try EnrolmentTokens.parse(token, place: "the token")
    if let authority, authority != HexCoding.encode(token.enrolmentKey) {
      throw CommandFailure(
        what: "the token is another authority's",
        why: "it names \(HexCoding.encode(token.enrolmentKey))",
        next: "ask whoever gave it to you; nothing was sent", exit: .verificationFailed)
    }
    guard try EnrolmentFile.read(location.home.enrolment) == nil else {
      throw CommandFailure(
        what: "\(location.path) is enrolled already", why: "one home is one customer",
        next: "choose another --home", exit: .invalidConfiguration)
    }
    let thread = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let host = ClientHost(
      blobsPath: location.path + "/blobs", givesConsent: false,
      executor: thread.next().executor, report: { _ in })
    let enrolment: Enrolment
    do {
      enrolment = try await Self.enrol(location.home, token: token, host: host)
      try await host.closeStores()
    } catch {
      throw ClientFailure.explain(error)
    }
    try await thread.shutdownGracefully()
    try Self.show(enrolment, location.path)
  }

  /// Makes the customer's files where they are missing, connects once and stores the enrolment.
  private static func enrol(
    _ home: ClientHome, token: EnrolmentToken, host: ClientHost
  ) async throws -> Enrolment {
    try CustomerFiles.prepare(home)
    try await host.makeStore(home: home, importing: nil)
    let index = try await host.add(home: home, start: .enrol(token))
    try await TransportClient.withConnection(
      host: token.address.host, port: Int(token.address.port),
      serverKeyPin: token.address.serverKeyPin,
      limits: ConnectionLimits(maximumFrameBytes: FrameLimits.maximumFrameBytes)
    ) { connection in
      try await host.serve(index, over: connection, stay: .untilEnrolled)
    }
    guard let enrolment = await host.enrolment(of: index) else {
      throw FederationError.unexpectedMessage("the connection ended before enrolment")
    }
    return enrolment
  }

  private static func show(_ enrolment: Enrolment, _ path: String) throws {
    let policy = try enrolment.policy()
    print(
      """
      enrolled  client \(enrolment.clientID) of \(policy.federation), at \(enrolment.host):\
      \(enrolment.port)
      policy    \(enrolment.policyHash.hex)
                epsilon <= \(policy.epsilonLimit) at delta \(policy.delta) for all you ever send
      admits    \(enrolment.enrolmentKey)
                members are whom this key admits: compare it with what the authority publishes
      mode      \(PolicyText.modeSentence(of: policy))
      """)
    if let experiment = PolicyText.experimentSentence(of: policy) { print(experiment) }
    print("\nNothing is sent before you agree. Next: client consent give --home \(path)")
  }
}

/// Reads tokens as text.
enum EnrolmentTokens {
  static func parse(_ text: String, place: String) throws -> EnrolmentToken {
    do {
      return try EnrolmentToken(text: text)
    } catch {
      throw CommandFailure(
        what: "\(place) is not an enrolment token", why: "\(error)",
        next: "copy the whole line that starts with \(EnrolmentToken.prefix)",
        exit: .verificationFailed)
    }
  }

  /// One token a line.
  static func read(_ path: String) throws -> [EnrolmentToken] {
    guard let bytes = try DurableFile.read(path, limit: 1 << 28) else {
      throw CommandFailure(
        what: "there is no token file \(path)", why: "the file does not exist",
        next: "make it: coordinator roster token --count N --out \(path)",
        exit: .invalidConfiguration)
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return try lines.enumerated().map { number, line in
      try parse(String(line), place: "line \(number + 1) of \(path)")
    }
  }
}

/// A customer's key file.
enum CustomerFiles {
  /// Makes the directory and the identity key where they are missing.
  static func prepare(_ home: ClientHome) throws {
    try DurableFile.makeDirectory(home.path)
    guard try DurableFile.read(home.identityKey, limit: 1 << 12) == nil else { return }
    try KeyFile.create(try SigningKey(), at: home.identityKey)
  }
}
