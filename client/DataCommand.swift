internal import ArgumentParser
internal import BehaviorStore
internal import Federation
internal import Operations
internal import Recommendation

struct DataCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Imports, shows, exports or erases the behaviour on this device.",
    discussion: """
      Example:

        client data import --home me purchases.csv

      None of these commands uses the network.
      """,
    subcommands: [
      ImportData.self, ShowData.self, ExportData.self, EraseData.self, RetentionCommand.self,
    ])
}

extension DataCommand {
  struct ImportData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Adds behaviour from a CSV or JSON lines file.",
      discussion: """
        Example:

          client data import --home me --dry-run purchases.csv
          client data import --home me purchases.csv

        A CSV file has the header kind,item,time,value,occasion; a JSON lines file has an object
        with these keys on each line, and what client data export wrote is one. A bad row imports
        nothing; --dry-run reports each by number, changes nothing and exits 5 if there is any.
        Importing a file twice changes nothing. Rows older than the retention are not kept.
        """)

    @OptionGroup var location: HomeOption

    @Argument(help: "The file.")
    var file: String

    @Option(help: "csv or jsonl; by default what the file's name suggests.")
    var format: String?

    @Flag(help: "Only read the file and report its bad rows.")
    var dryRun = false

    func run() async throws {
      let format = try chosenFormat()
      if dryRun { return try check(format) }
      let enrolment = try location.enrolment()
      let summary = try location.withStore { store in
        let retention = try DeviceRetention(in: store, policy: enrolment.policy())
        let summary = try store.importEvents(path: file, format: format)
        try retention.enforce(in: store)
        return summary
      }
      print("imported \(summary.inserted) events; \(summary.alreadyPresent) were there already")
    }

    private func chosenFormat() throws -> ImportFormat {
      guard let format else { return .guessed(fromName: file) }
      guard let chosen = ImportFormat(rawValue: format) else {
        throw CommandFailure(
          what: "--format is \"\(format)\"",
          why: "it must be \(ImportFormat.allCases.map(\.rawValue).joined(separator: " or "))",
          next: "see: client data import --help", exit: .usage)
      }
      return chosen
    }

    private func check(_ format: ImportFormat) throws {
      let check: ImportCheck
      do {
        check = try BehaviorStore.checkImport(path: file, format: format)
      } catch {
        throw ClientFailure.explain(error)
      }
      for row in check.listed { print("row \(row.row): \(row.reason)") }
      let unlisted = check.badRows - check.listed.count
      if unlisted > 0 { print("and \(Format.count(unlisted)) more bad rows") }
      print("\(Format.count(check.events)) good rows, \(Format.count(check.badRows)) bad ones")
      guard check.badRows == 0 else {
        throw CommandFailure(
          what: "\(file) would not be imported",
          why: "\(Format.count(check.badRows)) of its rows are bad",
          next: "correct them and try again", exit: .invalidConfiguration)
      }
      print("nothing was written: this was a dry run")
    }
  }

  struct ShowData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Counts the events and shows the latest.",
      discussion: "Example:\n\n  client data show --home me")

    @OptionGroup var location: HomeOption

    @Option(help: "How many of the latest events to print.")
    var latest: Int = 10

    func validate() throws {
      guard latest >= 0 else { throw ValidationError("--latest is at least 0.") }
    }

    func run() async throws {
      let (counts, events) = try location.withStore { store in
        (try store.eventCounts(), try store.latestEvents(limit: latest))
      }
      for (kind, count) in counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        print("\(kind.rawValue)  \(Format.count(count))")
      }
      if counts.isEmpty { print("no events") }
      for event in events {
        print("  \(CalendarTime.text(event.timeSeconds))  \(event.kind.rawValue)  \(event.item)")
      }
    }
  }
}
