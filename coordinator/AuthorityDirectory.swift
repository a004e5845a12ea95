internal import CanonicalJSON
internal import Cryptography
internal import Glibc
internal import Ledger
internal import Operations
internal import WireProtocol

/// The enrolment authority's files: its key, and what it has issued to each federation. In a
/// coordinator's own directory, or on a machine of its own.
struct AuthorityDirectory: Sendable {
  let path: String

  var key: String { path + "/authority.key" }
  var publicKey: String { path + "/authority.pub" }
  private var record: String { path + "/issued.json" }
  private var lock: String { path + "/lock" }

  /// Tokens issued together; their numbers follow each other.
  struct Batch: Equatable, Sendable {
    let first: ClientID
    let count: Int
    let expiresAtSeconds: Int64

    var last: ClientID { first + ClientID(count - 1) }
  }

  /// What one federation was given.
  private struct Issued {
    var batches: [Batch] = []
    var epoch: UInt32 = 0
    var revoked: [ClientID] = []

    var next: ClientID { (batches.last?.last ?? 0) + 1 }
  }

  var isHere: Bool {
    get throws { try DurableFile.read(publicKey, limit: 1 << 12) != nil }
  }

  /// Makes the key pair in a directory that does not have one.
  func create() throws {
    try DurableFile.makeDirectory(path)
    let signingKey = try SigningKey()
    try KeyFile.create(signingKey, at: key)
    try Self.write(signingKey.verifyingKey, to: publicKey)
  }

  static func write(_ key: VerifyingKey, to path: String) throws {
    try DurableFile.write(Array("\(key)\n".utf8), to: path, mode: 0o644)
  }

  /// - Throws: `CommandFailure` (exit 5) when the file is not there or holds no key.
  static func readPublicKey(_ path: String) throws -> VerifyingKey {
    guard let bytes = try DurableFile.read(path, limit: 1 << 12) else {
      throw CommandFailure(
        what: "there is no authority key \(path)", why: "the file does not exist",
        next: "make one with: coordinator authority init --dir DIR", exit: .invalidConfiguration)
    }
    do {
      let text = String(decoding: bytes, as: UTF8.self)
      return try VerifyingKey(hex: String(text.prefix { $0 != "\n" }))
    } catch {
      throw CommandFailure(
        what: "\(path) is not an authority key", why: "\(error)",
        next: "use the file authority.pub that coordinator authority init made",
        exit: .invalidConfiguration)
    }
  }

  // MARK: - Issuing

  /// What was issued to `ledgerID`, or nil where there is no authority here.
  func batches(of ledgerID: LedgerID) throws -> [Batch]? {
    guard try isHere else { return nil }
    return try read()[ledgerID.hex]?.batches ?? []
  }

  /// Issues tokens with numbers that no other token of the federation has. The numbers are taken,
  /// durably, before a token exists.
  func issue(
    _ count: Int, at address: CoordinatorAddress, expiresAtSeconds: Int64
  ) throws -> [EnrolmentToken] {
    let signingKey = try KeyFile.load(at: key)
    let batch = try update(of: address.ledgerID) { issued throws in
      guard UInt64(issued.next) + UInt64(count) < UInt64(ClientID.max) else {
        throw CommandFailure(
          what: "no more tokens can be issued", why: "the numbers of this federation are used up",
          next: "make a new federation: coordinator init", exit: .failure)
      }
      let batch = Batch(first: issued.next, count: count, expiresAtSeconds: expiresAtSeconds)
      issued.batches.append(batch)
      return batch
    }
    return try (batch.first...batch.last).map { id in
      try EnrolmentToken(
        for: id, at: address, expiresAtSeconds: UInt64(expiresAtSeconds), authority: signingKey)
    }
  }

