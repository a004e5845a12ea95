internal import Cryptography

/// Recovers secrets from revealed shares, some of which may be wrong.
///
/// What an owner published decides: its commitment to the seed, or its mask key. The first t shares
/// are tried, and where they do not fit, wrong shares are located by decoding the Reed-Solomon code
/// that Shamir's sharing is; up to half of the shares beyond t may be wrong.
struct ShareDecoder {
  enum Secret {
    case seed, maskKey
  }

  private struct Held {
    let holder: Int
    let point: UInt8
    let share: [UInt8]
  }

  private(set) var inconsistencies: [InconsistentShares] = []
  private let roster: MaskingRoster
  private let seedCommitments: [[UInt8]?]
  private let threshold: Int
  /// By owner.
  private var shares: [[Held]]
  private var coefficients: [[UInt8]: [UInt8]] = [:]
  /// Holders with a share that did not fit: theirs are used last.
  private var doubted: Set<Int> = []

  init(roster: MaskingRoster, seedCommitments: [[UInt8]?], revealed: [RevealedShares?]) {
    self.roster = roster
    self.seedCommitments = seedCommitments
    threshold = roster.parameters.shamirThreshold
    shares = [[Held]](repeating: [], count: roster.adverts.count)
    for (holder, message) in revealed.enumerated() {
      for share in message?.shares ?? [] {
        guard let owner = roster.position(of: share.ownerID),
          let index = roster.graph.index(of: holder, amongNeighboursOf: owner)
        else { continue }
        shares[owner].append(
          Held(holder: holder, point: UInt8(index + 1), share: share.share))
      }
    }
  }

  /// Writes a secret of `owner` to `row`.
  /// - Throws: `MaskingAbort.maskNotRecoverable`, or `CryptographyError`.
  mutating func recover(
    _ secret: Secret, of owner: Int, to row: Int, of keys: inout SecretTable
  ) throws {
    let held =
      shares[owner].filter { !doubted.contains($0.holder) }
      + shares[owner].filter { doubted.contains($0.holder) }
    guard held.count >= threshold else { throw MaskingAbort.maskNotRecoverable }
    combine(held.prefix(threshold), to: row, of: &keys)
    if try fits(secret, of: owner, row: row, of: &keys) { return }
    // One byte of the secrets usually shows all wrong shares; what fits decides.
    var wrong: Set<UInt8> = []
    for byte in 0..<ShamirSharing.secretByteCount {
      let found = ReedSolomon.wrongPoints(
        points: held.map(\.point), values: held.map { $0.share[byte] }, threshold: threshold)
      guard !found.isSubset(of: wrong) else { continue }
      wrong.formUnion(found)
      let right = held.filter { !wrong.contains($0.point) }
      guard right.count >= threshold else { break }
      combine(right.prefix(threshold), to: row, of: &keys)
      if try fits(secret, of: owner, row: row, of: &keys) {
        let holders = held.filter { wrong.contains($0.point) }.map(\.holder)
        doubted.formUnion(holders)
        inconsistencies.append(
          InconsistentShares(
            ownerID: roster.adverts[owner].clientID,
            holderIDs: holders.map { roster.adverts[$0].clientID }))
        return
      }
    }
    throw MaskingAbort.maskNotRecoverable
  }

  private mutating func combine(
    _ held: some Sequence<Held>, to row: Int, of keys: inout SecretTable
  ) {
    let held = Array(held)
    let points = held.map(\.point)
    let factors = coefficients[points] ?? ShamirSharing.coefficients(points: points)
    coefficients[points] = factors
    ShamirSharing.combine(held.map(\.share), coefficients: factors, to: row, of: &keys)
  }

  /// Whether the secret in `row` is the one that its owner published the image of.
  private func fits(
    _ secret: Secret, of owner: Int, row: Int, of keys: inout SecretTable
  ) throws(CryptographyError) -> Bool {
    let advert = roster.adverts[owner]
    switch secret {
    case .seed:
      let prefix = MaskingTranscript.seedCommitment(
        context: roster.context, clientID: advert.clientID)
      return keys.hash256(prefix: prefix, row: row) == seedCommitments[owner]
    case .maskKey:
      return try keys.agreementPublicKey(row: row) == advert.maskKey
    }
  }
}

