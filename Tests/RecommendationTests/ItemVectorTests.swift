import CanonicalJSON
import Testing
import VectorMath

@testable import Recommendation

@Suite("Item vectors from files")
struct ItemVectorTests {
  private static let rows: [[Float]] = [[1, 2, 2], [0, 0, 0], [-3, 0, 4], [0.5, 0.25, -1]]

  private static func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private static func numpy(
    header: String, version: UInt8 = 1, values: [UInt8]
  ) -> [UInt8] {
    let length =
      version == 1
      ? littleEndian(UInt16(header.utf8.count)) : littleEndian(UInt32(header.utf8.count))
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + values
  }

  private static func header(_ type: String, _ shape: String = "(4, 3)") -> String {
    "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }          \n"
  }

  private static func float32(_ rows: [[Float]]) -> [UInt8] {
    rows.joined().flatMap { littleEndian($0.bitPattern) }
  }

  private static func safetensors(_ header: String, values: [UInt8]) -> [UInt8] {
    littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + values
  }

  private static let numpyFile = numpy(header: header("<f4"), values: float32(rows))
  private static let safetensorsFile = safetensors(
    #"{"__metadata__":{"format":"pt"},"v":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]}}"#,
    values: float32(rows))

  private static func catalogue() throws -> Catalogue {
    try Catalogue(codes: ["a", "b", "c", "d"], descriptions: ["", "", "", ""])
  }

