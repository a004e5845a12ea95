internal import ArgumentParser
internal import BehaviorStore
internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations
internal import Privacy
internal import Recommendation

extension DataCommand {
  struct ExportData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export", abstract: "Writes everything on this device as JSON lines.",
      discussion: """
        Example:

          client data export --home me > everything.jsonl

        Events and slates come decrypted and readable: keep the file as safe as the device. The
        identity key is not in it. --every-customer is for a home of client simulate.
        """)

    @OptionGroup var location: HomeOption

    @Flag(help: "Export every simulated customer of this home, one after the other.")
    var everyCustomer = false

    func run() async throws {
      guard everyCustomer else { return try Self.export(location) }
      let customers = location.path + "/customers"
      for name in try DirectoryListing.names(in: customers) {
        var customer = location
        customer.path = "\(customers)/\(name)"
        try Self.export(customer)
      }
    }

    private static func export(_ location: HomeOption) throws {
      let home = location.home
      let enrolment = try EnrolmentFile.read(home.enrolment)
      let erased = try Receipts.read(home.receipts)
      guard BehaviorStore.exists(in: home.store) || enrolment != nil || !erased.isEmpty else {
        throw CommandFailure(
          what: "nothing was exported", why: "\(location.path) holds nothing of a customer",
          next: "check --home", exit: .invalidConfiguration)
      }
      if let enrolment { print(line("enrolment", enrolment.exported)) }
      for receipts in erased { print(line("erasedDevice", receipts.json)) }
      guard BehaviorStore.exists(in: home.store) else { return }
      try location.withStore { store in try store.exportJSONLines { print($0) } }
    }

    private static func line(_ table: String, _ value: JSONValue) -> String {
      var fields = value.objectValue ?? [:]
      fields["table"] = .string(table)
      return String(decoding: JSONValue.object(fields).canonicalBytes, as: UTF8.self)
    }
  }

  struct EraseData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "erase", abstract: "Erases this customer from this device.",
      discussion: """
        Example:

          client data erase --home me --yes

        Behaviour, slates, models, keys and the enrolment go. The record of what was contributed,
        which names no item, stays in receipts.json unless --receipts is given. Released models
        stay; what they tell about you is bounded by epsilon.
        """)

    @OptionGroup var location: HomeOption

    @Flag(help: "Really erase.")
    var yes = false

    @Flag(help: "Erase the record of contributions too.")
    var receipts = false

    func run() async throws {
      guard yes else {
        throw CommandFailure(
          what: "nothing was erased", why: "erasing cannot be undone", next: "add --yes",
          exit: .usage)
      }
      let erased: (receipts: Erasure.ReceiptsOutcome, enrolment: Enrolment?)
      do {
        erased = try Erasure(home: location.home, keepsReceipts: !receipts).run()
      } catch {
        throw ClientFailure.explain(error)
      }
      print("erased: events, slates, models, the identity key and the enrolment")
      switch erased.receipts {
      case .kept(let count, let putAside):
        print("kept: the record of \(count) contribution(s), in \(location.home.receipts)")
        if putAside {
          print(
            "put aside: what was there and cannot be read, in \(location.home.unreadableReceipts)")
        }
      case .removed: print("erased too: the record of contributions")
      case .unreadable:
        print("not kept: the record of contributions, since the store was damaged")
      }
      print(
        """
        What cannot be undone:
          models already released stay; what they tell about you is bounded by epsilon
          snapshots, backups and copies by the drive itself are out of reach, but what they hold of
          your behaviour is encrypted under the key that is gone
          this device can come back only as a new one, with a new token
        """)
      if let enrolment = erased.enrolment {
        print(
          "To leave the shop's roster too, ask the shop to revoke client \(enrolment.clientID)")
      }
    }
  }

  struct RetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retention", abstract: "Shows or sets how long behaviour is kept.",
      discussion: """
        Example:

          client data retention show --home me
          client data retention set --home me --days 90

        Events and slates that are older are removed by client data import and client run.
        """,
      subcommands: [ShowRetention.self, SetRetention.self], defaultSubcommand: ShowRetention.self)
  }

  struct ShowRetention: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Shows how long behaviour is kept.",
      discussion: "Example:\n\n  client data retention show --home me")

    @OptionGroup var location: HomeOption

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let policy = try location.enrolment().policy()
      let retention = try location.withStore(sealed: false) { store in
        try DeviceRetention(in: store, policy: policy)
      }
      if json {
        print(
          JSONValue.object([
            "days": .integer(Int64(retention.days)),
            "policy_days": .integer(Int64(retention.policyDays)),
            "own_days": retention.ownDays.map { .integer(Int64($0)) } ?? .null,
            "today": retention.todaySeconds.map { .string(CalendarTime.text($0)) } ?? .null,
          ]).prettyText)
        return
      }
      print(
        "behaviour is kept for \(retention.days) days (policy: \(retention.policyDays), your own: "
          + "\(retention.ownDays.map { "\($0)" } ?? "none"))")
      if let today = retention.todaySeconds {
        print("counted from \(CalendarTime.text(today)), as this device replays a log of the past")
      }
    }
  }

  struct SetRetention: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set", abstract: "Sets how long behaviour is kept.",
      discussion: """
        Example:

          client data retention set --home me --days 90
          client data retention set --home me --days policy
          client data retention set --home me --today "2011-10-01 00:00:00"

        --days is at most the policy's: more is not needed for what you agreed to. --today is for
        trying a log of the past: the moment that counts as now; --today clock ends that.
        """)

    @OptionGroup var location: HomeOption

    @Option(help: "A number of days, or policy.")
    var days: String?

    @Option(help: "A moment as YYYY-MM-DD HH:MM:SS that is not in the future, or clock.")
    var today: String?

    func validate() throws {
      guard days != nil || today != nil else { throw ValidationError("Give --days or --today.") }
    }

    func run() async throws {
      let policy = try location.enrolment().policy()
      let newDays = try days.map { try parsedDays($0, limit: policy.retentionDays) }
      let newToday = try today.map(parsedToday)
      try location.withStore { store in
        if let newDays { try DeviceRetention.setDays(newDays, in: store) }
        if let newToday { try DeviceRetention.setToday(newToday, in: store) }
        let retention = try DeviceRetention(in: store, policy: policy)
        try retention.enforce(in: store)
        print("behaviour is kept for \(retention.days) days")
      }
    }

    /// - Returns: nil for the policy's own.
    private func parsedDays(_ text: String, limit: Int) throws -> Int? {
      if text == "policy" { return nil }
      guard let days = Int(text), (1...limit).contains(days) else {
        throw CommandFailure(
          what: "--days is \"\(text)\"",
          why:
            "it must be from 1 to the policy's \(limit): more is not needed for what you agreed to",
          next: "choose fewer, or policy", exit: .invalidConfiguration)
      }
      return days
    }

    /// - Returns: nil for the clock.
    private func parsedToday(_ text: String) throws -> Int64? {
      if text == "clock" { return nil }
      guard let seconds = CalendarTime.seconds(text),
        seconds <= DeviceRetention.now.localSeconds
      else {
        throw CommandFailure(
          what: "--today is \"\(text)\"",
          why: "it must be clock, or a moment as YYYY-MM-DD HH:MM:SS that is not in the future",
          next: "correct it", exit: .invalidConfiguration)
      }
      return seconds
    }
  }
}

extension Enrolment {
  /// What an export says about the enrolment. It is public but for the customer's number.
  fileprivate var exported: JSONValue {
    .object([
      "client_id": .integer(Int64(clientID)), "host": .string(host), "port": .integer(Int64(port)),
      "ledger_id": .string(ledgerHex), "policy_hash": .string(policyHash.hex),
      "policy": .string(String(decoding: policyBytes, as: UTF8.self)),
    ])
  }
}
