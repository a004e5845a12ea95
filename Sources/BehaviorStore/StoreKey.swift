package import Cryptography

/// The key of a store's sealed columns. It is never stored: it is derived from the device's
/// identity key, which lies in a file of its own, so that erasing that file makes every sealed
/// value unreadable, and a device needs no second secret to keep.
package struct StoreKey: Sendable {
  private let tagKey: SecretBytes
  private let boxKey: SecretBytes

  /// Derives the key by keyed BLAKE2b-256 of the labels `tacit store/1 tag` and `tacit store/1 box`
  /// under the identity's seed. Ed25519 uses the seed through SHA-512 only, so neither use tells
  /// anything about the other.
  package init(identity: SigningKey) throws(CryptographyError) {
    let seed = try identity.seed
    tagKey = try BLAKE2b.derive(key: seed, info: Array("tacit store/1 tag".utf8))
    boxKey = try BLAKE2b.derive(key: seed, info: Array("tacit store/1 box".utf8))
  }

  /// A kind of sealed value. It is part of what the seal authenticates, so that no value opens in
  /// another column.
  enum Column: String {
    case item, occasion, components, modelState, interest, experiment
  }

  /// What tells this key from another without opening anything.
  var check: [UInt8] {
    get throws(CryptographyError) {
      try BLAKE2b.tag(of: Array("tacit store/1 check".utf8), key: tagKey)
    }
  }

  /// Names a text of a column: equal texts, byte for byte, have equal tags.
  func tag(_ text: [UInt8], _ column: Column) throws(CryptographyError) -> [UInt8] {
    try BLAKE2b.tag(of: Self.context(column) + text, key: tagKey)
  }

  /// The first eight bytes of the tag of an experiment's name: who does not hold the device's key cannot tell
  /// the draw, and two experiments draw independently.
  package func experimentDraw(_ name: String) throws(CryptographyError) -> UInt64 {
    try tag(Array(name.utf8), .experiment).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  func seal(_ bytes: [UInt8], _ column: Column) throws(CryptographyError) -> [UInt8] {
    try SealedBox.seal(bytes, key: boxKey, context: Self.context(column))
  }

  /// - Throws: `CryptographyError.authenticationFailed` if the value was changed, or sealed under
  ///   another key or for another column.
  func open(_ sealed: [UInt8], _ column: Column) throws(CryptographyError) -> [UInt8] {
    try SealedBox.open(sealed, key: boxKey, context: Self.context(column))
  }

  private static func context(_ column: Column) -> [UInt8] {
    // The zero byte ends the name: no column's name with a text is another's.
    Array("tacit store/1 \(column.rawValue)".utf8) + [0]
  }
}
