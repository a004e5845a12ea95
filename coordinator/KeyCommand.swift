internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Privacy

struct KeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Shows or replaces the key that signs the ledger's checkpoints.",
    discussion: "Example:\n\n  coordinator key show --dir shop",
    subcommands: [ShowKeyCommand.self, RotateKeyCommand.self])
}

extension KeyCommand {
  struct ShowKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Prints the public key in force, and those it replaced.",
      discussion: "Example:\n\n  coordinator key show --dir shop --json")

    @OptionGroup var location: DirectoryOption

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let keys: CheckpointKeys
      do {
        keys = try LedgerReader.state(inDirectory: try location.existing().ledger).keys
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      let all = [(entry: 0, key: keys.first)] + keys.changes.map { ($0.entry, $0.record.nextKey) }
      if json {
        print(
          JSONValue.object([
            "key": .string(keys.current.description),
            "keys": .array(
              all.map { entry, key in
                .object(["entry": .integer(Int64(entry)), "key": .string(key.description)])
              }),
          ]).prettyText)
        return
      }
      for (entry, key) in all.dropLast() { print("replaced  \(key)  of entry \(entry)") }
      for (entry, key) in all.suffix(1) { print("in force  \(key)  of entry \(entry)") }
    }
  }

  struct RotateKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rotate",
      abstract:
        "Replaces the signing key: a KEY entry, a checkpoint by both keys, then only the new one.",
      discussion: """
        Example:

          coordinator key rotate --dir shop

        The coordinator must be stopped. Devices that know the old key follow at their next login, by
        a proof, and take nothing more that the old key signs. The old key is wiped. The TLS key and
        the enrolment authority's key stay; see docs/ledger.md for what a rotation does not cover.
        """)

    @OptionGroup var location: DirectoryOption

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let directory = try location.existing()
      let failpoint = Failpoint(environment: ProcessEnvironment.all)
      do {
        let keys = try directory.signingKeys(isReplaced: true)
        let (ledger, recovery) = try LedgerWriter.open(
          on: try LocalDisk(directory: directory.ledger), keys: keys,
          reach: { failpoint.reach($0) })
        if recovery.promotedKey == nil {
          _ = try ledger.rotateKey(keys, reach: { failpoint.reach($0) })
        }
        guard let change = ledger.state.keys.changes.last else { return }
        show(change, ledger.state, finishes: recovery.promotedKey != nil)
      } catch {
        throw CoordinatorFailure.explain(error)
      }
    }

    private func show(_ change: CheckpointKeys.Change, _ state: LedgerState, finishes: Bool) {
      if json {
        print(
          JSONValue.object([
            "entry": .integer(Int64(change.entry)),
            "previous_key": .string(change.record.previousKey.description),
            "key": .string(change.record.nextKey.description),
            "finished_earlier_rotation": .bool(finishes),
          ]).prettyText)
        return
      }
      print(
        """
        \(finishes ? "finished a rotation that was cut short\n" : "")\
        replaced  \(change.record.previousKey)
        in force  \(change.record.nextKey)
        entry \(change.entry): signed over by both keys; the old key file is wiped
        epsilon \(Format.decimal(state.epsilonSpent, places: 4)) of \
        \(state.policy.epsilonLimit) is spent, and stays spent
        Devices follow at their next login. Publish the new key where you published the old one. An
        enrolment authority that is kept apart wants the new address: coordinator roster address
        """)
    }
  }
}
