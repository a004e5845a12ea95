internal import ArgumentParser
internal import BehaviorStore
internal import Glibc
internal import Operations

struct FeedbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feedback",
    abstract:
      "Tells this device what came of a recommended item; no event leaves the device; of the slates of an experiment that you agreed to, capped counts do.",
    discussion: """
      Example:

        client feedback --home me 12 85123A clicked
      """)

  @OptionGroup var location: HomeOption

  @Argument(help: "The slate's number, as client recommend --explore printed it.")
  var slate: Int64

  @Argument(help: "The item's code.")
  var item: String

  @Argument(help: "clicked, bought or dismissed.")
  var outcome: String

  func run() async throws {
    let outcome = try Arguments.outcome(outcome)
    try location.withStore { store in
      try store.recordOutcome(outcome, item: item, slate: slate, atSeconds: Int64(time(nil)))
    }
    print("noted on this device: \(item) of slate \(slate) was \(outcome.rawValue)")
  }
}
