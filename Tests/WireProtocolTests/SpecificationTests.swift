import SecureAggregation
import Testing
import WireProtocol

/// The tables of `protocol/SPEC.md` against the code.
@Suite("Wire specification")
struct SpecificationTests {
  /// Cells of the table rows between the heading that starts with `heading` and the next heading.
  private static func rows(under heading: String) throws -> [[String]] {
    let lines = try TestFile.specification()
    let start = try #require(lines.firstIndex { $0.hasPrefix(heading) })
    let section = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }
    return section.filter { $0.hasPrefix("|") && !$0.hasPrefix("|---") }.dropFirst().map { line in
      line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
        .map { $0.trimming(while: { $0 == " " }) }
    }
  }

  @Test("the table of kinds is the list of kinds in the code")
  func kinds() throws {
    let rows = try Self.rows(under: "## 3. Kinds")
    let written = try rows.map { row in
      "\(try #require(UInt8(row[0]))) \(row[1])"
    }
    let coded = Message.Kind.allCases.map { kind in
      let name = "\(kind)"
      return "\(kind.rawValue) \(name.prefix(1).uppercased())\(name.dropFirst())"
    }
    #expect(written == coded)
  }

  @Test("the table of refusals is the list of refusals in the code")
  func refusals() throws {
    let rows = try Self.rows(under: "## 8. Refusals").filter { UInt16($0[0]) != nil }
    var written: [UInt16: String] = [:]
    for row in rows {
      written[try #require(UInt16(row[0]))] = row[1]
      if let code = UInt16(row[3]) { written[code] = row[4] }
    }
    let coded = RefusalCode.allCases.map { ($0.rawValue, "\($0)") }
    #expect(written == Dictionary(uniqueKeysWithValues: coded))
  }

  @Test("the table of limits is that of the code")
  func limits() throws {
    let rows = try Self.rows(under: "## 2. Frames")
    let written = try rows.map { row in
      try #require(Int(row[1].filter { $0 != "," }), "\(row)")
    }
    #expect(
      written == [
        FrameLimits.maximumChunkBytes, FrameLimits.maximumPolicyBytes,
        FrameLimits.maximumCheckpointBytes, FrameLimits.maximumReasonBytes,
        FrameLimits.maximumBlobBytes, FrameLimits.maximumDimension,
      ])
  }

  @Test("every rejection that a client can bring about is in the specification by its wire name")
  func rejections() throws {
    let text = try TestFile.specification().joined(separator: " ")
    for rejection in UpdateRejection.allCases where rejection != .coordinatorFault {
      #expect(text.contains("`\(rejection.rawValue)`"), "\(rejection)")
    }
  }

  @Test("every reason to leave a masked round is in the specification, and nothing else is")
  func roundRefusals() throws {
    let text = try TestFile.specification().joined(separator: " ")
    let list = try #require(text.split(separator: "Reasons: ").last?.split(separator: ".").first)
    let written = list.split(separator: ",").map { $0.filter { $0 != "`" && $0 != " " } }
    #expect(written == RoundRefusal.all.map(\.name))
    for refusal in RoundRefusal.all { #expect(RoundRefusal(name: refusal.name) == refusal) }
    #expect(RoundRefusal(name: "") == nil)
  }
}

extension Substring {
  fileprivate func trimming(while isPadding: (Character) -> Bool) -> String {
    var rest = self.drop(while: isPadding)
    while let last = rest.last, isPadding(last) { rest.removeLast() }
    return String(rest)
  }
}
