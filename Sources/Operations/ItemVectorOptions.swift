internal import ArgumentParser
package import Recommendation

/// `--item-vectors` and `--item-ids`: public item vectors from a file, wherever a command takes them.
package struct ItemVectorOptions: ParsableArguments {
  @Option(
    help: """
      Public item vectors instead of those of the item texts: .npy or safetensors, one row an item, \
      by ascending code.
      """)
  var itemVectors: String?

  @Option(
    name: .customLong("item-ids"),
    help: "The item of each row of --item-vectors: a text file with one code a line.")
  var itemIDs: String?

  package init() {}

  /// - Throws: `ValidationError` for ids without vectors.
  package func validate() throws {
    guard itemIDs == nil || itemVectors != nil else {
      throw ValidationError("--item-ids names the rows of --item-vectors: give both.")
    }
  }

  /// The vectors of the file in the form that models are given; nil where no file was named.
  ///
  /// - Throws: `CommandFailure` saying what is wrong with a file: exit 5 unless the system cannot read it.
  package func features(for catalogue: Catalogue) throws -> ItemFeatures? {
    guard let itemVectors else { return nil }
    let vectors = try Self.read(itemVectors)
    let idBytes = try itemIDs.map(Self.read)
    do {
      return try ItemFeatures(
        importing: vectors, for: catalogue,
        ids: try idBytes.map { bytes throws in try ItemFeatures.ids(decoding: bytes) })
    } catch {
      throw CommandFailure(
        what: "\(itemVectors) holds no vectors of these items", why: "\(error)",
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