/// Locates errors in values of a polynomial over GF(2^8).
enum ReedSolomon {
  /// The points whose values do not lie on the polynomial of degree below `threshold` that most
  /// others lie on; empty if there is none.
  ///
  /// Berlekamp and Welch: with e errors there are E monic of degree e and Q of degree below
  /// `threshold + e` with Q(x) = y E(x) at every point, and the roots of E are the wrong points.
  /// e is tried downwards from its largest value, where a solution exists whenever one exists at
  /// all; E then has all wrong points among its roots.
  /// - Complexity: O(points³) for each byte that is looked at. The values are known to the caller
  ///   and not secret from it.
  static func wrongPoints(points: [UInt8], values: [UInt8], threshold: Int) -> Set<UInt8> {
    let largest = (points.count - threshold) / 2
    guard largest >= 1 else { return [] }
    let unknownCount = threshold + 2 * largest
    // Unknowns: coefficients of Q, then those of E without its leading one.
    let rows = zip(points, values).map { point, value in
      var row = [UInt8](repeating: 0, count: unknownCount + 1)
      var power: UInt8 = 1
      for index in 0..<threshold + largest {
        row[index] = power
        if index < largest { row[threshold + largest + index] = PublicField.multiply(value, power) }
        if index == largest { row[unknownCount] = PublicField.multiply(value, power) }
        power = PublicField.multiply(power, point)
      }
      return row
    }
    guard let solution = solve(rows, unknownCount: unknownCount) else { return [] }
    let numerator = Array(solution.prefix(threshold + largest))
    let locator = solution.suffix(largest) + [1]
    // The quotient Q / E is the polynomial; what does not lie on it is wrong.
    guard let polynomial = divide(numerator, by: Array(locator)) else { return [] }
    return Set(
      zip(points, values).filter { evaluate(polynomial, at: $0) != $1 }.map { $0.0 })
  }

  /// One solution of a linear system, free unknowns zero; nil if there is none.
  private static func solve(_ system: [[UInt8]], unknownCount: Int) -> [UInt8]? {
    var rows = system
    var pivots: [Int] = []
    for column in 0..<unknownCount {
      let top = pivots.count
      guard let pivot = (top..<rows.count).first(where: { rows[$0][column] != 0 }) else { continue }
      rows.swapAt(top, pivot)
      let inverse = PublicField.inverse(rows[top][column])
      for index in column...unknownCount {
        rows[top][index] = PublicField.multiply(rows[top][index], inverse)
      }
      for other in rows.indices where other != top && rows[other][column] != 0 {
        let factor = rows[other][column]
        for index in column...unknownCount {
          rows[other][index] ^= PublicField.multiply(factor, rows[top][index])
        }
      }
      pivots.append(column)
      if pivots.count == rows.count { break }
    }
    guard rows[pivots.count...].allSatisfy({ $0[unknownCount] == 0 }) else { return nil }
    var solution = [UInt8](repeating: 0, count: unknownCount)
    for (row, column) in pivots.enumerated() { solution[column] = rows[row][unknownCount] }
    return solution
  }

  /// The quotient of two polynomials, lowest coefficient first, if the division leaves nothing.
  private static func divide(_ numerator: [UInt8], by monic: [UInt8]) -> [UInt8]? {
    guard numerator.count >= monic.count else { return numerator.allSatisfy { $0 == 0 } ? [] : nil }
    var rest = numerator
    var quotient = [UInt8](repeating: 0, count: numerator.count - monic.count + 1)
    for index in quotient.indices.reversed() {
      let factor = rest[index + monic.count - 1]
      quotient[index] = factor
      for (offset, coefficient) in monic.enumerated() {
        rest[index + offset] ^= PublicField.multiply(factor, coefficient)
      }
    }
    return rest.allSatisfy { $0 == 0 } ? quotient : nil
  }

  private static func evaluate(_ polynomial: [UInt8], at point: UInt8) -> UInt8 {
    polynomial.reversed().reduce(0) { PublicField.multiply($0, point) ^ $1 }
  }
}
