internal import DelimitedText
internal import Operations
internal import Recommendation

/// The public price list as a CSV file with the header `code,description`.
enum CatalogueFile {
  private static let header = ["code", "description"]
  private static let largestFile = 1 << 28

  /// - Throws: `CommandFailure` (exit 5) naming the row that is wrong.
  static func read(_ path: String) throws -> Catalogue {
    guard let bytes = try DurableFile.read(path, limit: largestFile) else {
      throw CommandFailure(
        what: "there is no catalogue \(path)", why: "the file does not exist",
        next: "give the shop's public price list: CSV with the header code,description",
        exit: .invalidConfiguration)
    }
    do {
      return try catalogue(bytes, path: path)
    } catch {
      throw CommandFailure(
        what: "\(path) is not a catalogue", why: "\(error)", next: "mend that row",
        exit: .invalidConfiguration)
    }
  }

  private static func catalogue(_ bytes: [UInt8], path: String) throws -> Catalogue {
    var table = DelimitedTable(file: path, bytes: bytes, separator: .comma)
    guard try table.next() == header else {
      throw table.bad("the header is not \(header.joined(separator: ","))")
    }
    var items: [(code: String, description: String)] = []
    while let fields = try table.next() {
      guard fields.count == 2 else { throw table.bad("there are \(fields.count) fields, not 2") }
      items.append((fields[0], fields[1]))
    }
    items.sort { $0.code.utf8.lexicographicallyPrecedes($1.code.utf8) }
    return try Catalogue(codes: items.map(\.code), descriptions: items.map(\.description))
  }
}
