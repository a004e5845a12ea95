internal import ArgumentParser
internal import Operations

@main
struct ClientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client",
    abstract:
      "A customer's side of Tacit: keeps behaviour on the device, joins rounds with consent.",
    discussion: """
      Example, one customer:

        client enrol --home me TOKEN
        client data import --home me purchases.csv
        client consent give --home me
        client run --home me

      Behaviour rows never leave the device. TACIT_OPT_OUT=1 contributes nothing.
      """,
    version: ProductVersion.current,
    subcommands: [
      EnrolCommand.self, RunCommand.self, SimulateCommand.self, ConsentCommand.self,
      DataCommand.self, ReceiptsCommand.self, RecommendCommand.self, WhyCommand.self,
      FeedbackCommand.self, ProfileCommand.self, ServeCommand.self,
    ])

  static func main() async {
    await CommandRunner.run(Self.self)
  }
}
