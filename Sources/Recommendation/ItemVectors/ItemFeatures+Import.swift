internal import VectorMath

extension ItemFeatures {
  /// Values of a vector after an import, unless it had fewer: as those of the texts.
  package static let importedDimension = TextFeatures.defaultDimension

  /// Values of all items before they are brought to the models' form: 1 GiB of doubles.
  private static let importedValues = 1 << 27

  /// A shorter row tells nothing.
  private static let smallestNorm = 1e-12

  /// Vectors from a file in the form that the models are given: those of the texts, too, have it.
  ///
  /// Rows are scaled to norm 1, projected to the 256 leading directions of their (uncentred) second
  /// moments where they have more values, scaled again, and freed of what all share
  /// (``centered()``). An item without a row, or with a row of zeros, keeps zeros: nothing is known
  /// about it.
  /// - Parameters:
  ///   - bytes: of a `.npy` or safetensors file; untrusted.
  ///   - catalogue: the items.
  ///   - ids: the code of each row of the file; rows of other codes are passed over. Nil where
  ///     there is one row an item, in the catalogue's order.
  /// - Throws: `ItemVectorError`.
  package init(
    importing bytes: [UInt8], for catalogue: Catalogue, ids: [String]? = nil
  ) throws(ItemVectorError) {
    let file = try ItemVectorFile.matrix(bytes)
    let rowOfItem: [Int?]
    if let ids {
      guard file.rows == ids.count else {
        throw .rowCount(expected: ids.count, actual: file.rows, of: .ids)
      }
      rowOfItem = try Self.rows(of: ids, catalogue)
    } else {
      guard file.rows == catalogue.count else {
        throw .rowCount(expected: catalogue.count, actual: file.rows, of: .items)
      }
      rowOfItem = Array(0..<file.rows)
    }
    guard catalogue.count <= Self.importedValues / file.columns else {
      throw .tooLarge(
        what: "table of \(catalogue.count) items of \(file.columns) values",
        actual: catalogue.count * file.columns, limit: Self.importedValues)
    }
    var vectors = DoubleMatrix(rows: catalogue.count, columns: file.columns)
    for (item, row) in rowOfItem.enumerated() {
      guard let row else { continue }
      for (column, value) in file.row(row).enumerated() { vectors[item, column] = Double(value) }
    }
    vectors.scaleRowsToUnitNorm(above: Self.smallestNorm)
    do {
      if file.columns > Self.importedDimension {
        let eigen = try SymmetricEigen.decompose(Kernels.gram(of: vectors))
        var leading = DoubleMatrix(rows: Self.importedDimension, columns: file.columns)
        for index in leading.storage.indices {
          leading.storage[index] = eigen.vectors.storage[index]
        }
        vectors = Kernels.product(vectors, leading.transposed())
      }
      self = try ItemFeatures(vectors: vectors.singleUnitRows(above: Self.smallestNorm)).centered()
    } catch {
      // Finite rows of norm 1 at most: neither step has another reason to fail.
      throw .numericalFailure(reason: "\(error)")
    }
    guard values.contains(where: { $0 != 0 }) else { throw .nothingTold }
  }

  private static func rows(
    of ids: [String], _ catalogue: Catalogue
  ) throws(ItemVectorError) -> [Int?] {
    var rows = [Int?](repeating: nil, count: catalogue.count)
    var seen: Set<String> = []
    for (row, id) in ids.enumerated() {
      guard seen.insert(id).inserted else { throw .repeatedID(row: row) }
      if let item = catalogue.index(of: id) { rows[item] = row }
    }
    guard rows.contains(where: { $0 != nil }) else { throw .noKnownID }
    return rows
  }

  /// The ids of an ids file: one a line, in the order of the rows; a line break at the end may be
  /// missing.
  ///
  /// - Parameter bytes: untrusted.
  /// - Throws: `ItemVectorError` for bytes that are no UTF-8.
  package static func ids(decoding bytes: [UInt8]) throws(ItemVectorError) -> [String] {
    // By bytes: CR LF is one character of a String.
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    var ids: [String] = []
    for line in lines {
      guard let id = String(validating: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
      else { throw .badID(row: ids.count) }
      ids.append(id)
    }
    return ids
  }
}
