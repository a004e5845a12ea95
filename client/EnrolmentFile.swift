internal import CanonicalJSON
internal import Cryptography
internal import Federation
internal import Operations

/// A device's enrolment as a file. It holds no secret: the key is in its own file.
enum EnrolmentFile {
  private static let format: Int64 = 1

  static func write(_ enrolment: Enrolment, to path: String) throws {
    let json = JSONValue.object([
      "format": .integer(format),
      "client_id": .integer(Int64(enrolment.clientID)),
      "host": .string(enrolment.host),
      "port": .integer(Int64(enrolment.port)),
      "server_key_pin": .string(HexCoding.encode(enrolment.serverKeyPin)),
      "coordinator_key": .string(HexCoding.encode(enrolment.coordinatorKey.bytes)),
      "ledger_id": .string(HexCoding.encode(enrolment.ledgerID)),
      "enrolment_key": .string(HexCoding.encode(enrolment.enrolmentKey.bytes)),
      "credential": .string(HexCoding.encode(enrolment.credential)),
      "policy": .string(String(decoding: enrolment.policyBytes, as: UTF8.self)),
    ])
    try DurableFile.write(Array((json.prettyText + "\n").utf8), to: path)
  }

  /// - Returns: nil when the device is not enrolled.
  /// - Throws: `CommandFailure` (exit 5) when the file is damaged.
  static func read(_ path: String) throws -> Enrolment? {
    guard let bytes = try DurableFile.read(path, limit: 1 << 18) else { return nil }
    do {
      let json = try JSONValue.parse(bytes)
      guard json["format"]?.integerValue == format,
        let id = json["client_id"]?.integerValue.flatMap(UInt32.init(exactly:)),
        let host = json["host"]?.stringValue,
        let port = json["port"]?.integerValue.flatMap(UInt16.init(exactly:)),
        let policy = json["policy"]?.stringValue
      else { throw FederationError.unexpectedMessage("a field is missing or of another kind") }
      func hex(_ key: String) throws -> [UInt8] {
        try HexCoding.decode(json[key]?.stringValue ?? "")
      }
      return Enrolment(
        clientID: id, host: host, port: port, serverKeyPin: try hex("server_key_pin"),
        coordinatorKey: try VerifyingKey(bytes: try hex("coordinator_key")),
        ledgerID: try hex("ledger_id"),
        enrolmentKey: try VerifyingKey(bytes: try hex("enrolment_key")),
        credential: try hex("credential"), policyBytes: Array(policy.utf8))
    } catch {
      throw CommandFailure(
        what: "\(path) cannot be read", why: "\(error)",
        next: "restore it, or enrol again with a new token", exit: .invalidConfiguration)
    }
  }
}
