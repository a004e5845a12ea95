internal import ArgumentParser
internal import Operations

@main
struct TacitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tacit",
    abstract: "Demonstrates, audits and compares private federated recommendation.",
    discussion: """
      Example:

        tacit demo --out demo-out
        tacit audit ledger demo-out/coordinator
        tacit compare --data online-retail --epsilon inf,8,2 --seeds 3
      """,
    version: ProductVersion.current,
    subcommands: [
      DemoCommand.self,
      AuditCommand.self,
      AttackCommand.self,
      CompareCommand.self,
      EvaluateCommand.self,
      AccountCommand.self,
      DataCommand.self,
      LabelCommand.self,
    ])

  static func main() async {
    await CommandRunner.run(Self.self)
  }
}
