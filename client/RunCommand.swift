internal import ArgumentParser
internal import BehaviorStore
internal import Cryptography
internal import Federation
internal import NIOCore
internal import NIOPosix
internal import Operations
internal import Privacy
internal import WireProtocol

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Joins the rounds of the federation until training is over.",
    discussion: """
      Example:

        client run --home me

      Sends nothing without consent (exit 7). Connects again by itself when the network fails.
      """)

  @OptionGroup var location: HomeOption

  @Option(help: "Give up after so many seconds without a connection.")
  var patience: Int = 300

  func run() async throws {
    let enrolment = try location.enrolment()
    let status = try location.withStore { store in
      try DeviceRetention(in: store, policy: enrolment.policy()).enforce(in: store)
      return try store.consent(policyHash: enrolment.policyHash.hex)
    }
    guard status.allows else {
      throw CommandFailure(
        what: "nothing was sent", why: "there is no consent to this policy",
        next: "read the policy and agree: client consent give --home \(location.path)",
        exit: .consentMissing)
    }
    let thread = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let host = ClientHost(
      blobsPath: location.path + "/blobs", givesConsent: false,
      executor: thread.next().executor, report: { NoteText.print($0) })
    let outcome: CustomerOutcome
    do {
      try DurableFile.makeDirectory(location.home.blobs)
      let index = try await host.add(home: location.home, start: .login(enrolment))
      outcome = try await CustomerLoop(
        host: host, index: index, address: (enrolment.host, enrolment.port),
        serverKeyPin: enrolment.serverKeyPin, patience: .seconds(patience)
      ).run()
      try await host.closeStores()
    } catch {
      throw ClientFailure.explain(error)
    }
    try await thread.shutdownGracefully()
    if outcome == .finished(.budgetExhausted) {
      throw CommandFailure(
        what: "the federation's privacy budget is spent", why: "no further round will be offered",
        next: "go on with the model you have", exit: .budgetExhausted)
    }
    if outcome == .finished(.sumLost) {
      throw CommandFailure(
        what: "the federation trains no further under this ledger",
        why: "a charged round gave no sum, and the same update is not given twice in mode secagg",
        next: "go on with the model you have", exit: .budgetExhausted)
    }
    StandardError.write("training is over; the newest model is on this device\n")
  }
}

/// A client's notes in words.
enum NoteText {
  static func print(_ note: ClientNote) {
    let text =
      switch note {
      case .loggedIn: "logged in"
      case .declined(let round, let refusal): "round \(round): not joined: \(refusal)"
      case .contributed(let round): "round \(round): contributed"
      case .rejected(let round, let reason): "round \(round): the update was rejected: \(reason)"
      case .left(let round, let refusal): "round \(round): left, because a check failed: \(refusal)"
      case .closed(let round, let outcome): "round \(round): \(outcome)"
      }
    StandardError.write(text + "\n")
  }
}
