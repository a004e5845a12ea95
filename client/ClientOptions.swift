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
  ///
  /// - Parameter sealed: false for what needs no key: consent, receipts and settings.
  func withStore<Result>(
    sealed: Bool = true, _ body: (BehaviorStore) throws -> Result
  ) throws -> Result {
    do {
      // Where there is no store, that is what is to be said, not that there is no key to it.
      let needsKey = sealed && BehaviorStore.exists(in: home.store)
      let store = try BehaviorStore.open(
        directory: home.store, key: needsKey ? home.storeKey() : nil)
      defer {
        // What was written is durable already.
        try? store.close()
      }
      return try body(store)
    } catch {
      throw ClientFailure.explain(error)
    }
  }

  /// Opens the customer's store with the model of this device, uses both and closes it.
  func withService<Result>(
    blobs: String?, _ body: (CustomerService) throws -> Result
  ) throws -> Result {
    let enrolment = try enrolment()
    return try withStore { store in
      let model = try ServedModel(home: path, enrolment: enrolment, store: store, blobs: blobs)
      return try body(CustomerService(model: model, store: store, enrolment: enrolment))
    }
  }
}
