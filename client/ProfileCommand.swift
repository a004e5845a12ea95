internal import ArgumentParser
internal import BehaviorStore
internal import CanonicalJSON
internal import Operations
internal import Recommendation

struct ProfileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Shows what this device thinks you like; deletes interests; limits exploration.",
    discussion: """
      Examples:

        client profile show --home me
        client profile delete --home me lunch-bag
        client profile budget --home me --slots-per-day 0

      Interests are computed from your log when they are asked for, and never leave the device.
      """,
    subcommands: [
      ShowProfile.self, DeleteInterest.self, RestoreInterest.self, BudgetCommand.self,
    ])
}

extension ProfileCommand {
  struct ShowProfile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Shows your interests, how sure they are, and their drift.",
      discussion: "Example:\n\n  client profile show --home me")

    @OptionGroup var location: HomeOption

    @Option(help: "Directory of the public blobs, if it is not beside --home.")
    var blobs: String?

    @Flag(help: "Show categories of which nothing is known, too.")
    var all = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let profile = try location.withService(blobs: blobs) { try $0.profile() }
      print(json ? SlateDocument.json(profile).prettyText : text(profile))
    }

    private func text(_ profile: ServedProfile) -> String {
      var lines: [String] = []
      for (standing, heading) in [
        (Interest.Standing.known, "You like"), (.exploring, "Being explored"),
      ] {
        let interests = profile.interests.filter { $0.standing == standing }
        guard !interests.isEmpty else { continue }
        lines.append(heading)
        lines += interests.map { "  \($0.tag): \($0.sentence)" }
      }
      let untried = profile.interests.filter { $0.standing == .untried }
      if lines.isEmpty { lines.append("Nothing is known about you on this device.") }
      if all {
        lines.append("Untried")
        lines += untried.map { "  \($0.tag): \($0.sentence)" }
      } else if !untried.isEmpty {
        lines.append("Untried: \(untried.count) categories; --all names them")
      }
      for interest in profile.forgotten {
        lines.append(
          interest.isRevived
            ? "Deleted, and back since you took such an item again: \(interest.tag)"
            : "Deleted: \(interest.tag); client profile restore takes that back")
      }
      lines.append(
        "Exploration: \(profile.budget.usedSlots) of \(profile.budget.slotsPerDay) positions used "
          + "today; client profile budget changes that")
      if let part = profile.experiment { lines.append(part.sentence) }
      return lines.map { PlainText.line($0) }.joined(separator: "\n")
    }
  }

  struct DeleteInterest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete", abstract: "Deletes an interest, until you take such an item again.",
      discussion: """
        Example:

          client profile delete --home me lunch-bag

        What is known of its items up to now counts no more, for recommendations and for
        contributions, and they are not shown unless you ask for the category. Your purchases stay in
        the log; client data erase removes everything.
        """)

    @OptionGroup var location: HomeOption

    @Argument(help: "The interest's tag, as client profile show prints it.")
    var tag: String

    @Option(help: "Directory of the public blobs, if it is not beside --home.")
    var blobs: String?

    func run() async throws {
      try location.withService(blobs: blobs) { try $0.forget(tag) }
      print(
        """
        deleted: \(tag), until you click, cart or buy such an item again
        Contributions already sent cannot be recalled.
        """)
    }
  }

  struct RestoreInterest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "restore", abstract: "Takes the deletion of an interest back.",
      discussion: "Example:\n\n  client profile restore --home me lunch-bag")

    @OptionGroup var location: HomeOption

    @Argument(help: "The interest's tag.")
    var tag: String

    @Option(help: "Directory of the public blobs, if it is not beside --home.")
    var blobs: String?

    func run() async throws {
      try location.withService(blobs: blobs) { try $0.restore(tag) }
      print("restored: \(tag)")
    }
  }

  struct BudgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "budget", abstract: "Limits how many positions a day may explore; 0: none.",
      discussion: "Example:\n\n  client profile budget --home me --slots-per-day 0")

    @OptionGroup var location: HomeOption

    @Option(help: "A number of positions from 0, or default.")
    var slotsPerDay: String?

    func run() async throws {
      let slots = try slotsPerDay.map(parsed)
      let budget = try location.withStore(sealed: false) { store in
        if let slots { try store.setExplorationBudget(slotsPerDay: slots) }
        return try store.explorationBudget(default: CustomerService.defaultSlotsPerDay)
      }
      print("at most \(budget.slotsPerDay) positions a day explore")
    }

    /// - Returns: nil for the default.
    private func parsed(_ text: String) throws -> Int? {
      if text == "default" { return nil }
      guard let slots = Int(text), (0...1_000_000).contains(slots) else {
        throw CommandFailure(
          what: "--slots-per-day is \"\(text)\"", why: "it must be from 0 to 1000000, or default",
          next: "choose a number, such as 0", exit: .usage)
      }
      return slots
    }
  }
}
