internal import ArgumentParser
internal import Cryptography
internal import Glibc
internal import Operations
internal import WireProtocol

/// The enrolment authority, on a machine that the coordinator's operator does not control.
struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority",
    abstract: "Keeps the key that admits customers apart from the coordinator.",
    discussion: """
      Example, the first, third and fifth line on the authority's own machine, which needs no network:

        coordinator authority init --dir authority
        coordinator init --dir shop --catalogue catalogue.csv --authority-key authority.pub
        coordinator authority token --dir authority --federation address.json --out tokens.txt
        coordinator roster apply revoked.list --dir shop
        coordinator authority revoke 17 --dir authority --federation address.json --out revoked.list

      The authority gives the tokens to customers itself: whoever has seen a token can enrol in that
      customer's place. A coordinator without the key admits nobody that other members accept.
      """,
    subcommands: [InitCommand.self, TokenCommand.self, RevokeCommand.self])
}

extension AuthorityCommand {
  struct DirectoryOption: ParsableArguments {
    @Option(name: .customLong("dir"), help: "The authority's directory.")
    var path: String

    func existing() throws -> AuthorityDirectory {
      let directory = AuthorityDirectory(path: path)
      guard try directory.isHere else {
        throw CommandFailure(
          what: "\(path) is not an authority's directory", why: "it holds no authority.pub",
          next: "make one with: coordinator authority init --dir \(path)",
          exit: .invalidConfiguration)
      }
      return directory
    }
  }

  struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "init", abstract: "Makes the key that admits customers.",
      discussion: "Example:\n\n  coordinator authority init --dir authority")

    @OptionGroup var location: DirectoryOption

    func run() async throws {
      let directory = AuthorityDirectory(path: location.path)
      do {
        try directory.create()
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      print(
        """
        made     \(directory.key): keep it off the coordinator's machine
        public   \(directory.publicKey), for: coordinator init --authority-key authority.pub
                 \(try AuthorityDirectory.readPublicKey(directory.publicKey))
        """)
    }
  }

  struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "token", abstract: "Issues one-time enrolment tokens, one a line.",
      discussion: """
        Example:

          coordinator roster address --dir shop --out address.json      (on the coordinator)
          coordinator authority token --dir authority --federation address.json --count 500 \
        --out tokens.txt
        """)

    @OptionGroup var location: DirectoryOption
    @Option(help: "The federation's address file.") var federation: String
    @OptionGroup var tokens: TokenOptions

    func run() async throws {
      let authority = try location.existing()
      try tokens.issue(by: authority, at: try FederationAddress.read(federation))
    }
  }

  struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "revoke", abstract: "Takes admissions back: signs the list of revoked members.",
      discussion: """
        Example:

          coordinator authority revoke 17 --dir authority --federation address.json \
        --out revoked.list
          coordinator roster apply revoked.list --dir shop              (on the coordinator)
        """)

    @Argument(help: "Numbers of members or of unused tokens.")
    var members: [UInt32]
    @OptionGroup var location: DirectoryOption
    @Option(help: "The federation's address file.") var federation: String
    @Option(help: "File to write the signed list to.") var out: String

    func run() async throws {
      let authority = try location.existing()
      let address = try FederationAddress.read(federation)
      let list: RevocationList
      do {
        list = try authority.revoke(members, of: address.ledgerID)
      } catch {
        throw CoordinatorFailure.explain(error)
      }
      try DurableFile.write(Array((Base64URL.encode(list.bytes) + "\n").utf8), to: out)
      print("list \(list.epoch): \(Format.count(list.revoked.count)) revoked, in \(out)")
    }
  }
}

/// How many tokens, and until when.
struct TokenOptions: ParsableArguments {
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

  func issue(by authority: AuthorityDirectory, at address: CoordinatorAddress) throws {
    let tokens: [EnrolmentToken]
    do {
      tokens = try authority.issue(
        count, at: address, expiresAtSeconds: Int64(time(nil)) + Int64(days) * 86_400)
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
