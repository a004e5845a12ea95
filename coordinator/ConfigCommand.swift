internal import ArgumentParser
internal import CanonicalJSON
internal import Operations

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Shows every setting with its origin, or checks them.",
    discussion: "Example:\n\n  coordinator config show --dir shop",
    subcommands: [ShowConfigCommand.self, CheckConfigCommand.self])

  private static func read(_ location: DirectoryOption) throws -> CoordinatorConfiguration {
    try CoordinatorConfiguration(
      file: try location.existing().configuration, environment: ProcessEnvironment.all)
  }
}

extension ConfigCommand {
  struct ShowConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Prints each setting, its value and where that comes from.",
      discussion: "Example:\n\n  coordinator config show --dir shop --json")

    @OptionGroup var location: DirectoryOption

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let settings = try ConfigCommand.read(location).settings
      if json {
        let fields = settings.map { setting in
          (
            setting.name,
            JSONValue.object([
              "value": .string(setting.value), "origin": .string(setting.origin.rawValue),
            ])
          )
        }
        print(JSONValue.object(Dictionary(uniqueKeysWithValues: fields)).prettyText)
        return
      }
      for setting in settings {
        let name = setting.name + String(repeating: " ", count: max(1, 20 - setting.name.count))
        let value = setting.value.isEmpty ? "(as listen)" : setting.value
        print("\(name) \(value)  [\(setting.origin.rawValue)]  \(setting.meaning)")
      }
    }
  }

  struct CheckConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Checks config.json and the environment.",
      discussion: "Example:\n\n  coordinator config check --dir shop")

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      _ = try ConfigCommand.read(location)
      _ = try location.directory.readPolicy()
      print("the configuration and the policy are valid")
    }
  }
}
