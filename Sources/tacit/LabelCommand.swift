internal import ArgumentParser
internal import CanonicalJSON
internal import Ledger
internal import Operations

struct LabelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: "Prints a federation's privacy facts, recomputed from its ledger.",
    discussion: """
      Example:

        tacit label shop
        tacit label shop --format html > privacy.html
        tacit label shop --format yaml        a record of the OpenDP deployments registry

      Exits as tacit audit ledger does: a label of a wrong ledger says so.
      """)

  /// The forms of a label.
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case text, json, yaml, html
  }

  @OptionGroup var source: LedgerSource

  @Option(help: "text, json, yaml or html.")
  var format = Form.text

  func run() async throws {
    let label = try Label(source.evidence())
    switch format {
    case .text: print(label.text)
    case .json: print(label.json.prettyText)
    case .yaml: print(label.yaml, terminator: "")
    case .html: print(label.html, terminator: "")
    }
    let code = label.report.verdict.exitCode
    guard code == 0 else { throw ExitCode(code) }
  }
}
