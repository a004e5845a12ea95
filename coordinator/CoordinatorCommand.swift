internal import ArgumentParser
internal import Operations

@main
struct CoordinatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator",
    abstract: "Runs a Tacit federation: admits clients, runs rounds, keeps the privacy ledger.",
    discussion: """
      Example, a federation on this machine:

        coordinator init --dir shop --catalogue catalogue.csv --customers 3613 --epsilon 8
        coordinator roster token --dir shop --count 10 --out tokens.txt
        coordinator serve --dir shop

      In mode sealed the coordinator holds each update in memory, decrypted, while a round runs.
      """,
    version: ProductVersion.current,
    subcommands: [
      InitCommand.self, ServeCommand.self, StatusCommand.self, RosterCommand.self,
      AuthorityCommand.self, PolicyCommand.self, KeyCommand.self, ConfigCommand.self,
      DoctorCommand.self,
      BackupCommand.self, RestoreCommand.self,
    ])

  static func main() async {
    await CommandRunner.run(Self.self)
  }
}
