internal import ArgumentParser
internal import CanonicalJSON
internal import Datasets
internal import Operations
internal import Recommendation

struct DataCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Lists, fetches, imports and splits data sets.",
    discussion: "Example:\n\n  tacit data split --users 500 --out customers",
    subcommands: [ListData.self, FetchData.self, ImportData.self, SplitData.self])
}

extension DataCommand {
  struct ListData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Shows the data sets and how to get at them.",
      discussion: "Example:\n\n  tacit data list")

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let entries: [DatasetLibrary.Entry]
      do {
        entries = try DatasetLibrary.user().entries()
      } catch {
        throw TacitFailure.explain(error)
      }
      if json {
        let rows = entries.map { entry in
          JSONValue.object(["name": .string(entry.name), "state": .string("\(entry.state)")])
        }
        print(JSONValue.object(["datasets": .array(rows)]).prettyText)
        return
      }
      for entry in entries { print("\(entry.name)\t\(entry.state)") }
    }
  }

  struct FetchData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "fetch", abstract: "Fetches a data set with its checksum, through pip.",
      discussion: "Example:\n\n  tacit data fetch ml-100k")

    @Argument(help: "Name, as in: tacit data list.")
    var name: String

    func run() async throws {
      guard let source = DatasetSource.all.first(where: { $0.name == name }) else {
        let names = DatasetSource.all.map(\.name)
        throw CommandFailure(
          what: "there is no data set \(name) to fetch",
          why: "known are \(names.joined(separator: ", "))",
          next: NearestName.of(name, among: names).map { "did you mean \($0)?" }
            ?? "import a file of yours: tacit data import", exit: .usage)
      }
      StandardError.write(source.notice + "\n")
      do {
        let library = try DatasetLibrary.user()
        let fetched = try library.fetch(source) { StandardError.write($0 + "\n") }
        print(fetched ? "\(name) is ready" : "\(name) was here already")
      } catch {
        throw TacitFailure.explain(error)
      }
    }
  }

  struct ImportData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Imports a log: RecBole .inter, MovieLens, or CSV.",
      discussion: """
        Example:

          tacit data import ratings.dat --format movielens --name ml-1m
          tacit data import log.csv --columns customer=user,item=sku,time=ts --name shop
          tacit data import log.csv --columns customer=user,item=sku,kind=event \\
            --kinds addtocart=cart,transaction=purchase --name shop

        --columns says where what is known here stands in the file: customer, item, time, kind (view, click, \
        cart, purchase or rating), value, occasion (what belongs together: an invoice, a session) and \
        description (a text of the item; a category helps). Only customer and item are needed. Times are \
        YYYY-MM-DD, YYYY-MM-DD HH:MM:SS, YYYY-MM-DDTHH:MM:SSZ or seconds from 1970.

        A broken row is an error that names it, and nothing is kept.
        """)

    @Argument(help: "The file.")
    var file: String

    @Option(help: "Name for the data set.")
    var name: String

    @Option(help: "recbole, movielens or csv; guessed from the file's name by default.")
    var format: String?

    @Option(help: "For CSV: which column is what, such as customer=user,item=sku,time=ts.")
    var columns: String?

    @Option(
      help: "For CSV: the log's words for kinds, such as addtocart=cart,transaction=purchase.")
    var kinds: String?

    func run() async throws {
      do {
        let library = try DatasetLibrary.user()
        let format = try chosenFormat()
        try library.requireNew(name)
        let dataset = try DatasetImport.read(file, format: format, name: name)
        try library.store(dataset)
        if case .csv(let map) = format, map.time == nil {
          StandardError.write("no column holds the time: every event is dated 1970-01-01\n")
        }
        print(
          "imported \(name): \(Format.count(dataset.customers.count)) customers, "
            + "\(Format.count(dataset.catalogue.count)) items, "
            + "\(Format.count(dataset.events.count)) events")
      } catch {
        throw TacitFailure.explain(error)
      }
    }

    private func chosenFormat() throws -> ImportFormat {
      if let columns {
        do {
          var map = try ColumnMap(parsing: columns)
          if let kinds { try map.readKinds(kinds) }
          return .csv(map)
        } catch {
          throw CommandFailure(
            what: "the columns cannot be read", why: "\(error)",
            next: "write, for example, --columns customer=user,item=sku,time=ts", exit: .usage)
        }
      }
      guard kinds == nil else {
        throw CommandFailure(
          what: "--kinds cannot be used here",
          why: "no --columns say where a CSV file holds the kind",
          next: "name that column, such as --columns customer=user,item=sku,kind=event",
          exit: .usage)
      }
      switch format ?? guessedFormat {
      case "recbole": return .recbole
      case "movielens": return .movieLens
      case "csv":
        throw CommandFailure(
          what: "the columns of \(file) are not known",
          why: "CSV files have names of their own for \(ColumnMap.names.joined(separator: ", "))",
          next: "say which is which: --columns customer=user,item=sku,time=ts", exit: .usage)
      case let other:
        throw CommandFailure(
          what: "there is no format \(other)", why: "known are recbole, movielens and csv",
          next: "choose one of them", exit: .usage)
      }
    }

    private var guessedFormat: String {
      file.hasSuffix(".inter") ? "recbole" : file.hasSuffix(".csv") ? "csv" : "movielens"
    }
  }

  struct SplitData: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "split", abstract: "Writes a data set as devices hold it: one CSV a customer.",
      discussion: """
        Example:

          tacit data split --users 500 --out customers

        The retail logs are cut where their test periods begin (online-retail: 2011-10-01): later
        purchases stay out, for measuring.
        """)

    @Option(name: .customLong("data"), help: "The data set.")
    var name: String = OnlineRetail.name

    @Option(help: "How many customers; all by default.")
    var users: Int?

    @Option(help: "Directory to make.")
    var out: String

    @Flag(help: "Write the whole log instead of the part before the cut.")
    var whole = false

    func run() async throws {
      do {
        let dataset = try DatasetLibrary.user().load(name, shipped: .current())
        let summary = try CustomerSplit(
          dataset,
          period: whole
            ? .whole
            : RetailSplit.cuts(of: name).map { .before(seconds: $0.test) } ?? .whole,
          userLimit: users,
          attribution: name == OnlineRetail.name ? OnlineRetail.attribution : nil
        ).write(to: out)
        print(
          "wrote \(Format.count(summary.customers)) customers, \(Format.count(summary.events)) "
            + "events and \(Format.count(summary.items)) items to \(out)")
      } catch {
        throw TacitFailure.explain(error)
      }
    }
  }
}
