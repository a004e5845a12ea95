internal import CanonicalJSON
internal import Cryptography
internal import Glibc
internal import Ledger
internal import LedgerStore
internal import Operations
internal import Transport
internal import WireProtocol

/// The public address of a federation as a file: what an enrolment authority on another machine
/// needs to issue its tokens.
enum FederationAddress {
  static func read(_ path: String) throws -> CoordinatorAddress {
    guard let bytes = try DurableFile.read(path, limit: 1 << 16) else {
      throw CommandFailure(
        what: "there is no address file \(path)", why: "the file does not exist",
        next: "make it: coordinator roster address --dir DIR --out \(path)",
        exit: .invalidConfiguration)
    }
    do {
      let json = try JSONValue.parse(bytes)
      func hex(_ key: String, count: Int) throws -> [UInt8] {
        let value = try HexCoding.decode(json[key]?.stringValue ?? "")
        guard value.count == count else {
          throw WireError.truncated(needed: count, available: value.count)
        }
        return value
      }
      guard let host = json["host"]?.stringValue, host.utf8.count <= 255,
        let port = json["port"]?.integerValue.flatMap(UInt16.init(exactly:))
      else { throw WireError.unknownValue(field: "host or port", value: 0) }
      return CoordinatorAddress(
        host: host, port: port, serverKeyPin: try hex("server_key_pin", count: 32),
        coordinatorKey: try hex("coordinator_key", count: 32),
        ledgerID: try hex("ledger_id", count: 16))
    } catch {
      throw CommandFailure(
        what: "\(path) is not an address file", why: "\(error)",
        next: "make it: coordinator roster address --dir DIR --out \(path)",
        exit: .invalidConfiguration)
    }
  }

  static func text(_ address: CoordinatorAddress) -> String {
    JSONValue.object([
      "host": .string(address.host), "port": .integer(Int64(address.port)),
      "server_key_pin": .string(HexCoding.encode(address.serverKeyPin)),
      "coordinator_key": .string(HexCoding.encode(address.coordinatorKey)),
      "ledger_id": .string(HexCoding.encode(address.ledgerID)),
    ]).prettyText + "\n"
  }

  /// That of the federation in `directory`, as its configuration advertises it.
  static func of(_ directory: CoordinatorDirectory) throws -> CoordinatorAddress {
    let configuration = try CoordinatorConfiguration(
      file: directory.configuration, environment: ProcessEnvironment.all)
    let advertised = try configuration.advertise()
    do {
      let state = try LedgerReader.state(inDirectory: directory.ledger)
      let tls = try TLSIdentity.load(
        certificatePath: directory.tlsCertificate, keyPath: directory.tlsKey,
        nowSeconds: Int64(time(nil)))
      return CoordinatorAddress(
        host: advertised.host, port: advertised.port, serverKeyPin: tls.spkiHash,
        coordinatorKey: state.coordinatorKey.bytes,
        ledgerID: state.genesis.ledgerID.bytes)
    } catch {
      throw CoordinatorFailure.explain(error)
    }
  }
}
