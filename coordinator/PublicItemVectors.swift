internal import Operations
internal import Recommendation

/// The public item vectors of a new federation: what every device scores texts and pictures by.
enum PublicItemVectors {
  /// Those of a file, or of the catalogue's descriptions where there is none: in both cases in the
  /// form that
  /// `tacit compare` measures.
  ///
  /// - Parameters:
  ///   - path: of a `.npy` or safetensors file; nil for the descriptions.
  ///   - ids: path of the file with the code of each row; nil for one row an item by ascending
  ///     code.
  /// - Throws: `CommandFailure` (exit 5) saying what is wrong with a file, or what the texts'
  ///   vectors throw.
  static func make(
    catalogue: Catalogue, path: String?, ids: String?
  ) throws -> ItemFeatures {
    guard let path else { return try TextFeatures.vectors(descriptions: catalogue.descriptions) }
    let vectors = try read(path)
    let idBytes = try ids.map(read)
    do {
      return try ItemFeatures(
        importing: vectors, for: catalogue,
        ids: try idBytes.map { bytes throws in try ItemFeatures.ids(decoding: bytes) })
    } catch {
      throw CommandFailure(
        what: "\(path) holds no vectors of these items", why: "\(error)",
        next: "mend it, or make one with scripts/embed_items.py", exit: .invalidConfiguration)
    }
  }

  private static func read(_ path: String) throws -> [UInt8] {
    guard let bytes = try DurableFile.read(path, limit: ItemVectorFile.Limits.fileBytes) else {
      throw CommandFailure(
        what: "there is no file \(path)", why: "it was named for the item vectors",
        next: "name one that exists, or leave the option out", exit: .invalidConfiguration)
    }
    return bytes
  }
}