  @Test("every accepted form gives the rows that were written")
  func forms() throws {
    let wanted = Array(Self.rows.joined())
    let doubles = Self.rows.joined().flatMap { Self.littleEndian(Double($0).bitPattern) }
    let halves = Self.rows.joined().flatMap { Self.littleEndian(Float16($0).bitPattern) }
    let brains = Self.rows.joined().flatMap { Self.littleEndian(UInt16($0.bitPattern >> 16)) }
    let plain = #"{'shape':(4,3),"fortran_order":False,'descr':'<f8'}"#
    for (name, file) in [
      ("npy 1 f4", Self.numpyFile),
      (
        "npy 2 f4",
        Self.numpy(header: Self.header("<f4"), version: 2, values: Self.float32(Self.rows))
      ),
      ("npy 3 f8", Self.numpy(header: Self.header("<f8"), version: 3, values: doubles)),
      ("npy other spacing", Self.numpy(header: plain, values: doubles)),
      ("safetensors F32", Self.safetensorsFile),
      (
        "safetensors F16",
        Self.safetensors(
          #"{"v":{"dtype":"F16","shape":[4,3],"data_offsets":[0,24]}}   "#, values: halves)
      ),
      (
        "safetensors BF16 beside a vector",
        Self.safetensors(
          #"{"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"#
            + #""v":{"dtype":"BF16","shape":[4,3],"data_offsets":[8,32]}}"#,
          values: [UInt8](repeating: 9, count: 8) + brains)
      ),
    ] {
      let matrix = try ItemVectorFile.matrix(file)
      #expect(matrix.rows == 4 && matrix.columns == 3 && matrix.storage == wanted, "\(name)")
    }
  }

  @Test("every file that is cut short, or has a byte more, is an error")
  func truncated() throws {
    for file in [Self.numpyFile, Self.safetensorsFile] {
      for count in 0..<file.count {
        #expect(throws: ItemVectorError.self) { try ItemVectorFile.matrix(Array(file[..<count])) }
      }
      #expect(throws: ItemVectorError.trailingBytes(1)) { try ItemVectorFile.matrix(file + [0]) }
    }
  }

  @Test("no changed byte of a header crashes, and what is still read has the announced shape")
  func changedBytes() {
    for file in [Self.numpyFile, Self.safetensorsFile] {
      for place in 0..<(file.count - 48) {
        for change in [0x00, 0x01, 0x20, 0x39, 0x7F, 0xFF] as [UInt8] where file[place] != change {
          var changed = file
          changed[place] = change
          // Most throw; a blank or a key of metadata may change freely.
          if let matrix = try? ItemVectorFile.matrix(changed) {
            #expect(matrix.rows * matrix.columns * 4 == 48)
          }
        }
      }
    }
  }

  @Test("what a header may not say")
  func badHeaders() {
    let values = Self.float32(Self.rows)
    func numpy(_ header: String) -> [UInt8] { Self.numpy(header: header, values: values) }
    func tensors(_ header: String) -> [UInt8] { Self.safetensors(header, values: values) }
    let huge = "99999999999999999999"
    let numpyTypes = "little-endian f4 and f8 (in NumPy: array.astype('<f4'))"
    let incomplete = ItemVectorError.badHeader(
      reason: "a tensor lacks its dtype, shape or data_offsets")
    let beforeNumber = #"{"v":{"dtype":"F32","shape":[4,3],"data_offsets":[0,"#
    let cases: [(file: [UInt8], expected: ItemVectorError)] = [
      (
        numpy(Self.header(">f4")), .unsupportedType(found: ">f4", accepted: numpyTypes)
      ),
      (numpy(Self.header("|O")), .unsupportedType(found: "|O", accepted: numpyTypes)),
      (numpy(Self.header("<f4", "(12,)")), .badShape([12])),
      (numpy(Self.header("<f4", "(2, 2, 3)")), .badShape([2, 2, 3])),
      (numpy(Self.header("<f4", "(0, 3)")), .badShape([0, 3])),
      (
        numpy(Self.header("<f4", "(4, 5000)")),
        .tooLarge(what: "values a vector", actual: 5_000, limit: 4_096)
      ),
      // Announces gigabytes: refused before anything is allocated.
      (
        numpy(Self.header("<f4", "(1000000, 4096)")),
        .truncated(part: "values", needed: 16_384_000_000, available: 48)
      ),
      (
        numpy(Self.header("<f4", "(\(huge), 3)")),
        .badHeader(reason: "the shape holds something that is no number, or too large a one")
      ),
      (
        numpy(Self.header("<f4").replacing("False", with: "True")),
        .badHeader(reason: "it is in Fortran order (in NumPy: numpy.ascontiguousarray(array))")
      ),
      (
        numpy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4, 3)}"),
        .badHeader(reason: "a key occurs twice")
      ),
      (
        numpy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (4, 3)}"),
        .badHeader(reason: "a quoted text is missing")
      ),
      (
        tensors(#"{"v":{"dtype":"F64","shape":[4,3],"data_offsets":[0,48]}}"#),
        .unsupportedType(found: "F64", accepted: "F32, F16 and BF16")
      ),
      (
        tensors(#"{"v":{"dtype":"F32","shape":[4,3],"data_offsets":[0,47]}}"#),
        .trailingBytes(1)
      ),
      (
        tensors(
          #"{"v":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
            + #""w":{"dtype":"F32","shape":[2,3],"data_offsets":[24,48]}}"#),
        .badHeader(reason: "2 tensors have two dimensions; save the vectors alone")
      ),
      (
        tensors(#"{"v":{"dtype":"F32","shape":[4,3],"data_offsets":[8,48]}}"#),
        .badHeader(reason: "its tensors overlap or leave holes")
      ),
      (
        tensors(beforeNumber + "9007199254740993]}}"),
        .badHeader(reason: "\(JSONError.numberOutOfRange(offset: beforeNumber.utf8.count))")
      ),
      (tensors(#"{"v":{"dtype":"F32","shape":[-4,3],"data_offsets":[0,48]}}"#), incomplete),
      (tensors("{}"), .badHeader(reason: "it names no tensor")),
      (
        Self.littleEndian(UInt64.max) + Array("{}".utf8),
        .tooLarge(what: "header bytes", actual: .max, limit: 1 << 20)
      ),
      (Array("code,description\n".utf8), .unknownFormat),
    ]
    for (file, expected) in cases {
      #expect(throws: expected) { try ItemVectorFile.matrix(file) }
    }
  }

  @Test("values that are not finite are named by their row")
  func notFinite() {
    for bad in [Float.nan, .infinity] {
      var rows = Self.rows
      rows[2][1] = bad
      #expect(throws: ItemVectorError.notFinite(row: 2)) {
        try ItemVectorFile.matrix(
          Self.numpy(header: Self.header("<f4"), values: Self.float32(rows)))
      }
    }
    let doubles = [1, 1e300].flatMap { Self.littleEndian($0.bitPattern) }
    #expect(throws: ItemVectorError.notFinite(row: 1)) {
      try ItemVectorFile.matrix(Self.numpy(header: Self.header("<f8", "(2, 1)"), values: doubles))
    }
  }

  @Test("features are centred unit rows; an unknown item stays zero")
  func features() throws {
    let features = try ItemFeatures(importing: Self.numpyFile, for: Self.catalogue())
    #expect(features.itemCount == 4 && features.dimension == 3)
    #expect(Array(features.vectors.row(1)) == [0, 0, 0])
    // By hand: rows at norm 1 are (1, 2, 2)/3, (-3, 0, 4)/5 and (2, 1, -4)/sqrt(21).
    let unit: [[Double]] = [
      [1.0 / 3, 2.0 / 3, 2.0 / 3], [-0.6, 0, 0.8],
      [2, 1, -4].map { $0 / 21.0.squareRoot() },
    ]
    let mean = (0..<3).map { column in unit.reduce(0) { $0 + $1[column] } / 3 }
    for (row, item) in [(0, 0), (1, 2), (2, 3)] {
      let centred = (0..<3).map { unit[row][$0] - mean[$0] }
      let norm = centred.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for column in 0..<3 {
        #expect(abs(Double(features.vectors[item, column]) - centred[column] / norm) < 1e-6)
      }
    }
  }

  @Test("rows are found by their ids; the order of the file does not matter")
  func ids() throws {
    let catalogue = try Self.catalogue()
    let inOrder = try ItemFeatures(importing: Self.numpyFile, for: catalogue)
    let mixed = Self.numpy(
      header: Self.header("<f4"), values: Self.float32([3, 0, 2, 1].map { Self.rows[$0] }))
    #expect(
      try ItemFeatures(importing: mixed, for: catalogue, ids: ["d", "a", "c", "b"]) == inOrder)
    // Item d has no row, and a row of no item is passed over: d is unknown.
    let fewer = try ItemFeatures(importing: mixed, for: catalogue, ids: ["x", "a", "c", "b"])
    #expect(Array(fewer.vectors.row(3)) == [0, 0, 0])
    #expect(throws: ItemVectorError.repeatedID(row: 2)) {
      try ItemFeatures(importing: mixed, for: catalogue, ids: ["d", "a", "d", "b"])
    }
    #expect(throws: ItemVectorError.noKnownID) {
      try ItemFeatures(importing: mixed, for: catalogue, ids: ["w", "x", "y", "z"])
    }
    #expect(throws: ItemVectorError.rowCount(expected: 3, actual: 4, of: .ids)) {
      try ItemFeatures(importing: mixed, for: catalogue, ids: ["d", "a", "c"])
    }
    #expect(try ItemFeatures.ids(decoding: Array("a\r\nb\n\nd".utf8)) == ["a", "b", "", "d"])
    #expect(throws: ItemVectorError.badID(row: 1)) {
      try ItemFeatures.ids(decoding: [0x61, 0x0A, 0xFF, 0x0A])
    }
  }

  @Test("vectors of another number of rows, or that tell nothing, are refused")
  func useless() throws {
    let five = try Catalogue(
      codes: ["a", "b", "c", "d", "e"], descriptions: ["", "", "", "", ""])
    #expect(throws: ItemVectorError.rowCount(expected: 5, actual: 4, of: .items)) {
      try ItemFeatures(importing: Self.numpyFile, for: five)
    }
    for row: [Float] in [[0, 0, 0], [1, 1, 2]] {
      let alike = Self.numpy(
        header: Self.header("<f4"),
        values: Self.float32([[Float]](repeating: row, count: 4)))
      #expect(throws: ItemVectorError.nothingTold) {
        try ItemFeatures(importing: alike, for: Self.catalogue())
      }
    }
  }

  @Test("vectors of more than 256 values keep their likenesses", arguments: [20, 400])
  func projection(itemCount: Int) throws {
    // Directions of falling weight, as those of a language model: 300 values, of which few matter.
    var generator = SeededRandom(seed: UInt64(itemCount))
    let rows = (0..<itemCount).map { _ in
      (0..<300).map { Float.random(in: -1...1, using: &generator) / Float(1 + $0) }
    }
    let catalogue = try Catalogue(
      codes: (0..<itemCount).map { String(1_000 + $0) },
      descriptions: [String](repeating: "", count: itemCount))
    let imported = try ItemFeatures(
      importing: Self.numpy(
        header: Self.header("<f4", "(\(itemCount), 300)"), values: Self.float32(rows)),
      for: catalogue)
    #expect(imported.dimension == 256)
    let unit = rows.map { row in
      let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return row.map { $0 / norm }
    }
    var flat = Matrix(rows: itemCount, columns: 300)
    for (row, values) in unit.enumerated() {
      for (column, value) in values.enumerated() { flat[row, column] = value }
    }
    let whole = try ItemFeatures(vectors: flat).centered()
    for first in 0..<10 {
      for second in 0..<10 {
        #expect(abs(imported.cosine(first, second) - whole.cosine(first, second)) < 1e-3)
      }
    }
  }

  @Test("a table that the catalogue would blow up is refused before it is made")
  func hugeTable() throws {
    let catalogue = try Catalogue(
      codes: (0..<40_000).map { String(100_000 + $0) },
      descriptions: [String](repeating: "", count: 40_000))
    #expect {
      try ItemFeatures(
        importing: Self.numpy(
          header: Self.header("<f4", "(1, 4096)"),
          values: Self.float32([[Float](repeating: 1, count: 4096)])),
        for: catalogue, ids: ["100000"])
    } throws: { error in
      if case .tooLarge? = error as? ItemVectorError { true } else { false }
    }
  }
}
