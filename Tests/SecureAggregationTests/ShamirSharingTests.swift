import Cryptography
import Testing
import VectorMath

@testable import SecureAggregation

@Suite("Shamir sharing")
struct ShamirSharingTests {
  /// Shares of `secret` at points 1...count, and the secret's bytes.
  static func shares(
    of secret: [UInt8], threshold: Int, count: Int
  ) throws -> [[UInt8]] {
    var polynomial = try SecretTable(rowCount: threshold)
    polynomial.withMutableRow(0) { row in
      for index in secret.indices { row[index] = secret[index] }
    }
    ShamirSharing.drawPolynomial(in: &polynomial, first: 0, threshold: threshold)
    var table = try SecretTable(rowCount: 1)
    var shares: [[UInt8]] = []
    for point in 1...count {
      ShamirSharing.evaluate(
        polynomial, first: 0, threshold: threshold, at: UInt8(point), to: 0, of: &table)
      shares.append(bytes(of: 0, in: table))
    }
    return shares
  }

  static func bytes(of row: Int, in table: borrowing SecretTable) -> [UInt8] {
    table.withRow(row) { bytes in bytes.indices.map { bytes[$0] } }
  }

  static func combine(_ shares: [[UInt8]], points: [UInt8]) throws -> [UInt8] {
    var table = try SecretTable(rowCount: 1)
    ShamirSharing.combine(
      shares, coefficients: ShamirSharing.coefficients(points: points), to: 0, of: &table)
    return bytes(of: 0, in: table)
  }

  @Test("the field is the one of FIPS 197, and every element but zero has an inverse")
  func field() {
    // FIPS 197 s.4.2: {57} x {83} = {c1}, {57} x {13} = {fe}.
    #expect(PublicField.multiply(0x57, 0x83) == 0xc1)
    #expect(PublicField.multiply(0x57, 0x13) == 0xfe)
    for element in UInt8(1)...255 {
      #expect(PublicField.multiply(element, PublicField.inverse(element)) == 1)
    }
  }

  @Test("the vector product equals the product of single elements, for all pairs")
  func vectorProduct() {
    var isEqual = true
    for factor in UInt8.min...255 {
      for start in stride(from: 0, to: 256, by: 32) {
        let elements = (start..<start + 32).map { UInt8($0) }
        let product = FieldVector(loading: elements.span).multiplied(by: factor)
        var bytes = [UInt8](repeating: 0, count: 32)
        var span = bytes.mutableSpan
        product.store(to: &span)
        isEqual = isEqual && bytes == elements.map { PublicField.multiply($0, factor) }
      }
    }
    #expect(isEqual)
  }

  @Test("every set of t shares gives the secret, for all sets of small sharings")
  func everySubset() throws {
    let secret = SecureRandom.bytes(32)
    let shares = try Self.shares(of: secret, threshold: 3, count: 7)
    for subset in 0..<(1 << 7) where subset.nonzeroBitCount >= 3 {
      let held = (0..<7).filter { subset >> $0 & 1 == 1 }
      let recovered = try Self.combine(
        held.map { shares[$0] }, points: held.map { UInt8($0 + 1) })
      #expect(recovered == secret)
    }
  }

  @Test("254 holders, any threshold", arguments: [1, 2, 127, 253, 254])
  func largest(threshold: Int) throws {
    let secret = SecureRandom.bytes(32)
    let shares = try Self.shares(of: secret, threshold: threshold, count: 254)
    var random = SeededRandom(seed: UInt64(threshold))
    let held = (0..<254).shuffled(using: &random).prefix(threshold)
    let recovered = try Self.combine(
      held.map { shares[$0] }, points: held.map { UInt8($0 + 1) })
    #expect(recovered == secret)
    if threshold > 1 {
      let fewer = held.dropLast()
      #expect(
        try Self.combine(fewer.map { shares[$0] }, points: fewer.map { UInt8($0 + 1) }) != secret)
    }
  }

  @Test("t - 1 shares fit every secret: a missing share can move the result anywhere")
  func tooFewSharesSayNothing() throws {
    let shares = try Self.shares(of: SecureRandom.bytes(32), threshold: 3, count: 2)
    var seen: Set<UInt8> = []
    for value in UInt8.min...255 {
      let forged = [UInt8](repeating: value, count: 32)
      seen.insert(try Self.combine(shares + [forged], points: [1, 2, 3])[0])
    }
    #expect(seen.count == 256)
  }

  @Test("wrong shares are located, up to half of those beyond t")
  func wrongShares() throws {
    var random = SeededRandom(seed: 5)
    for (threshold, count) in [(3, 5), (5, 12), (20, 41), (55, 99)] {
      let secret = SecureRandom.bytes(32)
      let shares = try Self.shares(of: secret, threshold: threshold, count: count)
      let points = (1...count).map { UInt8($0) }
      for wrongCount in [0, 1, (count - threshold) / 2] {
        let wrong = Set(points.shuffled(using: &random).prefix(wrongCount))
        let values = zip(points, shares).map { wrong.contains($0) ? $1[0] ^ 0x5a : $1[0] }
        #expect(
          ReedSolomon.wrongPoints(points: points, values: values, threshold: threshold) == wrong)
      }
    }
  }
}
