internal import ArgumentParser
internal import BehaviorStore
internal import Operations

struct DataCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Imports, shows, exports or erases the behaviour on this device.",
    discussion: "Example:\n\n  client data import --home me purchases.csv",
    subcommands: [ImportData.self, ShowData.self, ExportData.self, EraseData.self])
}

extension DataCommand {
  struct ImportData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Adds behaviour from a CSV file.",
      discussion: """
        Example:

          client data import --home me purchases.csv

        The header is kind,item,time,value,occasion; a bad row imports nothing. Importing a file
        twice changes nothing.
        """)

    @OptionGroup var location: HomeOption

    @Argument(help: "The CSV file.")
    var file: String

    func run() async throws {
      _ = try location.enrolment()
      let summary = try location.withStore { store in try store.importCSV(path: file) }
      print("imported \(summary.inserted) events; \(summary.alreadyPresent) were there already")
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
      for event in events { print("  \(event.kind.rawValue)  \(event.item)") }
    }
  }

  struct ExportData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export", abstract: "Writes everything on this device as JSON lines.",
      discussion: "Example:\n\n  client data export --home me > everything.jsonl")

    @OptionGroup var location: HomeOption

    func run() async throws {
      try location.withStore { store in try store.exportJSONLines { print($0) } }
    }
  }

  struct EraseData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "erase", abstract: "Erases the behaviour on this device.",
      discussion: """
        Example:

          client data erase --home me --yes

        Released models stay; what they tell about you is bounded by epsilon.
        """)

    @OptionGroup var location: HomeOption

    @Flag(help: "Really erase.")
    var yes = false

    func run() async throws {
      guard yes else {
        throw CommandFailure(
          what: "nothing was erased", why: "erasing cannot be undone", next: "add --yes",
          exit: .usage)
      }
      try location.withStore { store in try store.erase(.behavior) }
      print(
        "erased the behaviour on this device; released models stay, bounded by epsilon; the record "
          + "of what was contributed stays too, so that the budget is not spent twice")
    }
  }
}
