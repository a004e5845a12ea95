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
    abstract: "Admits customers: one-time tokens, the list of members, revocation.",
    discussion: "Example:\n\n  coordinator roster token --dir shop --count 10 --out tokens.txt",
    subcommands: [TokenCommand.self, ListCommand.self, RevokeCommand.self])
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

    @Option(help: "How many.")
    var count: Int = 1

    @Option(help: "Days until they expire.")
    var days: Int = 30

    @Option(help: "File to write, mode 0600, instead of stdout.")
    var out: String?

    func validate() throws {
      guard (1...1_000_000).contains(count) else {
        throw ValidationError("--count is from 1 to 1000000.")
      }
      guard (1...365).contains(days) else { throw ValidationError("--days is from 1 to 365.") }
    }

    func run() async throws {
      let directory = try location.existing()
      let configuration = try CoordinatorConfiguration(
        file: directory.configuration, environment: ProcessEnvironment.all)
      let address = try configuration.advertise()
      let now = Int64(time(nil))
      let expiry = now + Int64(days) * 86_400
      let tokens: [EnrolmentToken]
      do {
        let state = try LedgerReader.state(inDirectory: directory.ledger)
        let tls = try TLSIdentity.load(
          certificatePath: directory.tlsCertificate, keyPath: directory.tlsKey, nowSeconds: now)
        tokens = (0..<count).map { _ in
          EnrolmentToken(
            host: address.host, port: address.port, serverKeyPin: tls.spkiHash,
            coordinatorKey: state.genesis.coordinatorKey.bytes,
            ledgerID: state.genesis.ledgerID.bytes, expiresAtSeconds: UInt64(expiry),
            secret: SecureRandom.bytes(16))
        }
        try RosterStore(path: directory.roster).addTokens(
          secrets: tokens.map(\.secret), issuedAt: now, expiresAt: expiry)
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      let text = tokens.map(\.text).joined(separator: "\n") + "\n"
      if let out {
        try DurableFile.write(Array(text.utf8), to: out)
        StandardError.write("wrote \(count) token(s) to \(out), valid for \(days) days\n")
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
          ])
        }
        print(JSONValue.object(["members": .array(rows)]).prettyText)
        return
      }
      for member in members {
        let key = HexCoding.encode(Array(member.identityKey.prefix(8)))
        print("\(member.id)\t\(key)..\t\(member.isRevoked ? "revoked" : "member")")
      }
      StandardError.write("\(Format.count(members.count)) members\n")
    }
  }

  struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "revoke", abstract: "Refuses a member from its next login on.",
      discussion: "Example:\n\n  coordinator roster revoke 17 --dir shop")

    @Argument(help: "The member's number, as in: coordinator roster list.")
    var member: UInt32

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      let directory = try location.existing()
      let found: Bool
      do {
        found = try RosterStore(path: directory.roster).revoke(member)
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      guard found else {
        throw CommandFailure(
          what: "there is no member \(member)", why: "the roster has no such number",
          next: "see: coordinator roster list --dir \(directory.path)",
          exit: .invalidConfiguration)
      }
      print("revoked member \(member): refused from its next login on; released models stay")
    }
  }
}