  /// Revokes numbers and signs the list of all that are revoked.
  ///
  /// - Throws: `CommandFailure` (exit 5) for a number that was never issued, or too many.
  func revoke(_ ids: [ClientID], of ledgerID: [UInt8]) throws -> RevocationList {
    let signingKey = try KeyFile.load(at: key)
    let issued = try update(of: ledgerID) { issued throws in
      if let unknown = ids.first(where: { $0 == 0 || $0 >= issued.next }) {
        throw CommandFailure(
          what: "there is no member \(unknown)", why: "no token of that number was issued",
          next: "see: coordinator roster list", exit: .invalidConfiguration)
      }
      let revoked = Set(issued.revoked).union(ids)
      guard revoked.count <= RevocationList.maximumCount else {
        throw CommandFailure(
          what: "too many members are revoked",
          why: "one list holds \(RevocationList.maximumCount) numbers",
          next: "make a new federation: coordinator init", exit: .failure)
      }
      issued.revoked = revoked.sorted()
      issued.epoch += 1
      return issued
    }
    return try RevocationList(
      epoch: issued.epoch, revoked: Set(issued.revoked), ledgerID: ledgerID,
      authority: signingKey)
  }

  // MARK: - The record

  private func update<Result>(
    of ledgerID: [UInt8], _ change: (inout Issued) throws -> Result
  ) throws -> Result {
    let handle = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard handle >= 0, flock(handle, LOCK_EX) == 0 else {
      throw CommandFailure(
        what: "\(lock) cannot be locked", why: String(cString: strerror(errno)),
        next: "check that the directory may be written", exit: .failure)
    }
    defer { close(handle) }
    var record = try read()
    let key = HexCoding.encode(ledgerID)
    let result = try change(&record[key, default: Issued()])
    try DurableFile.write(Array((Self.json(record).prettyText + "\n").utf8), to: self.record)
    return result
  }

  private static func json(_ record: [String: Issued]) -> JSONValue {
    .object([
      "format": .integer(1),
      "ledgers": .object(
        record.mapValues { issued in
          .object([
            "batches": .array(
              issued.batches.map { batch in
                .object([
                  "first": .integer(Int64(batch.first)), "count": .integer(Int64(batch.count)),
                  "expires_at_seconds": .integer(batch.expiresAtSeconds),
                ])
              }),
            "epoch": .integer(Int64(issued.epoch)),
            "revoked": .array(issued.revoked.map { .integer(Int64($0)) }),
          ])
        }),
    ])
  }

  private func read() throws -> [String: Issued] {
    guard let bytes = try DurableFile.read(record, limit: 1 << 24) else { return [:] }
    do {
      let json = try JSONValue.parse(bytes)
      guard json["format"]?.integerValue == 1, case .object(let ledgers)? = json["ledgers"] else {
        throw WireError.unknownValue(field: "format of issued.json", value: 0)
      }
      return try ledgers.mapValues(Self.issued)
    } catch {
      throw CommandFailure(
        what: "\(record) cannot be read", why: "\(error)",
        next: "restore it from a backup: without it a number could be given twice",
        exit: .invalidConfiguration)
    }
  }

  private static func issued(_ json: JSONValue) throws -> Issued {
    guard case .array(let batches)? = json["batches"], case .array(let revoked)? = json["revoked"],
      let epoch = json["epoch"]?.integerValue.flatMap(UInt32.init(exactly:))
    else { throw WireError.unknownValue(field: "a federation in issued.json", value: 0) }
    func number(_ json: JSONValue?) throws -> ClientID {
      guard let value = json?.integerValue.flatMap(ClientID.init(exactly:)), value > 0 else {
        throw WireError.unknownValue(field: "a number in issued.json", value: 0)
      }
      return value
    }
    return Issued(
      batches: try batches.map { batch in
        Batch(
          first: try number(batch["first"]), count: Int(try number(batch["count"])),
          expiresAtSeconds: batch["expires_at_seconds"]?.integerValue ?? 0)
      }, epoch: epoch, revoked: try revoked.map { try number($0) })
  }
}
