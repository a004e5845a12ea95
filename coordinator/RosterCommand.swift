internal import ArgumentParser
internal import CanonicalJSON
internal import Cryptography
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Transport
internal import WireProtocol

struct RosterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "roster",
    abstract: "Admits customers: one-time tokens, the list of members, revocation, exclusion.",
    discussion: "Example:\n\n  coordinator roster token --dir shop --count 10 --out tokens.txt",
    subcommands: [
      TokenCommand.self, ListCommand.self, RevokeCommand.self, ReadmitCommand.self,
      AddressCommand.self, ApplyCommand.self,
    ])
}

extension RosterCommand {
  struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "token",
      abstract: "Makes one-time enrolment tokens, one a line.",
      discussion: """
        Example:

          coordinator roster token --dir shop --count 3613 --out tokens.txt

        A token carries the coordinator's address, its key pins and an expiry. Give each to one
        customer, out of band: whoever redeems it first is that customer.
        """)

    @OptionGroup var location: DirectoryOption
    @OptionGroup var tokens: TokenOptions

    func run() async throws {
      let directory = try location.existing()
      guard try directory.authority.isHere else {
        throw CommandFailure(
          what: "this coordinator cannot issue tokens",
          why: "its enrolment authority is kept apart",
          next: "coordinator roster address --dir \(directory.path) --out address.json, and on the "
            + "authority's machine: coordinator authority token", exit: .invalidConfiguration)
      }
      try tokens.issue(by: directory.authority, at: try FederationAddress.of(directory))
    }
  }

  struct AddressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "address",
      abstract: "Writes the public address file that an authority kept apart needs.",
      discussion: "Example:\n\n  coordinator roster address --dir shop --out address.json")

    @OptionGroup var location: DirectoryOption
    @Option(help: "File to write, instead of stdout.") var out: String?

    func run() async throws {
      let text = FederationAddress.text(try FederationAddress.of(try location.existing()))
      if let out {
        try DurableFile.write(Array(text.utf8), to: out, mode: 0o644)
      } else {
        print(text, terminator: "")
      }
    }
  }

  struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Lists the members.",
      discussion: "Example:\n\n  coordinator roster list --dir shop --json")

    @OptionGroup var location: DirectoryOption

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let directory = try location.existing()
      let members: [RosterStore.Listing]
      do {
        members = try RosterStore(path: directory.roster).members()
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      if json {
        let rows: [JSONValue] = members.map { member in
          .object([
            "id": .integer(Int64(member.id)),
            "identity_key": .string(HexCoding.encode(member.identityKey)),
            "enrolled_at_seconds": .integer(member.enrolledAtSeconds),
            "revoked": .bool(member.isRevoked),
            "excluded": .bool(member.isExcluded),
          ])
        }
        print(JSONValue.object(["members": .array(rows)]).prettyText)
        return
      }
      for member in members {
        let key = HexCoding.encode(Array(member.identityKey.prefix(8)))
        let standing =
          member.isRevoked
          ? "revoked" : member.isExcluded ? "excluded: it made a charged round fail" : "member"
        print("\(member.id)\t\(key)..\t\(standing)")
      }
      StandardError.write("\(Format.count(members.count)) members\n")
    }
  }

  struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "revoke", abstract: "Refuses a member from its next login on.",
      discussion: """
        Example:

          coordinator roster revoke 17 --dir shop

        With the enrolment authority here, every member is shown a signed list and takes part in no
        round with a revoked one. Where it is kept apart, this coordinator refuses the member, and
        the others learn it from a list of the authority: coordinator authority revoke.
        """)

    @Argument(help: "The member's number, as in: coordinator roster list.")
    var member: UInt32

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      let directory = try location.existing()
      do {
        let roster = try RosterStore(path: directory.roster)
        if try directory.authority.isHere {
          let state = try LedgerReader.state(inDirectory: directory.ledger)
          try roster.keep(
            try directory.authority.revoke([member], of: state.genesis.ledgerID.bytes))
        } else {
          guard try roster.member(member) != nil else { throw RosterCommand.unknown(member) }
          try roster.revoke([member])
        }
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      print("revoked member \(member): refused from its next login on; released models stay")
    }
  }

  struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "apply",
      abstract: "Takes over a list of revoked members that an authority kept apart has signed.",
      discussion: "Example:\n\n  coordinator roster apply revoked.list --dir shop")

    @Argument(help: "The file that coordinator authority revoke wrote.")
    var file: String

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      let directory = try location.existing()
      do {
        let roster = try RosterStore(path: directory.roster)
        let list = try read(for: directory)
        let before = try roster.revocations()
        if !before.isEmpty {
          let kept = try RevocationList(bytes: before)
          guard list.epoch > kept.epoch || list == kept else {
            throw CommandFailure(
              what: "\(file) is list \(list.epoch), and list \(kept.epoch) was applied before",
              why: "devices refuse an older list than they have seen",
              next: "ask the authority for its newest list", exit: .verificationFailed)
          }
        }
        try roster.keep(list)
        print("list \(list.epoch): \(Format.count(list.revoked.count)) members refused from now on")
      } catch {
        throw CoordinatorFailure.explain(error)
      }
    }

    private func read(for directory: CoordinatorDirectory) throws -> RevocationList {
      let state = try LedgerReader.state(inDirectory: directory.ledger)
      let authority = try AuthorityDirectory.readPublicKey(directory.enrolmentKey)
      guard let bytes = try DurableFile.read(file, limit: 1 << 20) else {
        throw CommandFailure(
          what: "there is no file \(file)", why: "the file does not exist", next: "check the path",
          exit: .invalidConfiguration)
      }
      let text = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
      // Text that cannot be read is as bad as a list of another authority.
      guard let raw = try? Base64URL.decode(String(text)),
        let list = try? RevocationList(bytes: raw),
        list.isSigned(by: authority, for: state.genesis.ledgerID.bytes)
      else {
        throw CommandFailure(
          what: "\(file) is not a list of this federation's authority",
          why: "it cannot be read, or its signature is another's",
          next: "make it with: coordinator authority revoke", exit: .verificationFailed)
      }
      return list
    }
  }

  struct ReadmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "readmit",
      abstract: "Offers rounds again to a member that made a charged round fail.",
      discussion: """
        Example:

          coordinator roster readmit 17 --dir shop

        It takes effect at the member's next login.
        """)

    @Argument(help: "The member's number, as in: coordinator roster list.")
    var member: UInt32

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      let directory = try location.existing()
      do {
        let roster = try RosterStore(path: directory.roster)
        guard try roster.setExcluded([member], false) == 1 else {
          throw RosterCommand.unknown(member)
        }
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      print("member \(member) is offered rounds again from its next login on")
    }
  }

  private static func unknown(_ member: UInt32) -> CommandFailure {
    CommandFailure(
      what: "there is no member \(member)", why: "the roster has no such number",
      next: "see: coordinator roster list", exit: .invalidConfiguration)
  }
}
