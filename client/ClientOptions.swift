internal import ArgumentParser
internal import BehaviorStore
internal import Federation
internal import Operations

/// Where a customer's files are.
struct HomeOption: ParsableArguments {
  @Option(name: .customLong("home"), help: "The customer's directory.")
  var path: String

  var home: ClientHome { ClientHome(path: path) }

  /// - Throws: `CommandFailure` (exit 5) when the customer is not enrolled.
  func enrolment() throws -> Enrolment {
    guard let enrolment = try EnrolmentFile.read(home.enrolment) else {
      throw CommandFailure(
        what: "\(path) is not enrolled", why: "it holds no enrolment.json",
        next: "enrol with a token of the shop: client enrol --home \(path) TOKEN",
        exit: .invalidConfiguration)
    }
    return enrolment
  }

  /// Opens the customer's store, uses it and closes it.
  func withStore<Result>(_ body: (BehaviorStore) throws -> Result) throws -> Result {
    do {
      let store = try BehaviorStore.open(directory: home.store)
      defer {
        // What was written is durable already.
        try? store.close()
      }
      return try body(store)
    } catch {
      throw ClientFailure.explain(error)
    }
  }
}
